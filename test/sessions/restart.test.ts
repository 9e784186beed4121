import { describe, expect, it } from "vitest";
import { endId } from "../../src/events/ids.ts";
import { snapshotLines } from "../../src/sessions/snapshot.ts";
import { closeProxy, closeUserConn, login, newProxy, newUserConn } from "./ops.ts";
import { content, endsOf, ways } from "./restarts.ts";
import { World } from "./world.ts";

const client = "c_00000000000000a1";

describe.each(ways)("after a kill, taken up again $way", ({ snapshot }) => {
  it("200 open sessions get 200 ends, one each", () => {
    const world = new World();
    const asked = Array.from({ length: 200 }, (_, n) =>
      newUserConn({ type: n % 2 ? "tcp" : "stcp", from: `203.0.113.9:${1000 + (n % 2 ? n : n % 10)}` }),
    );
    const ids = asked.map((op) => world.ask(op).id);
    world.restart(snapshot(world));
    expect(world.sessions.open.size).toBe(200);
    for (const { proxy, remote } of asked) {
      world.ask(closeUserConn({ type: proxy!.type!, from: `${remote!.ip}:${remote!.port}` }));
    }
    const ends = world.of("session.ended");
    expect(ends.map(({ data }) => data.session.id).sort()).toEqual([...ids].sort());
    expect(ends.map(({ id }) => id).sort()).toEqual(ids.map((id) => endId(id, false)).sort());
    expect(world.sessions.open.size).toBe(0);
  });

  it.each(["tcp", "stcp"])("a %s close whose end was torn off is derived again, the same", (type) => {
    const world = new World();
    world.ask(newProxy({ type, remotePort: 6000 }));
    world.ask(newUserConn({ type }));
    world.ask(newUserConn({ type, from: "203.0.113.9:2" }));
    if (type === "stcp") world.ask(newUserConn({ type }));
    const before = snapshot(world);
    world.clock.advance(1_500);
    world.ask(closeUserConn({ type, traffic: { in: 1, out: 2 } }));
    const [first] = world.of("session.ended");
    world.clock.advance(9_000);
    world.restart(before, 1);
    const [again, ...more] = world.of("session.ended");
    expect(more).toEqual([]);
    expect(content(again)).toEqual(content(first));
    expect(again.data).toMatchObject({ durationMs: 1_500, durationClock: "wall", bytes: { in: 1, out: 2 } });
    world.restart(before);
    expect(world.of("session.ended")).toEqual([again]);
  });

  it("a late close whose end was torn off still supersedes the inferred one", () => {
    const world = new World();
    const started = world.ask(newUserConn());
    world.ask(closeProxy());
    world.clock.advance(2_000);
    const before = snapshot(world);
    world.ask(closeUserConn());
    world.restart(before, 1);
    const announced = world.of("session.ended", started.id)[1];
    expect(announced).toMatchObject({ id: endId(started.id, false), supersedes: endId(started.id, true) });
    expect(endsOf(world)).toHaveLength(2);
  });

  it("what was inferred can still be told", () => {
    const world = new World();
    const started = world.ask(newUserConn());
    world.ask(closeProxy());
    world.clock.advance(2_000);
    world.restart(snapshot(world));
    world.ask(closeUserConn());
    expect(endsOf(world)).toEqual([
      [started.id, "proxy_closed"],
      [started.id, "closed"],
    ]);
  });

  it("a departure waits for the rest of its grace, and is about the sessions that it was about", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    const [closed, left] = [1, 2].map((port) => world.ask(newUserConn({ from: `203.0.113.9:${port}` })));
    world.ask(closeProxy());
    world.ask(newProxy());
    const later = world.ask(newUserConn({ from: "203.0.113.9:3" }));
    world.clock.advance(30_000);
    world.ask(closeUserConn({ from: "203.0.113.9:1" }));
    world.restart(snapshot(world));
    world.clock.advance(29_999);
    expect(endsOf(world)).toEqual([[closed.id, "closed"]]);
    world.clock.advance(1);
    expect(endsOf(world)).toEqual([
      [closed.id, "closed"],
      [left.id, "proxy_closed"],
    ]);
    expect(world.sessions.open.all().map(({ id }) => id)).toEqual([later.id]);
    expect(world.told.announcements).toEqual([]);
  });

  it("a departure that fell due while nobody ran is inferred at once", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    const started = world.ask(newUserConn());
    const closed = world.ask(closeProxy());
    const before = snapshot(world);
    world.sessions.stop();
    world.clock.advance(600_000);
    world.restart(before);
    expect(endsOf(world)).toEqual([[started.id, "proxy_closed"]]);
    expect(world.of("session.ended")[0].data.endedAt).toBe(closed.time);
  });

  it("a start that was refused after all ends as overridden, also when that end was torn off", () => {
    const world = new World();
    const op = newUserConn();
    const before = snapshot(world);
    const started = world.ask(op);
    world.override(op, started);
    world.restart(before, 1);
    expect(endsOf(world)).toEqual([[started.id, "overridden"]]);
    expect(world.of("session.ended")[0].id).toBe(endId(started.id, false));
    expect(world.sessions.counts.begun("user", "alice")).toBe(0);
    world.restart(before);
    expect(endsOf(world)).toHaveLength(1);
  });

  it("a connection that was replaced is, at the moment at which its address began another one", () => {
    const world = new World();
    const before = snapshot(world);
    const first = world.ask(newUserConn());
    world.clock.advance(700);
    const second = world.ask(newUserConn());
    world.sessions.stop();
    world.clock.advance(9_000);
    world.restart(before, 1);
    expect(endsOf(world)).toEqual([[first.id, "replaced"]]);
    expect(world.of("session.ended")[0].data).toMatchObject({
      endedAt: second.time,
      end: { notAfter: second.time },
    });
    world.ask(closeUserConn());
    world.ask(closeUserConn());
    expect(endsOf(world)).toEqual([
      [first.id, "replaced"],
      [second.id, "closed"],
    ]);
  });

  it("what is known of announced ends is known, and so is what was found not to be announced", () => {
    const world = new World();
    world.ask(newUserConn());
    world.ask(closeUserConn());
    world.ask(newUserConn({ type: "https", proxy: "alice.web" }));
    world.ask(closeProxy({ proxy: "alice.web" }));
    world.clock.advance(2_000);
    world.restart(snapshot(world));
    expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(true);
    expect(world.sessions.counts.endsAnnounced("edge-1", "https")).toBe(false);
    expect([...world.sessions.roster.kinds()].map(({ type, proof }) => [type, proof])).toEqual([
      ["tcp", "told"],
      ["https", "doubted"],
    ]);
  });

  it("a doubt that a later close has answered does not come back", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    world.ask(newUserConn());
    world.ask(closeProxy());
    world.clock.advance(60_000);
    expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(false);
    world.ask(newUserConn({ proxy: "alice.web" }));
    world.clock.advance(1_000);
    world.ask(closeUserConn({ proxy: "alice.web" }));
    world.restart(snapshot(world));
    world.clock.advance(120_000);
    expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(true);
  });

  it.each([0, 3_600_000, -3_600_000])(
    "a duration is never negative, with the wall clock %i ms off",
    (stepMs) => {
      const world = new World();
      world.ask(newUserConn());
      world.clock.advance(5_000);
      world.restart(snapshot(world));
      world.clock.stepWall(stepMs);
      world.ask(closeUserConn());
      expect(world.of("session.ended")[0].data).toMatchObject({
        durationMs: Math.max(0, 5_000 + stepMs),
        durationClock: "wall",
      });
    },
  );

  it("as many are open as were, and sessions of one proxy share what is known of it", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    world.ask(login());
    world.ask(newProxy({ client }));
    for (let port = 1; port <= 5; port++) world.ask(newUserConn({ client, from: `203.0.113.9:${port}` }));
    world.restart(snapshot(world));
    expect([...world.sessions.roster.kinds()].map(({ type, open }) => [type, open])).toEqual([["tcp", 5]]);
    world.ask(newUserConn({ client, from: "203.0.113.9:6" }));
    expect(new Set(world.sessions.open.all().map(({ setting }) => setting)).size).toBe(1);
  });
});

