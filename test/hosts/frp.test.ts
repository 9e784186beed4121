import { beforeAll, expect, it } from "vitest";
import { describeWith } from "./describe-with.ts";
import { ASKED_TYPES, startEveryProxy, UNASKED_TYPES } from "./every-proxy.ts";
import { startFrpc, startFrps } from "./frp.ts";
import { type RecordingPlugin, startPlugin } from "./recording-plugin.ts";

describeWith(["frp"], "frps and frpc for tests", () => {
  let plugin: RecordingPlugin;
  let addr: string;
  beforeAll(async () => {
    plugin = await startPlugin();
    addr = plugin.addr;
  });

  it("fire every op, with users of every proxy type", async () => {
    await using frps = await startFrps({ plugins: [{ addr }] });
    const { frpc, connect } = await startEveryProxy({ frps, user: "alice", visitorUser: "bob" });
    await plugin.first("Login", ({ user }) => user === "alice");
    await plugin.first("Ping");
    await plugin.first("NewWorkConn");
    for (const type of [...ASKED_TYPES, ...UNASKED_TYPES]) {
      await plugin.first("NewProxy", ({ proxy_name }) => proxy_name === `alice.${type}`);
      await using user = await connect[type]();
      expect.soft(await user.served, type).toBe(true);
    }
    for (const type of ASKED_TYPES)
      await plugin.first("NewUserConn", ({ proxy_type }) => proxy_type === type);
    await frpc.stop();
    for (const type of [...ASKED_TYPES, ...UNASKED_TYPES])
      await plugin.first("CloseProxy", ({ proxy_name }) => proxy_name === `alice.${type}`);
    expect(plugin.contents("NewProxy", "udp")).toHaveLength(1);
    expect(plugin.contents("NewUserConn", "udp")).toEqual([]);
  });

  it("tell a refused client why, and end a refused user's connection", async () => {
    await using frps = await startFrps({ plugins: [{ addr }] });
    plugin.refuses.add("NewUserConn");
    const { connect } = await startEveryProxy({ frps });
    await using user = await connect.tcp();
    expect(await user.served).toBe(false);
    plugin.refuses.add("Login");
    await using refused = await startFrpc({ frps, until: "nothing" });
    expect(await refused.log.saw(/login.*fail|not here/)).toContain("not here");
    plugin.refuses.clear();
  });

  it("log in again with their run id after frps was killed", async () => {
    await using frps = await startFrps({ plugins: [{ addr: `sluice:secret@${addr}`, ops: ["Login"] }] });
    await using _frpc = await startFrpc({ frps, user: "carol" });
    await frps.kill();
    await frps.start();
    const again = await plugin.first("Login", ({ user, run_id }) => user === "carol" && Boolean(run_id));
    expect(again.run_id).toMatch(/^[0-9a-f]{16}$/);
  });
});
