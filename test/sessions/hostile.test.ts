/** What an authenticated client can do to others, and to the bridge. */
import { describe, expect, it } from "vitest";
import { closeProxy, closeUserConn, login, newProxy, newUserConn, ping } from "./ops.ts";
import { endsOf } from "./restarts.ts";
import { World } from "./world.ts";

const [mallory, eve, bob] = ["c_00000000000000a1", "c_00000000000000a2", "c_00000000000000b0"];

function comesBack(world: World, client: string): void {
  world.ask(login({ client }));
  world.ask(ping({ client }));
}

describe("clients that come back", () => {
  it("show no restart of frps by proxies that frps never opened", () => {
    const world = new World();
    const { id } = world.ask(newUserConn({ client: bob, user: "bob", proxy: "bob.db" }));
    world.ask(newUserConn({ client: mallory, proxy: "alice.used" }));
    for (const client of [mallory, eve]) world.ask(newProxy({ client, proxy: `alice.${client}` }));
    world.ask(newProxy({ client: "c_00000000000000a3", proxy: "alice.third" }));
    world.clock.advance(1_000);
    for (const client of [mallory, eve, "c_00000000000000a3"]) comesBack(world, client);
    world.clock.advance(120_000);
    expect(endsOf(world).filter(([session]) => session === id)).toEqual([]);
    expect(endsOf(world).map(([, reason]) => reason)).toEqual(["client_gone"]);
  });

  it("show no restart of frps long after", () => {
    const world = new World();
    for (const client of [mallory, eve]) world.ask(newUserConn({ client, proxy: `alice.${client}` }));
    world.clock.advance(1_000);
    for (const client of [mallory, eve]) comesBack(world, client);
    world.clock.advance(10_000);
    const { id } = world.ask(newUserConn({ client: bob, user: "bob", proxy: "bob.db" }));
    world.clock.advance(3_600_000);
    world.ask(
      newUserConn({ client: "c_00000000000000b1", user: "bob", proxy: "bob.db", from: "203.0.113.9:7" }),
    );
    world.clock.advance(10_000);
    expect(endsOf(world).at(-1)).toEqual([id, "client_gone"]);
  });
});

describe("a client that invents", () => {
  it("proxy types takes the place of none that frp has", () => {
    const world = new World();
    for (let n = 0; n < 100; n++) world.ask(newProxy({ type: `type${n}`, proxy: `alice.${n}` }));
    expect([...world.sessions.roster.kinds()].length).toBeLessThan(50);
    world.ask(newUserConn());
    world.ask(closeUserConn());
    expect(world.sessions.counts.endsAnnounced("edge-1", "tcp")).toBe(true);
    expect(world.of("session.ended")[0].data.pairing).toBe("exact");
  });

  it("proxy names has only the last ones remembered, and keeps those that are used", () => {
    const world = new World();
    world.ask(newProxy({ proxy: "alice.used" }));
    world.ask(newUserConn({ proxy: "alice.used" }));
    for (let n = 0; n < 12_000; n++) world.ask(newProxy({ proxy: `alice.${n}` }));
    const [client] = world.sessions.roster.node("edge-1").clients.values();
    expect(client!.proxies.size).toBe(10_001);
    expect(client!.proxies.has("alice.used")).toBe(true);
    expect(world.sessions.roster.node("edge-1").owners.size).toBe(10_001);
  });

  it("has nobody's sessions forgotten at a restart, however many proxies were open", () => {
    const world = new World();
    for (let n = 0; n < 11_000; n++) world.ask(newUserConn({ proxy: `alice.${n}` }));
    for (let n = 0; n < 20; n++) world.ask(newProxy({ proxy: `alice.${n}` }));
    world.restart(world.snapshot());
    for (let n = 0; n < 100; n++) world.ask(closeProxy({ proxy: `alice.${n}` }));
    world.clock.advance(60_000);
    expect(endsOf(world)).toHaveLength(100);
  });

  it("closes of its proxy leaves one sign behind as long as nothing begins", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    world.ask(newUserConn());
    for (let n = 0; n < 100; n++) {
      world.ask(newProxy());
      world.ask(closeProxy());
    }
    expect(world.sessions.departures.all()).toHaveLength(1);
    world.ask(newUserConn({ from: "203.0.113.9:2" }));
    world.ask(closeProxy());
    expect(world.sessions.departures.all()).toHaveLength(2);
    world.clock.advance(60_000);
    expect(endsOf(world)).toHaveLength(2);
    expect(world.sessions.departures.all()).toEqual([]);
  });
});

describe("a wall clock that is set back", () => {
  it("puts no end before its start", () => {
    const world = new World();
    world.ask(newUserConn());
    world.ask(newUserConn({ from: "203.0.113.9:2" }));
    world.clock.stepWall(-3_600_000);
    world.ask(closeUserConn());
    world.ask(closeProxy());
    world.clock.advance(60_000);
    for (const { data } of world.of("session.ended")) {
      expect(data.endedAt >= data.startedAt && data.end.notBefore >= data.startedAt).toBe(true);
    }
    expect(world.of("session.ended")).toHaveLength(2);
  });
});
