import { type CloudEvent, Kafka } from "cloudevents";
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { anyEvent } from "../events/strict.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { ASKED_TYPES, startEveryProxy, UNASKED_TYPES } from "../hosts/every-proxy.ts";
import { startFrpc, startFrps } from "../hosts/frp.ts";
import { sharedKafka, sharedRedis } from "../hosts/shared.ts";
import { type TopicEvent, TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { allTold } from "./delivered.ts";

async function stack(settings: Record<string, string> = {}) {
  const brokers = await sharedKafka();
  const redisUrl = await sharedRedis();
  const [topicPrefix, redisPrefix] = [`${unique("frps")}.`, `${unique("frps")}:`];
  const bridge = await startBridge({
    "redis.url": redisUrl,
    "redis.prefix": redisPrefix,
    "kafka.brokers": brokers.join(","),
    "kafka.topicPrefix": topicPrefix,
    ...settings,
  });
  await bridge.log.saw(/topics created/);
  const topics = await TopicEvents.read(brokers, topicPrefix);
  const redis = new Redis(redisUrl);
  return {
    bridge,
    topics,
    topicPrefix,
    rule: (key: string, value: string) => redis.set(`${redisPrefix}policy:${key}`, value),
    end: async () => {
      redis.disconnect();
      await topics[Symbol.asyncDispose]();
      await bridge.close();
    },
  };
}

const typed = (type: string) => (event: { type: string }) => event.type === `sluice.${type}`;

describeWith(["redis", "kafka", "frp"], "a real frps with frpc, Redis and Kafka", () => {
  it("has each op of every proxy type on its topic, with the right key, as a valid event", async () => {
    const { bridge, topics, topicPrefix, end } = await stack();
    await using frps = await startFrps({ plugins: [{ addr: bridge.addr }] });
    const { frpc, connect } = await startEveryProxy({
      frps,
      user: "alice",
      metadatas: { token: "s3cret-meta", team: "blue" },
    });

    for (const type of [...ASKED_TYPES, ...UNASKED_TYPES]) {
      await using user = await connect[type]();
      expect.soft(await user.served, type).toBe(true);
    }
    await topics.saw(typed("login.allowed"), "login.allowed");
    await topics.saw(typed("heartbeat.allowed"), "heartbeat.allowed");
    await topics.saw(typed("workconn.allowed"), "workconn.allowed");
    for (const type of ASKED_TYPES) {
      const isStart = (e: { type: string; data: { proxy: { name: string; type: string } | null } }) =>
        typed("session.started")(e) && e.data.proxy?.type === type;
      const { key, event } = await topics.saw(isStart, `session.started of ${type}`);
      expect(key).toBe(event.data.session.key);
      expect(event.data.proxy.name).toBe(`alice.${type}`);
    }
    for (const type of [...ASKED_TYPES, ...UNASKED_TYPES]) {
      const { key } = await topics.saw(
        (e) => typed("proxy.allowed")(e) && e.data.proxy.type === type,
        `proxy.allowed of ${type}`,
      );
      expect(key).toBe(`alice.${type}`);
    }
    await frpc.stop();
    for (const type of [...ASKED_TYPES, ...UNASKED_TYPES]) {
      await topics.saw(
        (e) => typed("proxy.closed")(e) && e.data.proxy.name === `alice.${type}`,
        `proxy.closed of ${type}`,
      );
    }
    await bridge.stop();
    await allTold(topics);

    for (const record of topics.events) expectValid(record, topicPrefix);
    expectNoSecret(topics.events, ["s3cret-meta", "between-visitors", frps.token], bridge.log.lines);
    expectGapless(topics.distinct);
    await end();
  });

  it("refuses alice's next op once her key says deny, with the reason, and lets her in again without it", async () => {
    const { bridge, topics, rule, end } = await stack();
    await using frps = await startFrps({ plugins: [{ addr: bridge.addr }] });
    await using alice = await startFrpc({ frps, user: "alice" });
    await rule("user:alice", "deny moved away");
    await topics.saw((e) => typed("policy.changed")(e) && e.data.key === "user:alice", "policy.changed");
    await using again = await startFrpc({ frps, user: "alice", until: "nothing" });
    expect(await again.log.saw(/moved away/)).toContain("moved away");
    const { event, key } = await topics.saw(typed("login.refused"), "login.refused");
    expect(key).toBe("alice");
    expect(event.data.decision).toMatchObject({
      effect: "refused",
      reason: "moved away",
      code: "rule_deny",
      rule: "user:alice",
    });
    expect(event.policyrev).toBe(event.data.decision.revision);
    await alice.stop();
    await rule("user:alice", "allow");
    await again.log.saw(/login to server success/);
    await end();
  });
});

function expectValid({ topic, key, headers, value, event }: TopicEvent, prefix: string): void {
  expect(anyEvent.safeParse(event).error, value).toBeUndefined();
  expect(topic.startsWith(prefix)).toBe(true);
  expect(event.partitionkey).toBe(key);
  expect(headers["content-type"]).toBe("application/cloudevents+json; charset=UTF-8");
  for (const name of ["id", "type", "source", "sequence", "specversion", "partitionkey"])
    expect(headers[`ce_${name}`]).toBe(event[name]);
  // The SDK of CloudEvents itself reads the record by its content type, and judges it.
  const sdk = Kafka.toEvent({ headers, value, body: value } as never) as CloudEvent;
  expect(sdk.validate()).toBe(true);
}

function expectNoSecret(
  events: readonly TopicEvent[],
  secrets: readonly string[],
  log: readonly string[],
): void {
  const all = [...events.map((e) => `${e.key} ${JSON.stringify(e.headers)} ${e.value}`), ...log].join("\n");
  for (const secret of secrets) expect(all).not.toContain(secret);
}

/** Per instance, epoch and topic the sequence begins at 1 and has no hole. */
function expectGapless(events: readonly TopicEvent[]): void {
  const seen = new Map<string, number[]>();
  for (const { topic, event } of events) {
    const name = `${event.instance} ${event.epoch} ${topic}`;
    seen.set(name, [...(seen.get(name) ?? []), Number(event.sequence)]);
  }
  for (const [name, numbers] of seen) {
    expect(
      numbers.sort((a, b) => a - b),
      name,
    ).toEqual(numbers.map((_, at) => at + 1));
  }
}
