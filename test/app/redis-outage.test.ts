import { Redis } from "ioredis";
import { expect, it, vi } from "vitest";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { closeWithFile } from "../hosts/open.ts";
import { type RedisHost, startRedis } from "../hosts/redis.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { isRefusable, users } from "./call-mix.ts";
import { expectRuled, ofType } from "./delivered.ts";
import { type Answer, Load } from "./load.ts";
import { eventsOf, toKafka } from "./stack.ts";

vi.setConfig({ testTimeout: 120_000 });

const perSecond = 300;
/** A changed rule is in force within a second of Redis's return; the rest is for a busy machine. */
const inForceMs = 1000 + 250;
const denied = { alice: "moved away" };

/** A client that keeps what it is told while Redis is away, and tells it the moment Redis is back. */
function operatorOf(redis: RedisHost): Redis {
  const operator = new Redis(redis.url, { retryStrategy: () => 10, maxRetriesPerRequest: null });
  operator.on("error", () => {});
  closeWithFile({ [Symbol.asyncDispose]: async () => operator.disconnect() });
  return operator;
}

async function aliceDenied(redisArgs: string[] = [], settings: BridgeSettings = {}) {
  const redis = await startRedis({ args: redisArgs });
  const operator = operatorOf(redis);
  await operator.set("sluice:policy:user:alice", "deny moved away");
  await operator.set("sluice:policy:user:carol", "allow");
  const bridge = await startBridge({ "redis.url": redis.url, ...settings });
  const load = new Load({ url: bridge.url, perSecond });
  await load.more(perSecond / 2);
  return { redis, operator, bridge, load };
}

const refuses = (user: string, reason: string) => (answer: Answer) =>
  answer.call.user === user && answer.refused === reason;
const allows = (user: string) => (answer: Answer) =>
  answer.call.user === user && isRefusable(answer.call) && answer.refused === null;
const refusedForAll = (reason: string): Record<string, string> =>
  Object.fromEntries(users.map((user) => [user, reason]));

/** When the first answer came that refuses bob; every answer before that one follows the old rules. */
async function bobIsRefusedAtMs(load: Load): Promise<number> {
  const obeys = refuses("bob", "too loud");
  if (!load.answers.some(obeys)) await load.saw(obeys, "that refuses bob");
  const first = load.answers.findIndex(obeys);
  expectRuled(load.answers.slice(0, first), denied);
  return load.answers[first]!.atMs;
}

/** From now on both rules are in force, without exception. */
async function expectBothDenied(load: Load): Promise<void> {
  const from = load.answers.length;
  await load.more(perSecond / 2);
  await load.stop();
  const nowMs = load.answers[from]!.atMs;
  expectRuled(
    load.answers.filter(({ sentMs }) => sentMs > nowMs),
    { ...denied, bob: "too loud" },
  );
  expect(load.unanswered).toEqual([]);
}

async function saysItIsAway(bridge: BridgeHost): Promise<void> {
  await bridge.log.saw(/the policy's source is away/);
}

async function readiness(bridge: BridgeHost): Promise<{ status: number; text: string }> {
  const response = await fetch(`${bridge.adminUrl}/readyz`);
  return { status: response.status, text: await response.text() };
}

describeWith(["redis"], "while Redis is away", () => {
  it("answers from the old rules when Redis is stopped, and by a new rule within a second of its return", async () => {
    const { redis, operator, bridge, load } = await aliceDenied(["--appendonly", "yes"]);
    await redis.stop();
    await saysItIsAway(bridge);
    await load.more(perSecond);
    const written = operator.set("sluice:policy:user:bob", "deny too loud");
    await redis.start();
    const returnedMs = performance.now();
    expect((await bobIsRefusedAtMs(load)) - returnedMs).toBeLessThan(inForceMs);
    await written;
    await expectBothDenied(load);
  });

  it("answers from the old rules when Redis hangs, and by a new rule within a second of its return", async () => {
    const { redis, operator, bridge, load } = await aliceDenied();
    await redis.pause();
    const written = operator.set("sluice:policy:user:bob", "deny too loud");
    await saysItIsAway(bridge);
    await load.more(perSecond);
    const returnedMs = performance.now();
    await redis.resume();
    expect((await bobIsRefusedAtMs(load)) - returnedMs).toBeLessThan(inForceMs);
    await written;
    await expectBothDenied(load);
  });

  it("refuses everything that can be refused until there has been a policy, and says so on /readyz", async () => {
    const redis = await startRedis();
    await redis.stop();
    const bridge = await startBridge({ "redis.url": redis.url });
    await using load = new Load({ url: bridge.url, perSecond });
    await load.more(perSecond / 2);
    expectRuled(load.answers, refusedForAll("policy not available"));
    const notReady = { status: 503, text: "not ready: no policy has been loaded yet\n" };
    expect(await readiness(bridge)).toEqual(notReady);
    await redis.start();
    await load.saw(allows("bob"), "that allows bob");
    expect(await readiness(bridge)).toEqual({ status: 200, text: "ready\n" });
  });

  it("refuses with policy.whenStale = deny once the policy is older than policy.maxStaleMs, until Redis is back", async () => {
    const stale = { "policy.maxStaleMs": 2000, "policy.whenStale": "deny" };
    const { redis, bridge, load } = await aliceDenied(["--appendonly", "yes"], stale);
    await redis.stop();
    const { atMs } = await load.saw(refuses("bob", "policy is out of date"), "that refuses bob");
    await bridge.log.saw(/the policy is stale: everything is refused/);
    await load.more(perSecond / 2);
    expectRuled(
      load.answers.filter(({ sentMs }) => sentMs > atMs),
      refusedForAll("policy is out of date"),
    );
    await redis.start();
    await load.saw(allows("bob"), "that allows bob");
    await load.saw(refuses("alice", "moved away"), "that refuses alice by her own rule");
    await load.stop();
  });
});

describeWith(["redis", "kafka"], "when every rule vanishes at once", () => {
  const ways: [string, (redis: RedisHost, operator: Redis) => Promise<unknown>][] = [
    ["FLUSHALL", (_redis, operator) => operator.flushall()],
    ["a restart of a Redis that keeps nothing", (redis) => redis.restart()],
  ];

  it.each(ways)(
    "keeps the old rules after %s, says so, and obeys what is written then",
    async (_way, empty) => {
      const settings = toKafka(await sharedKafka());
      const { redis, operator, bridge, load } = await aliceDenied([], settings);
      await using topics = await eventsOf(bridge, settings);
      await empty(redis, operator);
      const { event } = await topics.saw(ofType("policy.emptied"), "policy.emptied");
      expect(event.data.rulesKept).toBe(2);
      await load.more(perSecond);
      const writtenMs = performance.now();
      await operator.set("sluice:policy:user:bob", "deny too loud");
      expect((await bobIsRefusedAtMs(load)) - writtenMs).toBeLessThan(inForceMs);
      await expectBothDenied(load);
    },
  );
});
