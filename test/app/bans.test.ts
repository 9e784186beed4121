/** Automatic bans, from the calls of a frps to the key in Redis and back. */
import { createHash } from "node:crypto";
import { networkInterfaces } from "node:os";
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { call } from "../cli/sluice.ts";
import { eventually } from "../eventually.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startFrpc, startFrps } from "../hosts/frp.ts";
import { closeWithFile } from "../hosts/open.ts";
import { type RedisHost, startRedis } from "../hosts/redis.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { eventsOf, toKafka } from "./stack.ts";

const token = "s3cret-of-alice";
const rule = JSON.stringify({ tokens: [`sha256:${createHash("sha256").update(token).digest("hex")}`] });
const stranger = "198.51.100.7";
const key = `sluice:ban:${stranger}`;
const banned = { reject: true, reject_reason: "banned for a while after too many refusals" };
const wrong = { reject: true, reject_reason: "token missing or wrong" };
const letIn = { reject: false, unchange: true };

async function gate(settings: BridgeSettings = {}, redisArgs: string[] = []) {
  const redis = await startRedis({ args: redisArgs });
  const operator = new Redis(redis.url);
  operator.on("error", () => {});
  closeWithFile({ [Symbol.asyncDispose]: async () => operator.disconnect() });
  await operator.set("sluice:policy:user:alice", rule);
  const bridge = await startBridge({
    "redis.url": redis.url,
    "ban.after": 3,
    "ban.forSeconds": 900,
    ...settings,
  });
  return { redis, operator, bridge };
}

function login({ url }: BridgeHost, given: string, address = `${stranger}:40000`): Promise<unknown> {
  return call(url, "Login", { user: "alice", metas: { token: given }, client_address: address });
}

async function figure({ adminUrl }: BridgeHost, line: string): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const found = metrics.split("\n").find((text) => text.startsWith(line));
  return found === undefined ? 0 : Number(found.slice(line.length));
}

async function closeAll(bridge: BridgeHost, redis: RedisHost): Promise<void> {
  await bridge.close();
  await redis.close();
}

describeWith(["redis", "kafka"], "an address that brings a wrong token too often", () => {
  it("is banned by a key in Redis that ends by itself, says why, is published, and can be lifted", async () => {
    const kafka = toKafka(await sharedKafka());
    const { redis, operator, bridge } = await gate(kafka);
    const topics = await eventsOf(bridge, kafka);
    for (let n = 0; n < 3; n++) expect(await login(bridge, "wrong")).toEqual(wrong);
    await eventually(async () => expect(await login(bridge, token)).toEqual(banned));

    expect(await operator.ttl(key)).toBeGreaterThan(890);
    expect(await operator.ttl(key)).toBeLessThanOrEqual(900);
    const { event } = await topics.saw(({ type }) => type === "sluice.policy.changed");
    expect(event.data).toMatchObject({ key: `ban:${stranger}`, before: null, cause: "written" });
    expect(JSON.parse(event.data.after)).toMatchObject({
      effect: "deny",
      note: "3 refusals within 60 s, the last: token_rejected by user:alice",
      by: event.instance,
    });
    expect(event.data.by).toBe(event.instance);
    expect(await figure(bridge, 'sluice_bans_total{outcome="written"} ')).toBe(1);
    expect(await login(bridge, token, "198.51.100.8:1")).toEqual(letIn);
    expect(await login(bridge, "wrong", "198.51.100.8:1")).toEqual(wrong);

    await operator.del(key);
    await eventually(async () => expect(await login(bridge, token)).toEqual(letIn));
    const refused = await topics.saw(
      ({ type, data }) => type === "sluice.login.refused" && data.decision.code === "banned",
    );
    expect(refused.event.data.decision.rule).toBe(`ban:${stranger}`);
    await closeAll(bridge, redis);
  });
});

