import { describe, expect, it } from "vitest";
import { endId } from "../../src/events/ids.ts";
import { closeProxy, closeUserConn, newProxy, newUserConn } from "./ops.ts";
import { World } from "./world.ts";

const connectionTypes = ["tcp", "https", "tcpmux"];
const sharedTypes = ["stcp", "sudp"];

describe("pairing", () => {
  it.each(connectionTypes)("a %s connection has one start and one end, measured between them", (type) => {
    const world = new World();
    world.ask(newProxy({ type, remotePort: 6000, domains: ["a.example.com"] }));
    const started = world.ask(newUserConn({ type }));
    world.clock.advance(1234);
    const closed = world.ask(closeUserConn({ type, traffic: { in: 10, out: 20 } }));
    expect(closed.data.session).toEqual({ id: started.id, key: started.data.session.key });
    expect(world.of("session.ended")).toEqual([
      expect.objectContaining({
        id: endId(started.id, false),
        partitionkey: started.partitionkey,
        subject: started.subject,
        policyrev: started.policyrev,
      }),
    ]);
    expect(world.of("session.ended")[0].data).toMatchObject({
      session: { id: started.id, key: started.data.session.key },
      user: "alice",
      proxy: { name: "alice.ssh", type, remotePort: 6000, domains: ["a.example.com"] },
      remote: { ip: "203.0.113.9", port: 50000 },
      decision: { effect: "allowed", rule: "user:alice" },
      startedAt: started.time,
      endedAt: closed.time,
      durationMs: 1234,
      durationClock: "monotonic",
      bytes: { in: 10, out: 20 },
      end: {
        reason: "closed",
        inferred: false,
        notBefore: closed.time,
        notAfter: closed.time,
        closedBy: closed.id,
      },
      pairing: "exact",
    });
    expect(world.of("session.ended")[0].supersedes).toBeUndefined();
  });

  it.each(sharedTypes)("a %s close takes the oldest of its key, and says how sure that is", (type) => {
    const world = new World();
    const starts = [1, 2, 3].map(() => {
      world.clock.advance(100);
      return world.ask(newUserConn({ type }));
    });
    for (let n = 0; n < 3; n++) {
      world.clock.advance(1000);
      world.ask(closeUserConn({ type }));
    }
    const ends = world.of("session.ended");
    expect(ends.map(({ data }) => data.session.id)).toEqual(starts.map(({ id }) => id));
    expect(ends.map(({ data }) => data.pairing)).toEqual(["ambiguous", "ambiguous", "likely"]);
    expect(ends.map(({ data }) => data.durationMs)).toEqual([1200, 2100, 3000]);
  });

  it("a close before, without, or a second time for its start is seen, and ends nothing", () => {
    const world = new World();
    const before = world.ask(closeUserConn());
    const started = world.ask(newUserConn());
    world.ask(closeUserConn());
    const second = world.ask(closeUserConn());
    const without = world.ask(closeUserConn({ from: "203.0.113.10:1" }));
    expect(world.of("session.ended").map(({ data }) => data.session.id)).toEqual([started.id]);
    expect([before, second, without].map(({ type, data }) => [type, data.session.id])).toEqual([
      ["sluice.session.closed", null],
      ["sluice.session.closed", null],
      ["sluice.session.closed", null],
    ]);
    expect(world.told.unpaired).toBe(3);
  });

  it("a refused connection opens no session", () => {
    const world = new World();
    const refused = world.ask(newUserConn(), "refused");
    expect(refused.type).toBe("sluice.session.refused");
    world.ask(closeUserConn());
    expect(world.of("session.ended")).toEqual([]);
    expect(world.sessions.open.size).toBe(0);
  });

  it("a second start of a connection's address ends the first, and only that", () => {
    const world = new World();
    const first = world.ask(newUserConn());
    world.clock.advance(10);
    const second = world.ask(newUserConn());
    expect(world.of("session.ended").map(({ data }) => [data.session.id, data.end.reason])).toEqual([
      [first.id, "replaced"],
    ]);
    world.ask(closeUserConn());
    expect(world.of("session.ended", second.id)[0].data).toMatchObject({ pairing: "exact", durationMs: 0 });
  });

  it("a start that is told twice, by a frps that lists the plugin twice, is one session", () => {
    const world = new World();
    const op = newUserConn({ reqid: "0123456789abcdef" });
    world.ask(op);
    world.ask(op);
    world.ask(closeUserConn());
    expect(world.of("session.ended")).toHaveLength(1);
    expect(world.sessions.open.size).toBe(0);
  });

  it.each(["tcp", "stcp"])("a %s close that is told twice so is one event, and ends one session", (type) => {
    const world = new World();
    const [first, second] = [1, 2].map((port) =>
      world.ask(newUserConn({ type, from: type === "tcp" ? `203.0.113.9:${port}` : "203.0.113.9:1" })),
    );
    const close = closeUserConn({ type, from: "203.0.113.9:1", reqid: "0123456789abcdef" });
    const told = [world.ask(close), world.ask(close)];
    expect(told.map(({ id, data }) => [id, data.session.id])).toEqual([
      [told[0].id, first.id],
      [told[0].id, first.id],
    ]);
    expect(world.of("session.ended").map(({ data }) => data.session.id)).toEqual([first.id]);
    expect(world.told.unpaired).toBe(0);
    world.restart();
    expect(world.sessions.open.all().map(({ id }) => id)).toEqual([second.id]);
  });

  it("a session whose start is refused after all is ended as overridden", () => {
    const world = new World();
    const op = newUserConn();
    const started = world.ask(op);
    world.override(op, started);
    expect(world.of("session.ended")[0].data.end).toMatchObject({ reason: "overridden", inferred: false });
    expect(world.sessions.open.size).toBe(0);
    expect(world.sessions.counts.begun("user", "alice")).toBe(0);
  });

  it("the same address at two proxies, clients or nodes is as many sessions", () => {
    const world = new World();
    world.ask(newUserConn());
    world.ask(newUserConn({ proxy: "alice.web" }));
    world.ask(newUserConn({ node: "edge-2" }));
    world.ask(newUserConn({ client: "c_00000000000000bb", user: "bob", proxy: "bob.ssh" }));
    expect(world.sessions.open.size).toBe(4);
    world.ask(closeUserConn({ node: "edge-2" }));
    expect(world.of("session.ended").map(({ data }) => data.node)).toEqual(["edge-2"]);
  });
});

