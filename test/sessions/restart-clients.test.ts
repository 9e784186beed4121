import { describe, expect, it } from "vitest";
import { closeProxy, login, newProxy, newUserConn, ping } from "./ops.ts";
import { content, endsOf, ways } from "./restarts.ts";
import { World } from "./world.ts";

const client = "c_00000000000000a1";
const other = "c_00000000000000a2";

describe.each(ways)("after a kill, taken up again $way", ({ snapshot }) => {
  it("clients that were confirmed are not confirmed again, and keep what their Login said", () => {
    const world = new World();
    const { clientInfo } = world.ask(login()).data;
    world.ask(ping({ client }));
    world.ask(ping({ client: other }));
    world.restart(snapshot(world));
    expect(world.ask(ping({ client })).data.clientInfo).toEqual(clientInfo);
    world.ask(newProxy({ client: other }));
    expect(world.of("login.confirmed")).toHaveLength(2);
  });

  it("a Login that waits is confirmed, and only within its minute", () => {
    const world = new World();
    const [early, late] = ["alice", "bob"].map((user) => world.ask(login({ user, metas: { token: "t" } })));
    world.clock.advance(30_000);
    world.restart(snapshot(world));
    world.ask(ping({ client, metas: { token: "t" } }));
    world.clock.advance(30_000);
    world.ask(ping({ client: other, user: "bob", metas: { token: "t" } }));
    expect(world.of("login.confirmed").map(({ data }) => [data.pairing, data.login])).toEqual([
      ["likely", early.id],
      ["none", null],
    ]);
    expect(late.id).not.toBe(early.id);
  });

  it("a Login that may have been another's stays ambiguous", () => {
    const world = new World();
    world.ask(login({ hostname: "a" }));
    world.ask(login({ hostname: "b" }));
    world.ask(ping({ client }));
    world.restart(snapshot(world));
    world.ask(ping({ client: other }));
    expect(world.of("login.confirmed").map(({ data }) => [data.pairing, data.clientInfo.hostname])).toEqual([
      ["ambiguous", null],
      ["ambiguous", null],
    ]);
  });

  it("a client that logged in anew before it has lost what it had", () => {
    const world = new World();
    const started = world.ask(newUserConn({ client }));
    world.ask(ping({ client }));
    const again = world.ask(login({ client }));
    world.restart(snapshot(world));
    world.ask(ping({ client }));
    expect(world.of("login.confirmed")[1].data).toMatchObject({ pairing: "exact", login: again.id });
    world.clock.advance(10_000);
    expect(endsOf(world)).toEqual([[started.id, "client_gone"]]);
  });

  it("a client that came back just before keeps its new sessions when its old proxy's CloseProxy comes", () => {
    const world = new World();
    const before = world.ask(newUserConn({ client }));
    world.ask(ping({ client }));
    world.ask(login({ client }));
    world.ask(newProxy({ client }));
    const anew = world.ask(newUserConn({ client, from: "203.0.113.9:2" }));
    world.restart(snapshot(world));
    world.clock.advance(4_000);
    world.ask(closeProxy({ client }));
    world.clock.advance(120_000);
    expect(endsOf(world)).toEqual([[before.id, "client_gone"]]);
    expect(world.sessions.open.all().map(({ id }) => id)).toEqual([anew.id]);
  });

  it("a frps whose clients were coming back has been started anew", () => {
    const world = new World();
    const ids = [client, other].map((client) => {
      world.ask(ping({ client }));
      return world.ask(newUserConn({ client, proxy: `alice.${client}` })).id;
    });
    world.clock.advance(1_000);
    world.ask(login({ client }));
    world.ask(ping({ client }));
    world.restart(snapshot(world));
    world.ask(login({ client: other }));
    world.ask(ping({ client: other }));
    world.clock.advance(10_000);
    expect(endsOf(world)).toEqual(ids.map((id) => [id, "frps_restarted"]));
  });

  it("a confirmation that was torn off is told again, the same", () => {
    const world = new World();
    world.ask(login());
    const before = snapshot(world);
    world.ask(ping({ client }));
    const [first] = world.of("login.confirmed");
    world.restart(before, 1);
    expect(world.of("login.confirmed").map(content)).toEqual([content(first)]);
  });
});
