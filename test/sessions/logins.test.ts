import { describe, expect, it } from "vitest";
import { closeProxy, closeUserConn, login, newProxy, newUserConn, ping } from "./ops.ts";
import { World } from "./world.ts";

const one = "c_00000000000000a1";
const two = "c_00000000000000a2";

function newWorkConn(client: string) {
  return { ...ping({ client }), name: "NewWorkConn" };
}

describe("login.confirmed", () => {
  it("is exact where the Login brought the client's run id", () => {
    const world = new World();
    world.ask(login({ client: two, hostname: "other" }));
    const admitted = world.ask(login({ client: one, hostname: "mine" }));
    world.clock.advance(30);
    const by = world.ask(ping({ client: one }));
    const [confirmed] = world.of("login.confirmed");
    expect(confirmed).toMatchObject({ subject: "alice", source: "/frp/edge-1", time: by.time });
    expect(confirmed.data).toEqual({
      protocol: "frp",
      node: "edge-1",
      user: "alice",
      client: one,
      clientInfo: { address: "198.51.100.7", port: 40000, hostname: "mine", version: "0.70.1" },
      pairing: "exact",
      login: admitted.id,
      confirmedBy: { id: by.id, op: "Ping" },
    });
  });

  it("is likely where one Login alone has the node, the user and the metas", () => {
    const world = new World();
    world.ask(login({ node: "edge-2" }));
    world.ask(login({ user: "bob" }));
    world.ask(login({ metas: { token: "other" } }));
    world.ask(login({ metas: { token: "mine" } }), "refused");
    const admitted = world.ask(login({ metas: { token: "mine" } }));
    world.ask(ping({ client: one, metas: { token: "mine" } }));
    expect(world.of("login.confirmed").map(({ data }) => [data.pairing, data.login])).toEqual([
      ["likely", admitted.id],
    ]);
  });

  it("is ambiguous for each of two that nothing tells apart, and says what both have in common", () => {
    const world = new World();
    world.ask(login({ hostname: "a", address: "198.51.100.7:1" }));
    world.ask(login({ hostname: "b", address: "198.51.100.7:2" }));
    world.ask(ping({ client: one }));
    world.ask(ping({ client: two }));
    const common = { address: "198.51.100.7", port: null, hostname: null, version: "0.70.1" };
    for (const client of [one, two]) {
      const of = world.of("login.confirmed").filter(({ data }) => data.client === client);
      expect(of.map(({ data }) => [data.pairing, data.login, data.clientInfo])).toEqual([
        ["ambiguous", null, common],
      ]);
    }
  });

  it("is none without a Login, with a refused one, or with one that is a minute old", () => {
    const world = new World();
    world.ask(login(), "refused");
    world.ask(ping({ client: one }));
    world.ask(login());
    world.clock.advance(60_000);
    world.ask(ping({ client: two }));
    expect(
      world.of("login.confirmed").map(({ data }) => [data.pairing, data.login, data.clientInfo]),
    ).toEqual([
      ["none", null, null],
      ["none", null, null],
    ]);
  });

  it("takes a Login up to a minute old", () => {
    const world = new World();
    const admitted = world.ask(login());
    world.clock.advance(59_999);
    world.ask(ping({ client: one }));
    expect(world.of("login.confirmed")[0].data).toMatchObject({ pairing: "likely", login: admitted.id });
  });

  it("does not take a Login that was refused after all", () => {
    const world = new World();
    const op = login();
    world.override(op, world.ask(op));
    world.ask(ping({ client: one }));
    expect(world.of("login.confirmed")[0].data).toMatchObject({ pairing: "none", login: null });
  });

  it.each(["alice", "", "u".repeat(300)])("has the key of its Login: user %j", (user) => {
    const world = new World();
    const admitted = world.ask(login({ user }));
    world.ask(ping({ user, client: one }));
    expect(world.of("login.confirmed").map(({ partitionkey }) => partitionkey)).toEqual([
      admitted.partitionkey,
    ]);
  });

  it.each([
    ["an allowed NewProxy", newProxy({ client: one }), "allowed"],
    ["a refused NewProxy", newProxy({ client: one }), "refused"],
    ["a Ping", ping({ client: one }), "allowed"],
    ["a NewWorkConn", newWorkConn(one), "allowed"],
  ] as const)("comes with %s", (_, op, effect) => {
    const world = new World();
    world.ask(login());
    const by = world.ask(op, effect);
    world.ask(ping({ client: one }));
    expect(world.of("login.confirmed").map(({ data }) => data.confirmedBy.id)).toEqual([by.id]);
  });

  it("does not come with ops that frps may still ask for a client that has gone, or of no client", () => {
    const world = new World();
    world.ask(login());
    world.ask(newUserConn({ client: one }));
    world.ask(closeUserConn({ client: one }));
    world.ask(closeProxy({ client: one }));
    world.ask(ping({ client: null }));
    expect(world.of("login.confirmed")).toEqual([]);
  });

  it("comes again when the client has logged in again, and only then", () => {
    const world = new World();
    world.ask(login());
    for (let n = 0; n < 3; n++) world.ask(ping({ client: one }));
    const again = world.ask(login({ client: one }));
    for (let n = 0; n < 3; n++) world.ask(ping({ client: one }));
    expect(world.of("login.confirmed").map(({ data }) => data.pairing)).toEqual(["likely", "exact"]);
    expect(world.of("login.confirmed")[1].data.login).toBe(again.id);
  });

  it("does not come, and ends nothing, when a Login with the client's run id was turned away by frps", () => {
    const world = new World();
    world.ask(login());
    world.ask(newProxy({ client: one }));
    world.ask(newUserConn({ client: one }));
    world.ask(login({ client: one }));
    world.clock.advance(60_000);
    world.ask(ping({ client: one }));
    world.clock.advance(120_000);
    expect(world.of("login.confirmed")).toHaveLength(1);
    expect(world.of("session.ended")).toEqual([]);
  });
});

it("what a Login said goes into the client's later events, and into the ends of its sessions", () => {
  const world = new World();
  const { clientInfo } = world.ask(login({ hostname: "mine" })).data;
  world.ask(newProxy({ client: one }));
  const later = [
    world.ask(ping({ client: one })),
    world.ask(newProxy({ client: one })),
    world.ask(newUserConn({ client: one })),
    world.ask(closeUserConn({ client: one })),
    world.ask(closeProxy({ client: one })),
    world.of("session.ended")[0],
  ];
  expect(clientInfo.hostname).toBe("mine");
  expect(later.map(({ data }) => data.clientInfo)).toEqual(later.map(() => clientInfo));
  expect(world.ask(ping({ client: two })).data.clientInfo).toBeNull();
});
