import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { clientId, opId } from "../../src/events/ids.ts";
import { anyEvent } from "../events/strict.ts";
import { frpCalls, frpSession, secretsOf } from "../fixtures.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { allTold } from "./delivered.ts";

const eventOf: Readonly<Record<string, readonly [type: string, stream: string]>> = {
  Login: ["login.allowed", "logins"],
  NewProxy: ["proxy.allowed", "proxies"],
  CloseProxy: ["proxy.closed", "proxies"],
  Ping: ["heartbeat.allowed", "heartbeats"],
  NewWorkConn: ["workconn.allowed", "work-conns"],
  NewUserConn: ["session.started", "user-sessions"],
  CloseUserConn: ["session.closed", "user-sessions"],
};

const calls = [
  ...frpCalls.map(({ file, op, reqid, rawBody, headers }) => ({ name: file, op, reqid, rawBody, headers })),
  ...frpSession.map(({ op, reqid, rawBody }, at) => ({
    name: `session, call ${at + 1}`,
    op,
    reqid,
    rawBody,
    headers: {},
  })),
];

describeWith(["kafka"], "the recorded calls of a real frps", () => {
  it("each get the right answer and the right event, and leave no secret anywhere", async () => {
    const prefix = `${unique("fixtures")}.`;
    const brokers = await sharedKafka();
    await using bridge = await startBridge({
      "kafka.brokers": brokers.join(","),
      "kafka.topicPrefix": prefix,
      "log.level": "debug",
    });
    await bridge.log.saw(/topics created/);
    const topics = await TopicEvents.read(brokers, prefix);
    for (const { name, op, reqid, rawBody } of calls) {
      const response = await post(bridge, op, reqid, rawBody);
      expect([response.status, await response.text()], name).toEqual([
        200,
        '{"reject":false,"unchange":true}',
      ]);
    }
    const metrics = await (await fetch(`${bridge.adminUrl}/metrics`)).text();
    await bridge.stop();
    await allTold(topics);

    const byId = new Map(topics.events.map((record) => [record.event.id, record]));
    for (const { name, op, reqid, rawBody } of calls) {
      const record = byId.get(opId("frps", reqid, op))!;
      const { content } = JSON.parse(rawBody);
      const [type, stream] = eventOf[op]!;
      expect(anyEvent.safeParse(record.event).error, name).toBeUndefined();
      expect(record.event, name).toMatchObject({
        type: `sluice.${type}`,
        source: "/frp/frps",
        op,
        policyrev: "0000000000000000",
      });
      expect(record.topic, name).toBe(prefix + stream);
      expect(record.event.data, name).toMatchObject(expectedData(content, reqid, op));
      expect(record.key, name).toBe(expectedKey(stream, record.event.data));
    }
    const secrets = new Set(calls.flatMap(({ rawBody }) => secretsOf(JSON.parse(rawBody).content)));
    for (const { headers } of frpCalls)
      if (headers.Authorization) secrets.add(headers.Authorization.slice("Basic ".length));
    // `admin` is http_user of one fixture, and a word of our own settings.
    secrets.delete("admin");
    expect(secrets.size).toBeGreaterThan(10);
    const places = {
      topics: topics.events.map((r) => `${r.key} ${JSON.stringify(r.headers)} ${r.value}`).join("\n"),
      journal: await textOfFiles(bridge.dataDir),
      log: bridge.log.lines.join("\n"),
      metrics,
    };
    for (const [place, text] of Object.entries(places)) {
      for (const secret of secrets) expect(text.includes(secret), `${secret} in ${place}`).toBe(false);
    }
  });
});

function post({ addr }: BridgeHost, op: string, reqid: string, body: string): Promise<Response> {
  const headers = { "X-Frp-Reqid": reqid, "Content-Type": "application/json" };
  return fetch(`http://${addr}/handler?op=${op}&version=0.1.0`, { method: "POST", headers, body });
}

// biome-ignore lint/suspicious/noExplicitAny: wire content of any op
function expectedData(content: any, reqid: string, op: string): object {
  const user = typeof content.user === "object" ? content.user.user : (content.user ?? "");
  const runId = content.user?.run_id ?? content.run_id;
  return {
    protocol: "frp",
    node: "frps",
    op,
    reqid,
    user,
    client: runId ? clientId(runId) : null,
    // Where the op itself names no type, what its NewProxy said stands there.
    proxy: content.proxy_name
      ? { name: content.proxy_name, ...(content.proxy_type && { type: content.proxy_type }) }
      : null,
    decision: { effect: op.startsWith("Close") ? "recorded" : "allowed" },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: data of any op's event
function expectedKey(stream: string, data: any): string {
  if (stream === "logins") return data.user || "frps";
  if (stream === "proxies") return data.proxy.name;
  return stream === "user-sessions" ? data.session.key : data.client;
}

async function textOfFiles(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
}
