import { describe, expect, it } from "vitest";
import { listSessions } from "../../src/sessions/listing.ts";
import { closeProxy, closeUserConn, login, newProxy, newUserConn, ping } from "./ops.ts";
import { endsOf } from "./restarts.ts";
import { World } from "./world.ts";

const clients = ["c_00000000000000a1", "c_00000000000000a2", "c_00000000000000a3"] as const;
const [one, two, three] = clients;

/** A client with a proxy of its own and a session through it, an hour old. */
function settled(world: World, client: string) {
  const of = { client, proxy: `alice.${client}` };
  world.ask(login());
  world.ask(newProxy(of));
  const started = world.ask(newUserConn(of));
  world.clock.advance(3_600_000);
  return { of, id: started.id };
}

/** Its first op after it has logged in with the run id that it had. */
function comesBack(world: World, client: string): void {
  world.ask(login({ client }));
  world.clock.advance(20);
  world.ask(ping({ client }));
}

describe("a client that comes back alone", () => {
  it("has lost the sessions that it had, and a Login alone ends nothing", () => {
    const world = new World();
    const { of, id } = settled(world, one);
    world.ask(login({ client: one }));
    world.clock.advance(10_000);
    expect(endsOf(world)).toEqual([]);
    const back = world.ask(ping({ client: one }));
    world.clock.advance(5_000);
    expect(endsOf(world)).toEqual([[id, "client_gone"]]);
    expect(world.of("session.ended")[0].data).toMatchObject({
      endedAt: back.time,
      end: { inferred: true, notAfter: back.time },
    });
    world.ask(newProxy(of));
    world.ask(newUserConn(of));
    world.clock.advance(120_000);
    expect(world.sessions.open.size).toBe(1);
  });

  it.each([
    ["1 ms", 1],
    ["5 s", 5_000],
  ])("keeps the sessions of its new proxy when the CloseProxy of the old comes %s later", (_, lateMs) => {
    const world = new World();
    const { of, id } = settled(world, one);
    comesBack(world, one);
    world.ask(newProxy(of));
    const anew = world.ask(newUserConn({ ...of, from: "203.0.113.9:2" }));
    world.clock.advance(lateMs);
    world.ask(closeProxy(of));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([[id, "client_gone"]]);
    expect(world.sessions.open.all().map((session) => session.id)).toEqual([anew.id]);
    world.ask(closeProxy(of));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([
      [id, "client_gone"],
      [anew.id, "proxy_closed"],
    ]);
  });

  it("keeps the sessions of its new proxy when the CloseProxy of the old came before", () => {
    const world = new World();
    const { of, id } = settled(world, one);
    world.ask(login({ client: one }));
    world.ask(closeProxy(of));
    world.ask(ping({ client: one }));
    world.ask(newProxy(of));
    world.ask(newUserConn({ ...of, from: "203.0.113.9:2" }));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([[id, "proxy_closed"]]);
    expect(world.sessions.open.size).toBe(1);
  });

  it("leaves the grace to closes that are known to come", () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    const { of, id } = settled(world, one);
    comesBack(world, one);
    world.clock.advance(59_000);
    world.ask(closeUserConn(of));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([[id, "closed"]]);
  });
});

describe("a session whose proxy has gone, while its close may still come", () => {
  it("is listed as ending, and what began behind it is not", async () => {
    const world = new World({ announcedTypes: () => ["tcp"] });
    world.ask(newUserConn());
    world.ask(closeProxy());
    world.ask(newUserConn({ from: "203.0.113.9:2" }));
    const states = async () => {
      const { clock, sessions } = world;
      const list = await listSessions(sessions, { limit: 9 }, clock.now(), clock.monotonic());
      return [list.open, list.ending, list.sessions.map(({ state }) => state)];
    };
    expect(await states()).toEqual([1, 1, ["open", "ending"]]);
    world.ask(closeUserConn());
    expect(await states()).toEqual([1, 0, ["open"]]);
  });
});

describe("a frps that was started anew", () => {
  it("has lost the sessions of all its clients, also of those that have not come back, and no others", () => {
    const world = new World();
    const elsewhere = world.ask(newUserConn({ node: "edge-2" }));
    const ids = clients.map((client) => settled(world, client).id);
    comesBack(world, one);
    world.clock.advance(1_000);
    comesBack(world, two);
    world.clock.advance(10_000);
    expect(endsOf(world)).toEqual(expect.arrayContaining(ids.map((id) => [id, "frps_restarted"])));
    expect(endsOf(world)).toHaveLength(3);
    expect(world.sessions.open.all().map(({ id }) => id)).toEqual([elsewhere.id]);
  });

  it("has lost nothing that began after it, however slowly its clients come back", () => {
    const world = new World();
    const ids = clients.map((client) => settled(world, client).id);
    const quiet = { client: three, proxy: `alice.${three}` };
    comesBack(world, three);
    world.ask(newProxy(quiet));
    const anew = world.ask(newUserConn({ ...quiet, from: "203.0.113.9:2" }));
    world.clock.advance(40_000);
    comesBack(world, one);
    world.clock.advance(40_000);
    comesBack(world, two);
    world.clock.advance(120_000);
    expect(
      endsOf(world)
        .map(([id]) => id)
        .sort(),
    ).toEqual([...ids].sort());
    expect(world.sessions.open.all().map(({ id }) => id)).toEqual([anew.id]);
  });

  it("is not the reason why a session is over that began after it", () => {
    const world = new World();
    for (const client of [one, two]) settled(world, client);
    for (const client of [one, two]) comesBack(world, client);
    world.clock.advance(10_000);
    const shared = { proxy: "alice.shared" };
    const { id } = world.ask(newUserConn({ ...shared, client: three }));
    world.ask(newUserConn({ ...shared, client: one }));
    world.clock.advance(10_000);
    expect(world.of("session.ended", id).map(({ data }) => data.end.reason)).toEqual(["client_gone"]);
  });

  it("is not inferred from several clients whose proxies frps closed as they came back", () => {
    const world = new World();
    const all = clients.map((client) => settled(world, client));
    for (const { of } of all.slice(0, 2)) {
      comesBack(world, of.client);
      world.ask(closeProxy(of));
    }
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual(all.slice(0, 2).map(({ id }) => [id, "client_gone"]));
  });
});

describe("a proxy", () => {
  it("is another client's once a connection comes through that one, and not when it only asks for it", () => {
    const world = new World();
    const { of, id } = settled(world, one);
    const taken = { ...of, client: two };
    world.ask(login());
    world.ask(newProxy(taken));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([]);
    const anew = world.ask(newUserConn({ ...taken, from: "203.0.113.9:2" }));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([[id, "client_gone"]]);
    expect(world.sessions.open.all().map((session) => session.id)).toEqual([anew.id]);
  });

  it("that comes back as another type has lost its sessions, also when its CloseProxy comes behind", () => {
    const world = new World();
    const { of, id } = settled(world, one);
    world.ask(newProxy({ ...of, type: "https" }));
    world.ask(closeProxy(of));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([[id, "proxy_closed"]]);
  });

  it("that was open keeps its sessions when its NewProxy comes again and is refused after all", () => {
    const world = new World();
    const { of, id } = settled(world, one);
    const again = newProxy(of);
    world.override(again, world.ask(again));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([]);
    world.ask(closeProxy(of));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([[id, "proxy_closed"]]);
  });
});