describe("a snapshot whose lines are taken while ops go by", () => {
  it("is of the moment at which it was begun", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    world.ask(login());
    world.ask(newProxy({ client }));
    world.ask(newUserConn({ client }));
    const through = world.journal.length;
    const then = [...snapshotLines(world.sessions)];
    const lines = snapshotLines(world.sessions);
    const taken = [lines.next().value];
    world.ask(closeUserConn({ client }));
    world.ask(closeProxy({ client }));
    world.ask(newProxy({ client }));
    world.ask(newUserConn({ client, from: "203.0.113.9:2" }));
    world.ask(login({ user: "bob" }));
    expect([...taken, ...lines]).toEqual(then);
    world.restart({ lines: then, through });
    world.clock.advance(120_000);
    expect(world.sessions.open.size).toBe(1);
  });

  it("puts no session that began behind a proxy's close among those that the close is about", () => {
    const world = new World();
    world.ask(newProxy());
    const through = world.journal.length;
    const lines = snapshotLines(world.sessions);
    const taken = [lines.next().value];
    world.ask(closeProxy());
    world.ask(newProxy());
    const started = world.ask(newUserConn());
    world.restart({ lines: [...taken, ...lines], through });
    world.clock.advance(120_000);
    expect(world.sessions.open.all().map(({ id }) => id)).toEqual([started.id]);
  });
});
