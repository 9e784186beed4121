import { EventEmitter, on } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "./describe-with.ts";
import { ASKED_TYPES, startEveryProxy, UNASKED_TYPES } from "./every-proxy.ts";
import { startFrpc, startFrps } from "./frp.ts";

type Call = { op: string; content: Record<string, unknown> };

/** A plugin that allows everything, but what `refuses` names, and remembers what it was asked. */
const calls: Call[] = [];
const asked = new EventEmitter();
const refuses = new Set<string>();
const plugin = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const call = JSON.parse(Buffer.concat(chunks).toString()) as Call;
  const refusal = { reject: true, reject_reason: "not here" };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(refuses.has(call.op) ? refusal : { reject: false, unchange: true }));
  calls.push(call);
  asked.emit("call", call);
});

async function saw(op: string, matches: (content: Call["content"]) => boolean = () => true): Promise<Call> {
  const is = (call: Call): boolean => call.op === op && matches(call.content);
  const before = calls.find(is);
  if (before) return before;
  for await (const [call] of on(asked, "call")) if (is(call)) return call;
  throw new Error("no more calls");
}

describeWith(["frp"], "frps and frpc for tests", () => {
  let addr: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => plugin.listen(0, "127.0.0.1", resolve));
    addr = `127.0.0.1:${(plugin.address() as AddressInfo).port}`;
  });
  afterAll(() => plugin.close());

  it("fire every op, with users of every proxy type", async () => {
    await using frps = await startFrps({ plugins: [{ addr }] });
    const { frpc, connect } = await startEveryProxy({ frps, user: "alice", visitorUser: "bob" });
    await saw("Login", ({ user }) => user === "alice");
    await saw("Ping");
    await saw("NewWorkConn");
    for (const type of [...ASKED_TYPES, ...UNASKED_TYPES]) {
      await saw("NewProxy", ({ proxy_name }) => proxy_name === `alice.${type}`);
      await using user = await connect[type]();
      expect.soft(await user.served, type).toBe(true);
    }
    for (const type of ASKED_TYPES) await saw("NewUserConn", ({ proxy_type }) => proxy_type === type);
    await frpc.stop();
    for (const type of [...ASKED_TYPES, ...UNASKED_TYPES])
      await saw("CloseProxy", ({ proxy_name }) => proxy_name === `alice.${type}`);
    expect(calls.filter(({ content }) => content.proxy_type === "udp").map(({ op }) => op)).toEqual([
      "NewProxy",
    ]);
  });

  it("tell a refused client why, and end a refused user's connection", async () => {
    await using frps = await startFrps({ plugins: [{ addr }] });
    refuses.add("NewUserConn");
    const { connect } = await startEveryProxy({ frps });
    await using user = await connect.tcp();
    expect(await user.served).toBe(false);
    refuses.add("Login");
    await using refused = await startFrpc({ frps, until: "nothing" });
    expect(await refused.log.saw(/login.*fail|not here/)).toContain("not here");
    refuses.clear();
  });

  it("log in again with their run id after frps was killed", async () => {
    await using frps = await startFrps({ plugins: [{ addr: `sluice:secret@${addr}`, ops: ["Login"] }] });
    await using _frpc = await startFrpc({ frps, user: "carol" });
    await frps.kill();
    await frps.start();
    const again = await saw("Login", ({ user, run_id }) => user === "carol" && Boolean(run_id));
    expect(again.content.run_id).toMatch(/^[0-9a-f]{16}$/);
  });
});
