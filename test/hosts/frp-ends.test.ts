import { expect, it } from "vitest";
import { describeWith } from "./describe-with.ts";
import { ASKED_TYPES, startEveryProxy } from "./every-proxy.ts";
import { startEndingFrps } from "./frp-ends.ts";
import { type Call, startPlugin } from "./recording-plugin.ts";

/** The types whose connection ends with the user's; sudp's is the visitor's, and stays. */
const TCP_TYPES = ["tcp", "https", "tcpmux", "stcp"] as const;

const byAddress = (one: Call["content"], other: Call["content"]): number =>
  String(one.remote_addr).localeCompare(String(other.remote_addr));

describeWith(["frp", "frp-ends"], "a frps that sends CloseUserConn", () => {
  it("sends it after the end of a connection of each type, with NewUserConn's content", async () => {
    const plugin = await startPlugin();
    await using frps = await startEndingFrps({ plugins: [{ addr: plugin.addr }] });
    const { connect, visitor } = await startEveryProxy({ frps, user: "alice", metadatas: { team: "blue" } });
    for (const type of ASKED_TYPES) {
      await using user = await connect[type]();
      expect(await user.served, type).toBe(true);
      expect(plugin.contents("CloseUserConn", type)).toEqual([]);
      if (type === "sudp") await visitor.stop();
      else await user.close();
      const opened = plugin.contents("NewUserConn", type);
      expect(opened).toHaveLength(1);
      expect(await plugin.saw(1, "CloseUserConn", type)).toEqual(opened);
      const ended = (await frps.ended()).filter((connection) => connection.type === type);
      expect(ended).toMatchObject([{ proxy: `alice.${type}`, remoteAddr: opened[0]?.remote_addr }]);
      expect(ended[0]?.durationMs).toBeGreaterThan(0);
    }
    expect(await frps.ended()).toHaveLength(ASKED_TYPES.length);
  });

  it("sends none after a refused NewUserConn", async () => {
    const plugin = await startPlugin();
    await using frps = await startEndingFrps({ plugins: [{ addr: plugin.addr }] });
    const { connect } = await startEveryProxy({ frps });
    plugin.refuses.add("NewUserConn");
    for (const type of TCP_TYPES) {
      await using user = await connect[type]();
      expect(await user.served, type).toBe(false);
    }
    plugin.refuses.clear();
    const allowed = await connect.tcp();
    await allowed.served;
    await allowed.close();
    expect(await plugin.saw(1, "CloseUserConn")).toEqual(plugin.contents("NewUserConn").slice(-1));
    expect(await frps.ended()).toHaveLength(1);
  });

  it("sends it when frpc is killed under open connections", async () => {
    const plugin = await startPlugin();
    await using frps = await startEndingFrps({ plugins: [{ addr: plugin.addr }] });
    const { connect, frpc } = await startEveryProxy({ frps, user: "alice" });
    for (const type of ASKED_TYPES) expect(await (await connect[type]()).served, type).toBe(true);
    await frpc.kill();
    for (const type of ASKED_TYPES)
      expect(await plugin.saw(1, "CloseUserConn", type)).toEqual(plugin.contents("NewUserConn", type));
  });

  it("sends it when no work connection could be had", async () => {
    const plugin = await startPlugin();
    plugin.refuses.add("NewWorkConn");
    await using frps = await startEndingFrps({
      plugins: [{ addr: plugin.addr }],
      settings: { userConnTimeout: 1 },
    });
    const { connect } = await startEveryProxy({ frps });
    await using user = await connect.tcp();
    expect(await user.served).toBe(false);
    expect(await plugin.saw(1, "CloseUserConn")).toEqual(plugin.contents("NewUserConn"));
    const [ended] = await frps.ended();
    expect(ended?.durationMs).toBeGreaterThanOrEqual(1000);
  });

  it.each(["tcp", "stcp"] as const)("sends each of 60 %s connections at once its own", async (type) => {
    const plugin = await startPlugin();
    await using frps = await startEndingFrps({ plugins: [{ addr: plugin.addr }] });
    const { connect } = await startEveryProxy({ frps });
    const users = await Promise.all(Array.from({ length: 60 }, () => connect[type]()));
    expect(await Promise.all(users.map(({ served }) => served))).not.toContain(false);
    await Promise.all(users.map((user) => user.close()));
    const closed = await plugin.saw(60, "CloseUserConn");
    const opened = plugin.contents("NewUserConn");
    expect(closed.toSorted(byAddress)).toEqual(opened.toSorted(byAddress));
    expect(new Set(opened.map(({ remote_addr }) => remote_addr)).size).toBe(type === "tcp" ? 60 : 1);
    expect(await frps.ended()).toHaveLength(60);
  });

  it("adds what went through the connection as a fork might, if told to", async () => {
    const plugin = await startPlugin();
    await using frps = await startEndingFrps({ plugins: [{ addr: plugin.addr }], extras: true });
    const { connect } = await startEveryProxy({ frps });
    const user = await connect.tcp();
    await user.served;
    await user.close();
    const opened = plugin.contents("NewUserConn");
    const [closed] = await plugin.saw(1, "CloseUserConn");
    expect(closed).toEqual({ ...opened[0], traffic_in: 4, traffic_out: 4 });
  });

  it("leaves a record of what had ended when it is killed", async () => {
    const plugin = await startPlugin();
    await using frps = await startEndingFrps({ plugins: [{ addr: plugin.addr }] });
    const { connect } = await startEveryProxy({ frps });
    const [first, open] = [await connect.tcp(), await connect.tcp()];
    await Promise.all([first.served, open.served]);
    await first.close();
    await plugin.saw(1, "CloseUserConn");
    await frps.kill();
    const ended = await frps.ended();
    expect(ended.map(({ remoteAddr }) => remoteAddr)).toEqual([`127.0.0.1:${first.port}`]);
    expect(plugin.contents("CloseUserConn")).toHaveLength(1);
  });
});
