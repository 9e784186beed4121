import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/decision.ts";
import { newId } from "../../src/events/ids.ts";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { view } from "../policy/cases.ts";
import { closeProxy, closeUserConn, login, newProxy, newUserConn, ping } from "./ops.ts";
import { World } from "./world.ts";

/** A frps that asks, and lets in whom the rules let in. */
class Door {
  readonly world: World;
  readonly #policy;

  constructor(world: World, rules: Record<string, object>) {
    this.world = world;
    const texts = Object.entries(rules).map(([key, rule]) => [key, JSON.stringify(rule)] as const);
    this.#policy = view(new RuleSet(texts));
  }

  decide(op: Op): Decision {
    const { clock, sessions } = this.world;
    const { counts: connections, proxies } = sessions;
    return decide(this.#policy, op, { nowMs: clock.now(), tokenMeta: "token", connections, proxies });
  }

  /** Whether it got in. */
  ask(op: Op): boolean {
    const { effect } = this.decide(op);
    this.world.ask(op, effect === "refused" ? "refused" : "allowed");
    return effect === "allowed";
  }

  /** How many of so many get in; each from a port of its own. */
  admits(many: number, ask: (port: number) => Op): number {
    return Array.from({ length: many }, (_, n) => this.ask(ask(20_000 + n))).filter(Boolean).length;
  }
}

const two = { limits: { connections: 2 } };
const announced = () => new World({ announcedTypes: () => ["tcp"] });

describe("limits.connections, where ends are told", () => {
  it("of a user rule holds over all proxies, clients and nodes of that user, and for nobody else", () => {
    const door = new Door(announced(), { "user:alice": two });
    expect(door.ask(newUserConn({ proxy: "alice.ssh" }))).toBe(true);
    expect(door.ask(newUserConn({ proxy: "alice.web", node: "edge-2", client: "c_00000000000000a2" }))).toBe(
      true,
    );
    expect(door.ask(newUserConn({ from: "203.0.113.9:3" }))).toBe(false);
    expect(door.ask(newUserConn({ user: "bob", proxy: "bob.ssh", client: "c_00000000000000b1" }))).toBe(true);
    door.ask(closeUserConn({ proxy: "alice.ssh" }));
    expect(door.admits(2, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(1);
  });

  it("of a proxy rule holds for that proxy alone", () => {
    const door = new Door(announced(), { "proxy:alice.ssh": two });
    expect(door.admits(5, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(2);
    expect(door.admits(5, (port) => newUserConn({ proxy: "alice.web", from: `203.0.113.9:${port}` }))).toBe(
      5,
    );
  });

  it("of an ip rule holds for each address, of IPv6 for each /64", () => {
    const door = new Door(announced(), { "ip:0.0.0.0/0": two, "ip:::/0": two });
    for (const ip of ["203.0.113.9", "203.0.113.10"]) {
      expect(door.admits(5, (port) => newUserConn({ from: `${ip}:${port}` }))).toBe(2);
    }
    expect(door.admits(5, (port) => newUserConn({ from: `[2001:db8:0:1::${port.toString(16)}]:1` }))).toBe(2);
    expect(door.admits(5, (port) => newUserConn({ from: `[2001:db8:0:2::${port.toString(16)}]:1` }))).toBe(2);
    door.ask(closeUserConn({ from: "[2001:db8:0:1::4e20]:1" }));
    expect(door.ask(newUserConn({ from: "[2001:db8:0:1::ffff]:1" }))).toBe(true);
  });

  it("has nobody locked out by ends that are inferred, replaced or never were", () => {
    const door = new Door(announced(), { "user:alice": two });
    for (let n = 0; n < 20; n++) expect(door.ask(newUserConn())).toBe(true);
    const op = newUserConn({ from: "203.0.113.9:2" });
    for (let n = 0; n < 20; n++) {
      expect(door.decide(op).effect).toBe("allowed");
      door.world.override(op, door.world.ask(op));
    }
    expect(door.ask(op)).toBe(true);
    expect(door.ask(newUserConn({ from: "203.0.113.9:3" }))).toBe(false);
    door.ask(closeProxy());
    door.world.clock.advance(60_000);
    expect(door.admits(5, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(5);
  });

  it("counts late closes once", () => {
    const door = new Door(new World({ announcedTypes: () => ["tcp"], maxOpen: 3 }), {
      "user:alice": { limits: { connections: 4 } },
    });
    expect(door.admits(4, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(4);
    door.ask(closeUserConn({ from: "203.0.113.9:20000" }));
    expect(door.world.sessions.counts.open("user", "alice")).toBe(3);
  });

  it("locks nobody out by what was open before a restart, since its closes may have been lost meanwhile", () => {
    const door = new Door(announced(), { "user:alice": two });
    door.admits(2, (port) => newUserConn({ from: `203.0.113.9:${port}` }));
    door.world.restart(door.world.snapshot());
    expect(door.admits(9, (port) => newUserConn({ from: `203.0.113.10:${port}` }))).toBe(2);
    door.ask(closeUserConn({ from: "203.0.113.9:20000" }));
    expect(door.ask(newUserConn())).toBe(false);
    door.ask(closeUserConn({ from: "203.0.113.10:20000" }));
    expect(door.ask(newUserConn())).toBe(true);
  });

  it("locks nobody out by what a client left behind that has gone, also while its closes may still come", () => {
    const door = new Door(announced(), { "user:alice": two });
    const before = { client: "c_00000000000000a1", proxy: "alice.db" };
    door.admits(2, (port) => newUserConn({ ...before, from: `203.0.113.9:${port}` }));
    const now = { client: "c_00000000000000a2", proxy: "alice.db" };
    expect(door.ask(newUserConn({ ...now, from: "203.0.113.9:1" }))).toBe(false);
    expect(door.admits(9, (port) => newUserConn({ ...now, from: `203.0.113.9:${port + 100}` }))).toBe(2);
    door.world.clock.advance(60_000);
    expect(door.ask(newUserConn({ ...now, from: "203.0.113.9:2" }))).toBe(false);
  });
});

describe("limits.connections, where nobody tells of ends", () => {
  it("locks nobody out, however many come, and says that it cannot be enforced", () => {
    const world = new World();
    const rules = { "user:alice": two, "proxy:alice.ssh": two, "ip:0.0.0.0/0": two };
    const door = new Door(world, rules);
    expect(door.admits(300, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(300);
    const limits = door
      .decide(newUserConn())
      .checks.filter(({ condition }) => condition === "limits.connections");
    expect(new Set(limits.map(({ result, seen }) => `${result}: ${seen}`))).toEqual(
      new Set(["not_enforceable: edge-1 does not tell ends of tcp"]),
    );
    expect(limits.map(({ rule }) => rule).sort()).toEqual(Object.keys(rules).sort());
  });

  it("holds for the proxy types whose ends are told, and counts only those", () => {
    const door = new Door(announced(), { "user:alice": two });
    const web = (port: number) =>
      newUserConn({ type: "stcp", proxy: "alice.sql", from: `203.0.113.9:${port}` });
    expect(door.admits(9, web)).toBe(9);
    expect(door.admits(9, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(2);
    expect(door.admits(9, web)).toBe(9);
  });

  it("begins to hold with the first close that is seen", () => {
    const door = new Door(new World(), { "user:alice": two });
    expect(door.admits(3, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(3);
    door.ask(closeUserConn({ from: "203.0.113.9:20000" }));
    expect(door.ask(newUserConn())).toBe(false);
  });

  it("holds no more once a proxy closed and its connections got no close", () => {
    const door = new Door(announced(), { "user:alice": two });
    expect(door.admits(3, (port) => newUserConn({ from: `203.0.113.9:${port}` }))).toBe(2);
    door.admits(1, (port) => newUserConn({ user: "bob", proxy: "bob.ssh", from: `203.0.113.9:${port}` }));
    door.ask(closeProxy({ user: "bob", proxy: "bob.ssh" }));
    door.world.clock.advance(60_000);
    expect(door.admits(50, (port) => newUserConn({ from: `203.0.113.7:${port}` }))).toBe(50);
  });
});

describe("proxies.max and limits.loginsPerMinute", () => {
  const names = (...all: string[]) => all.map((name) => newProxy({ proxy: `alice.${name}` }));

  it("count the names that a user has open at a frps, each once, and what was closed not", () => {
    const door = new Door(new World(), { "user:alice": { proxies: { max: 2 } } });
    const [a, b, c] = names("a", "b", "c");
    expect([a, b, c, a, b].map((op) => door.ask(op!))).toEqual([true, true, false, true, true]);
    expect(door.ask(newProxy({ proxy: "alice.c", node: "edge-2" }))).toBe(true);
    door.ask(closeProxy({ proxy: "alice.a" }));
    expect([c, a].map((op) => door.ask(op!))).toEqual([true, false]);
  });

  it("lock nobody out by proxies whose close was lost while the bridge was away", () => {
    const door = new Door(new World(), { "user:alice": { proxies: { max: 2 } } });
    const [a, b, c, d, e] = names("a", "b", "c", "d", "e");
    door.ask(a!);
    door.ask(b!);
    door.world.restart(door.world.snapshot());
    expect([c, d, e].map((op) => door.ask(op!))).toEqual([true, true, false]);
    door.ask(closeProxy({ proxy: "alice.a" }));
    expect(door.ask(e!)).toBe(false);
    door.ask(closeProxy({ proxy: "alice.c" }));
    expect(door.ask(e!)).toBe(true);
  });

  it("count logins that were let in, and give back one that was refused after all", () => {
    const door = new Door(new World(), { "user:alice": { limits: { loginsPerMinute: 2 } } });
    const op = login();
    door.world.override(op, door.world.ask(op));
    expect([login(), login(), login()].map((one) => door.ask(one))).toEqual([true, true, false]);
    door.world.clock.advance(60_000);
    expect(door.ask(login())).toBe(true);
  });
});

describe("whether a frps tells ends", () => {
  const from = (port: number) => ({ from: `203.0.113.9:${port}` });

  it("is not put in doubt by one connection that outlives its proxy, while others are told of", () => {
    const world = announced();
    world.ask(newUserConn({ user: "mallory", proxy: "mallory.p", ...from(1) }));
    world.ask(newUserConn(from(2)));
    world.ask(closeProxy({ user: "mallory", proxy: "mallory.p" }));
    world.clock.advance(1_000);
    world.ask(closeUserConn(from(2)));
    world.clock.advance(60_000);
    expect(world.of("session.ended").map(({ data }) => data.end.inferred)).toEqual([false, true]);
    expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(true);
  });

  it("is to be shown anew by a frps that was started anew, unless the settings say so", () => {
    for (const types of [[], ["tcp"]]) {
      const world = new World({ announcedTypes: () => types });
      world.ask(newUserConn(from(1)));
      world.ask(closeUserConn(from(1)));
      const clients = ["c_00000000000000a1", "c_00000000000000a2"];
      for (const client of clients) {
        const of = { client, proxy: `alice.${client}` };
        world.ask(newProxy(of));
        world.ask(newUserConn(of));
      }
      world.clock.advance(1_000);
      for (const client of clients) {
        world.ask(login({ client }));
        world.ask(ping({ client }));
      }
      world.clock.advance(60_000);
      expect(world.of("session.ended").map(({ data }) => data.end.reason)).toContain("frps_restarted");
      expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(types.length > 0);
    }
  });

  it("that it does not is remembered over a restart, unless the settings say that it does", () => {
    for (const types of [[], ["tcp"]]) {
      const world = new World({ announcedTypes: () => types });
      world.ask(newUserConn(from(1)));
      world.ask(closeUserConn(from(1)));
      world.clock.advance(1);
      world.ask(newUserConn(from(2)));
      world.ask(closeProxy());
      world.clock.advance(60_000);
      expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(false);
      world.restart(world.snapshot());
      expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(types.length > 0);
    }
  });

  it("holds from the moment on at which changed settings say so, and no longer than they do", () => {
    let types: string[] = [];
    const world = new World({ announcedTypes: () => types });
    world.ask(newUserConn());
    for (const said of [["tcp"], [], ["tcp", "stcp"]]) {
      types = said;
      world.sessions.roster.announceAnew();
      expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(said.includes("tcp"));
      expect(world.sessions.counts.endsAnnounced("edge-1", "stcp")).toBe(said.includes("stcp"));
    }
  });

  it("that the settings alone say is not remembered when they do not any more", () => {
    let types = ["tcp"];
    const world = new World({ announcedTypes: () => types });
    world.ask(newUserConn());
    expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(true);
    types = [];
    world.restart(world.snapshot());
    expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(false);
  });
});

describe("limits.connectionsPerMinute", () => {
  const perMinute = { limits: { connectionsPerMinute: 3 } };

  it.each([
    ["user:alice", (port: number) => newUserConn({ proxy: `alice.${port}`, from: `203.0.113.9:${port}` })],
    ["proxy:alice.ssh", (port: number) => newUserConn({ from: `203.0.113.9:${port}` })],
    [
      "ip:203.0.113.9",
      (port: number) => newUserConn({ user: "bob", proxy: "bob.ssh", from: `203.0.113.9:${port}` }),
    ],
    ["ip:2001:db8::/32", (port: number) => newUserConn({ from: `[2001:db8::${port.toString(16)}]:1` })],
  ])("of %s holds on any frps, ended or not, and anew in the next minute", (rule, conn) => {
    const door = new Door(new World(), { [rule]: perMinute });
    expect(door.admits(10, conn)).toBe(3);
    door.ask({ ...closeUserConn(), ...{ proxy: conn(20_000).proxy, remote: conn(20_000).remote } });
    door.world.clock.advance(59_999);
    expect(door.admits(10, conn)).toBe(0);
    door.world.clock.advance(1);
    expect(door.admits(10, conn)).toBe(3);
  });

  it("gives a start that was refused after all back, also the first of its minute", () => {
    const world = new World();
    const door = new Door(world, { "user:alice": perMinute });
    for (const waitMs of [0, 60_000, 30_000]) {
      world.clock.advance(waitMs);
      const op = newUserConn();
      const asked = { ...op, atMs: world.clock.now() };
      const id = newId();
      const context = world.sessions.begin(asked, id);
      const arrivedMs = world.clock.monotonic();
      // The clock goes on between an op's arrival and its record.
      world.clock.advance(1);
      world.sessions.record(asked, door.decide(asked), id, context, arrivedMs);
      expect(world.sessions.counts.begun("user", "alice")).toBe(1);
      world.sessions.takeBack(asked, id, context);
      expect(world.sessions.counts.begun("user", "alice")).toBe(0);
      expect(world.sessions.counts.open("user", "alice")).toBe(0);
    }
  });

  it("gives nothing back that was counted in a minute that has passed", () => {
    const door = new Door(new World(), { "user:alice": perMinute });
    const op = newUserConn();
    const started = door.world.ask(op);
    door.world.clock.advance(60_000);
    door.ask(newUserConn({ from: "203.0.113.9:2" }));
    door.world.override(op, started);
    expect(door.world.sessions.counts.begun("user", "alice")).toBe(1);
  });
});
