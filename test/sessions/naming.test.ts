/** events.pseudonyms is set, or taken away, while sessions are open: between two starts. */
import { describe, expect, it } from "vitest";
import type { Op } from "../../src/op.ts";
import { Pseudonyms } from "../../src/pseudonyms/pseudonyms.ts";
import { makeDir } from "../journal/harness.ts";
import { closeUserConn, login, newProxy, newUserConn, ping } from "./ops.ts";
import { ways } from "./restarts.ts";
import { Site } from "./site.ts";
import { type AnyEvent, World } from "./world.ts";

const pseudonyms = new Pseudonyms(["user", "ip"], "key-of-the-tests-", "mask");
const { naming } = pseudonyms;
const told = (op: Op): Op => pseudonyms.op(op);
const asIs = (op: Op): Op => op;
const graceMs = 70_000;

const switches = [
  { switched: "on", before: undefined, after: naming, was: asIs, is: told },
  { switched: "off", before: naming, after: undefined, was: told, is: asIs },
];
const namingOf = (event: AnyEvent): string | undefined => event.pseudonyms;

describe.each(switches)(
  "pseudonyms switched $switched while a session is open",
  ({ before, after, was, is }) => {
    it.each(ways)("it ends by inference, under the names that it began with, $way", ({ snapshot }) => {
      const world = new World({ naming: before });
      world.ask(was(login()));
      world.ask(was(newProxy()));
      const started = world.ask(was(newUserConn()));
      world.restart(snapshot(world), 0, after ?? "");
      const closed = world.ask(is(closeUserConn()));
      expect(closed.data.session.id).toBeNull();
      world.clock.advance(graceMs);
      const [end, ...more] = world.of("session.ended");
      expect(more).toEqual([]);
      expect(end.data).toMatchObject({
        user: started.data.user,
        remote: started.data.remote,
        session: { id: started.id, key: started.data.session.key },
        end: { inferred: true, reason: "client_gone" },
      });
      expect(namingOf(end)).toBe(before);
      expect(world.sessions.open.size).toBe(0);
    });

    it.each(ways)("nothing that comes later bears a name or an address of before, $way", ({ snapshot }) => {
      const world = new World({ naming: before });
      world.ask(was(login({ client: "c_00112233445566aa" })));
      world.ask(was(ping()));
      world.restart(snapshot(world), 0, after ?? "");
      const from = world.journal.length;
      world.ask(is(ping()));
      world.ask(is(newUserConn()));
      world.ask(is(closeUserConn()));
      const later = world.events.slice(from);
      const { user, remote } = was(newUserConn());
      expect(later.map(({ type }) => type)).toContain("sluice.login.confirmed");
      for (const event of later) {
        expect(namingOf(event)).toBe(after);
        expect(event.data.clientInfo).toBeNull();
        expect(JSON.stringify(event)).not.toContain(`"${user}"`);
        expect(JSON.stringify(event)).not.toContain(remote!.ip);
      }
    });

    it.each(ways)("what is known after the switch is known after the next start, $way", ({ snapshot }) => {
      const world = new World({ naming: before });
      world.ask(was(ping()));
      world.ask(was(newUserConn()));
      world.restart(undefined, 0, after ?? "");
      world.ask(is(ping()));
      const started = world.ask(is(newUserConn({ from: "203.0.113.77:1" })));
      const confirmed = world.of("login.confirmed").length;
      world.restart(snapshot(world), 0, after ?? "");
      world.ask(is(ping()));
      expect(world.of("login.confirmed")).toHaveLength(confirmed);
      world.ask(is(closeUserConn({ from: "203.0.113.77:1" })));
      const [end] = world.of("session.ended", started.id);
      expect(end.data.end).toMatchObject({ reason: "closed", inferred: false });
      expect(namingOf(end)).toBe(after);
    });
  },
);

it("a session that stays by the same naming over a restart is paired with its close", () => {
  const world = new World({ naming });
  const started = world.ask(told(newUserConn()));
  world.restart(undefined, 0, naming);
  world.ask(told(closeUserConn()));
  expect(world.of("session.ended", started.id)[0].data.end.reason).toBe("closed");
});

describe("on disk", () => {
  it("a snapshot says by which naming it knows whom it knows: by the same one all is taken up again", async () => {
    const site = await Site.open(makeDir(), { naming });
    await site.ask(told(ping()));
    await site.ask(told(newUserConn()));
    await site.snapshots.write();
    const anew = await site.killed();
    await anew.ask(told(ping()));
    await anew.ask(told(closeUserConn()));
    expect(anew.derived.map(({ type }) => type)).toEqual(["session.ended"]);
  });

  it("a client that was known by its name is another one by its pseudonym, also where its heartbeats alone tell of it", async () => {
    const before = await Site.open(makeDir());
    await before.ask(ping());
    const switched = await before.killed(undefined, naming);
    await switched.ask(told(ping()));
    await switched.ask(told(ping()));
    expect(switched.derived.map(({ type }) => type)).toEqual(["login.confirmed"]);
    const anew = await switched.killed();
    await anew.ask(told(ping()));
    expect(anew.derived).toEqual([]);
  });
});