describe("an end that nobody announced", () => {
  it("is inferred from the proxy's close, a moment later where nothing is known of the node", () => {
    const world = new World();
    const started = world.ask(newUserConn());
    world.clock.advance(5000);
    const closed = world.ask(closeProxy());
    world.clock.advance(1999);
    expect(world.of("session.ended")).toEqual([]);
    world.clock.advance(1);
    const [ended] = world.of("session.ended");
    expect(ended.id).toBe(endId(started.id, true));
    expect(ended.data).toMatchObject({
      endedAt: closed.time,
      durationMs: null,
      durationClock: null,
      bytes: null,
      end: {
        reason: "proxy_closed",
        inferred: true,
        notBefore: started.time,
        notAfter: null,
        closedBy: null,
      },
      pairing: "none",
    });
  });

  it("is inferred only after the grace where closes are known to come, and superseded when one does", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    const [first, late] = ["203.0.113.9:1", "203.0.113.9:2"].map((from) => world.ask(newUserConn({ from })));
    world.ask(closeProxy());
    world.clock.advance(59_999);
    world.ask(closeUserConn({ from: "203.0.113.9:1" }));
    world.clock.advance(1);
    expect(world.of("session.ended").map(({ data }) => [data.session.id, data.end.inferred])).toEqual([
      [first.id, false],
      [late.id, true],
    ]);
    world.clock.advance(1000);
    const closed = world.ask(closeUserConn({ from: "203.0.113.9:2" }));
    const announced = world.of("session.ended", late.id)[1];
    expect(announced).toMatchObject({ id: endId(late.id, false), supersedes: endId(late.id, true) });
    expect(announced.data).toMatchObject({
      durationMs: 61_000,
      end: { reason: "closed", closedBy: closed.id },
    });
    expect(closed.data.session.id).toBe(late.id);
  });

  it("is forgotten to come where a proxy closed and none of its connections got one", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    world.ask(newUserConn());
    world.ask(closeProxy());
    world.clock.advance(60_000);
    expect(world.told.announcements).toEqual(["tcp false"]);
    world.ask(newUserConn({ from: "203.0.113.9:2" }));
    world.ask(closeProxy());
    expect(world.of("session.ended")).toHaveLength(2);
    world.ask(newUserConn({ from: "203.0.113.9:3" }));
    world.ask(closeUserConn({ from: "203.0.113.9:3" }));
    expect(world.told.announcements).toEqual(["tcp false", "tcp true"]);
  });
});