describeWith(["redis"], "a ban", () => {
  it("holds at every bridge of that Redis, and over a restart while Redis is away", async () => {
    const { redis, bridge } = await gate();
    const second = await startBridge({ "redis.url": redis.url });
    for (let n = 0; n < 3; n++) await login(bridge, "wrong");
    await eventually(async () => expect(await login(second, token)).toEqual(banned));
    await second.stop();
    await redis.stop();
    await second.start();
    expect(await login(second, token)).toEqual(banned);
    await second.close();
    await closeAll(bridge, redis);
  });

  it("that Redis refuses to take costs nobody an answer, is logged and counted, and names no password", async () => {
    const { redis, operator, bridge } = await gate();
    await operator.call(
      "ACL",
      "SETUSER",
      "reader",
      "on",
      ">pw-of-reader",
      "~sluice:*",
      "&*",
      "+@all",
      "-set",
    );
    await bridge.stop();
    const limited = await startBridge({
      "redis.url": redis.url.replace("//", "//reader:pw-of-reader@"),
      "ban.after": 2,
    });
    for (let n = 0; n < 4; n++) expect(await login(limited, "wrong")).toEqual(wrong);
    const line = await limited.log.saw(/a ban cannot be written/);
    expect(line).toMatch(/NOPERM/);
    await eventually(async () =>
      expect(await figure(limited, 'sluice_bans_total{outcome="failed"} ')).toBeGreaterThan(0),
    );
    expect(await login(limited, token)).toEqual(letIn);
    expect(limited.log.lines.join("\n")).not.toContain("pw-of-reader");
    await limited.close();
    await closeAll(bridge, redis);
  });

  it("is written also when the connection of an earlier one has died meanwhile", async () => {
    const { redis, operator, bridge } = await gate({ "ban.after": 1 });
    await login(bridge, "wrong", "198.51.100.1:1");
    await eventually(async () => expect(await operator.exists("sluice:ban:198.51.100.1")).toBe(1));
    await operator.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await eventually(async () => {
      await login(bridge, "wrong", "198.51.100.2:1");
      expect(await operator.exists("sluice:ban:198.51.100.2")).toBe(1);
    });
    await closeAll(bridge, redis);
  });

  it("is not made of what only observe mode would have refused", async () => {
    const { redis, operator, bridge } = await gate({ "policy.mode": "observe" });
    for (let n = 0; n < 6; n++) expect(await login(bridge, "wrong")).toEqual(letIn);
    await bridge.stop();
    expect(await operator.keys("sluice:ban:*")).toEqual([]);
    await closeAll(bridge, redis);
  });
});

/** An address of this machine that is not loopback, which is never banned. */
const outward = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;

describeWith(["redis", "frp"], "at a real frps", () => {
  it("loopback is never banned by itself, and may be by hand, which frpc shows", async () => {
    const { redis, operator, bridge } = await gate({ "ban.after": 1 });
    await using frps = await startFrps({ plugins: [{ addr: bridge.addr }] });
    const frpc = (given: string) =>
      startFrpc({ frps, user: "alice", metadatas: { token: given }, until: "nothing" });
    for (let n = 0; n < 2; n++) {
      const intruder = await frpc("wrong");
      await intruder.log.saw(/token missing or wrong/);
      await intruder.stop();
    }
    expect(await operator.keys("sluice:ban:*")).toEqual([]);

    await operator.set("sluice:ban:127.0.0.1", "deny not from here");
    const owner = await frpc(token);
    await owner.log.saw(/not from here/);
    await owner.stop();
    await operator.del("sluice:ban:127.0.0.1");
    await (await startFrpc({ frps, user: "alice", metadatas: { token } })).stop();
    await closeAll(bridge, redis);
  });

  it.skipIf(outward === undefined)(
    "a frpc with wrong tokens is banned, and its address with it",
    async () => {
      const { redis, operator, bridge } = await gate({ "ban.after": 2 });
      await using frps = await startFrps({
        plugins: [{ addr: bridge.addr }],
        settings: { bindAddr: "0.0.0.0" },
      });
      const settings = { serverAddr: outward! };
      const frpc = (given: string) =>
        startFrpc({ frps, user: "alice", metadatas: { token: given }, settings, until: "nothing" });
      for (let n = 0; n < 2; n++) {
        const intruder = await frpc("wrong");
        await intruder.log.saw(/token missing or wrong/);
        await intruder.stop();
      }
      await eventually(async () =>
        expect(await operator.keys("sluice:ban:*")).toEqual([`sluice:ban:${outward}`]),
      );
      const owner = await frpc(token);
      await owner.log.saw(/banned for a while after too many refusals/);
      await owner.stop();
      await operator.del(`sluice:ban:${outward}`);
      await (await startFrpc({ frps, user: "alice", metadatas: { token }, settings })).stop();
      await closeAll(bridge, redis);
    },
  );
});
