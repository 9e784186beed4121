/** @module-tag docker */
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { describeWith } from "./describe-with.ts";
import { startRedis } from "./redis.ts";
import { sharedRedis } from "./shared.ts";
import { unique } from "./unique.ts";

describeWith(["redis"], "a Redis for tests", () => {
  it("answers on the same port after stop, kill and restart", async () => {
    await using redis = await startRedis();
    for (const end of ["stop", "kill"] as const) {
      await redis[end]();
      await expect(ping(redis.url)).rejects.toThrow();
      await redis.start();
      expect(await ping(redis.url)).toBe("PONG");
    }
    await redis.restart();
    expect(await ping(redis.url)).toBe("PONG");
  });

  it("answers nothing while paused, and what was asked once resumed", async () => {
    await using redis = await startRedis();
    const patient = new Redis(redis.url);
    const impatient = new Redis(redis.url, { commandTimeout: 2_000 });
    await Promise.all([patient.ping(), impatient.ping()]);
    await redis.pause();
    const answer = patient.ping();
    await expect(impatient.ping()).rejects.toThrow("timed out");
    await redis.resume();
    expect(await answer).toBe("PONG");
    patient.disconnect();
    impatient.disconnect();
  });

  it("takes further arguments, and keeps its keys if told so", async () => {
    await using redis = await startRedis({ args: ["--appendonly", "yes", "--maxmemory", "64mb"] });
    const client = new Redis(redis.url);
    await client.set("kept", "yes");
    expect(await client.config("GET", "maxmemory")).toEqual(["maxmemory", String(64 * 1024 * 1024)]);
    client.disconnect();
    await redis.restart();
    const again = new Redis(redis.url);
    expect(await again.get("kept")).toBe("yes");
    again.disconnect();
  });

  it("is shared by all files of a run", async () => {
    const client = new Redis(await sharedRedis());
    const key = `${unique("hosts")}:key`;
    expect(await client.set(key, "1", "EX", 60)).toBe("OK");
    expect(await sharedRedis()).toBe(await sharedRedis());
    client.disconnect();
  });
});

async function ping(url: string): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  client.on("error", () => {});
  try {
    await client.connect();
    return await client.ping();
  } finally {
    client.disconnect();
  }
}
