/** What the Redis source alone guarantees, against a server of its own that is stopped, killed and emptied. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { RedisSource, type RedisTiming } from "../../src/policy/redis.ts";
import { redisAddress, redisSourceId } from "../../src/policy/redis-address.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { type RedisHost, startRedis } from "../hosts/redis.ts";
import { CuttableLink } from "./cuttable-link.ts";
import { WatchedReplica } from "./watched-replica.ts";

const watchful: Partial<RedisTiming> = { startWithinMs: 20_000, pingEveryMs: 50, pingWithinMs: 300 };

describeWith(["redis"], "the policy from Redis", () => {
  let server: RedisHost;
  let operator: Redis;
  let folder: string;
  let watched: WatchedReplica;
  let source: RedisSource;

  beforeAll(async () => {
    server = await startRedis({ args: ["--enable-debug-command", "yes"] });
    operator = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    operator.on("error", () => {});
  });
  afterAll(async () => {
    operator.disconnect();
    await server.close();
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "sluice-redis-"));
    await operator.flushall();
  });
  afterEach(async () => {
    await source.close();
    await watched.replica.close();
    rmSync(folder, { recursive: true });
  });

  async function start(url = server.url, timing = watchful, prefix = "sluice:"): Promise<void> {
    watched = new WatchedReplica({ folder });
    await watched.replica.restore();
    source = new RedisSource({
      redis: { url, prefix },
      replica: watched.replica,
      clock: systemClock,
      timing,
    });
    await source.start();
  }

  function set(key: string, value: string): Promise<unknown> {
    return operator.set(`sluice:policy:${key}`, value);
  }

  /** Our connections, the one with the subscription first. */
  async function connectionIds(): Promise<[subscribed: string, reading: string]> {
    const list = (await operator.client("LIST")) as string;
    const lines = list.split("\n").filter((line) => line.includes(" sub=1 ") || / flags=\w*t/.test(line));
    const id = (line: string | undefined): string => /id=(\d+)/.exec(line ?? "")![1]!;
    return [
      id(lines.find((line) => line.includes(" sub=1 "))),
      id(lines.find((line) => / flags=\w*t/.test(line))),
    ];
  }

  it("takes the deletion of the last rule by its name as meant", async () => {
    await set("user:a", "deny");
    await start();
    await operator.del("sluice:policy:user:a");
    await watched.changed("user:a", null);
    expect(watched.replica.rules.size).toBe(0);
    expect(watched.replica.keptRules).toBe(0);
  });

  it("ends in the last of 20 values written in a row, and has applied them in order", async () => {
    await start();
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => set("user:a", `deny ${round}.${i}`)));
      await watched.changed("user:a", `deny ${round}.19`);
    }
    const numbers = watched.notes.map((note) => {
      const [round, i] = note.kind === "changed" ? note.after!.slice(5).split(".") : [];
      return Number(round) * 20 + Number(i);
    });
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).toBeGreaterThanOrEqual(20);
  });

  it("keeps old rules through FLUSHALL, and follows what is written afterwards", async () => {
    await set("user:a", "deny");
    await start();
    await operator.flushall();
    await watched.noted("emptied");
    await set("user:b", "deny");
    await watched.changed("user:b", "deny");
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "deny" });
  });

  it("keeps old rules through a FLUSHALL that is followed at once by other rules", async () => {
    await set("user:a", "deny");
    await start();
    await operator.multi().flushall().set("sluice:policy:user:b", "deny").exec();
    expect(await watched.noted("emptied")).toMatchObject({ rulesKept: 1 });
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "deny" });
  });

  it("loses nothing by a FLUSHDB of another database, and keeps nothing that is deleted then", async () => {
    await set("user:a", "deny");
    await set("user:b", "deny");
    await start();
    await operator.multi().select(1).flushdb().select(0).del("sluice:policy:user:b").exec();
    await watched.changed("user:b", null);
    await set("user:c", "deny");
    await watched.changed("user:c", "deny");
    expect(watched.values).toEqual({ "user:a": "deny", "user:c": "deny" });
    expect(watched.notes.filter(({ kind }) => kind === "emptied")).toEqual([]);
  });

  it("takes over the set that Redis has loaded anew, as a replica does, and keeps nothing that is not in it", async () => {
    await set("user:a", "deny");
    await operator.save();
    // The server of all tests here: what it saved must not come back.
    onTestFinished(async () => {
      await operator.flushall();
      await operator.save();
    });
    await set("user:b", "allow");
    await start();
    // Empties it and loads what was saved, of which tracking tells as of a flush.
    await operator.call("DEBUG", "RELOAD", "NOSAVE");
    await watched.changed("user:b", null);
    expect(watched.values).toEqual({ "user:a": "deny" });
    expect(watched.notes.filter(({ kind }) => kind === "emptied")).toEqual([]);
  });

  it("keeps old rules when the server is killed and comes back without its data", async () => {
    await set("user:a", "deny");
    await start();
    await server.kill();
    await watched.logged(/source is away/);
    expect(watched.value("user:a")).toBe("deny");
    await server.start();
    expect(await watched.noted("emptied")).toMatchObject({ rulesKept: 1 });
    await watched.logged(/source is back/);
  });

  it("notices a server that is stopped without a word, and takes up its changes when it goes on", async () => {
    await set("user:a", "deny");
    await start(server.url, {});
    await server.pause();
    const stoppedMs = performance.now();
    await watched.logged(/source is away/);
    expect(performance.now() - stoppedMs).toBeLessThan(2500);
    expect(watched.value("user:a")).toBe("deny");
    const written = set("user:a", "allow");
    await server.resume();
    const resumedMs = performance.now();
    await watched.changed("user:a", "allow");
    expect(performance.now() - resumedMs).toBeLessThan(1000);
    await written;
  });

  it("takes up a change made while the line was cut within a second of its return", async () => {
    await set("user:a", "deny");
    const link = await CuttableLink.to(server.port);
    await start(`redis://127.0.0.1:${link.port}`);
    link.cutSilently();
    await watched.logged(/source is away/);
    await set("user:a", "allow");
    link.mend();
    const mendedMs = performance.now();
    await watched.changed("user:a", "allow");
    expect(performance.now() - mendedMs).toBeLessThan(1000);
    await source.close();
    await link.close();
  });

  it.each([0, 1] as const)("survives the loss of either connection (%i)", async (which) => {
    await set("user:a", "deny");
    await set("user:b", "deny");
    await start(server.url, { pingEveryMs: 60_000 });
    await operator.client("KILL", "ID", (await connectionIds())[which]);
    await set("user:a", "allow");
    await operator.del("sluice:policy:user:b");
    await Promise.all([watched.changed("user:a", "allow"), watched.changed("user:b", null)]);
    await watched.logged(/source is back/);
    await set("user:a", "deny again");
    await watched.changed("user:a", "deny again");
  });

  it("ends a rule on time while the server is stopped", async () => {
    const writtenMs = performance.now();
    await operator.set("sluice:policy:user:a", "allow", "PX", 2_000);
    await start();
    await server.pause();
    expect(await watched.changed("user:a", null)).toMatchObject({ cause: "expired" });
    const tookMs = performance.now() - writtenMs;
    await server.resume();
    expect(tookMs).toBeGreaterThan(1_950);
    expect(tookMs).toBeLessThan(2_300);
    await watched.logged(/source is back|policy loaded/);
  });

  it("follows a TTL that is given and taken away without a new value", async () => {
    await set("user:a", "allow");
    await set("user:b", "allow");
    await start();
    await operator.pexpire("sluice:policy:user:a", 2_000);
    await operator.multi().pexpire("sluice:policy:user:b", 1_900).persist("sluice:policy:user:b").exec();
    expect(await watched.changed("user:a", null)).toMatchObject({ cause: "expired" });
    expect(watched.values).toEqual({ "user:b": "allow" });
  });

  it("loses no change and no deletion made while it reads everything", async () => {
    const users = Array.from({ length: 20_000 }, (_, i) => `sluice:policy:user:u${i}`);
    await operator.mset(users.flatMap((key) => [key, "deny"]));
    watched = new WatchedReplica({ folder });
    source = new RedisSource({
      redis: { url: server.url, prefix: "sluice:" },
      replica: watched.replica,
      clock: systemClock,
      timing: watchful,
    });
    const started = source.start();
    for (let i = 0; i < 20_000; i += 40) {
      const batch = operator.pipeline();
      for (const key of users.slice(i, i + 10)) batch.set(key, "allow");
      for (const key of users.slice(i + 10, i + 20)) batch.del(key);
      await batch.exec();
    }
    await set("user:last", "deny");
    await started;
    await watched.saw("the last rule", () => watched.value("user:last") === "deny");
    const values = watched.values;
    const wrong = users.filter((key, i) => {
      const wanted = i % 40 < 10 ? "allow" : i % 40 < 20 ? undefined : "deny";
      return values[key.slice("sluice:policy:".length)] !== wanted;
    });
    expect(wrong).toEqual([]);
    expect(watched.replica.rules.size).toBe(15_001);
  });

  it("does not take a key for gone that comes back while it reads, though it is told late", async () => {
    await set("user:a", "deny");
    await set("user:b", "deny");
    const link = await CuttableLink.to(server.port);
    await start(`redis://127.0.0.1:${link.port}`);
    link.holdAfter("subscribe");
    link.drop();
    await operator.del("sluice:policy:user:a");
    await set("user:b", "allow");
    await watched.changed("user:b", "allow");
    await set("user:a", "deny");
    link.mend();
    await watched.logged(/source is back/);
    expect(watched.notes.filter((note) => note.kind === "changed" && note.key === "user:a")).toEqual([]);
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "allow" });
    await source.close();
    await link.close();
  });

  it("reads everything again when all is flushed while it reads, and keeps what it had", async () => {
    await operator.mset(
      Array.from({ length: 20_000 }, (_, i) => [`sluice:policy:user:u${i}`, "deny"]).flat(),
    );
    await start();
    await operator.client("KILL", "ID", (await connectionIds())[1]);
    await watched.logged(/source is away/);
    await operator.flushall();
    await watched.noted("emptied");
    expect(watched.replica.rules.size).toBe(20_000);
  });

  it("finds a rule whose key is not UTF-8, when it loads and when it is written, and has it refuse", async () => {
    const key = (name: string): Buffer => Buffer.from(`sluice:policy:user:${name}`, "latin1");
    await operator.set(key("J\xfcrgen"), "deny");
    await start();
    expect(await watched.noted("rejected")).toMatchObject({
      key: "user:J\ufffdrgen",
      problem: "the key is not valid UTF-8",
    });
    const from = watched.happened.length;
    await operator.set(key("S\xf8ren"), "deny");
    expect(await watched.noted("rejected", from)).toMatchObject({ key: "user:S\ufffdren" });
  });

  it("has a value that is no string refuse", async () => {
    await operator.lpush("sluice:policy:user:a", "deny");
    await start();
    expect(watched.replica.rules.get("user:a")).toMatchObject({ readable: false });
    await operator.hset("sluice:policy:user:b", "x", "y");
    await watched.noted("rejected", watched.happened.length - 1);
    await operator.del("sluice:policy:user:a");
    await watched.changed("user:a", null);
    await set("user:a", "allow");
    await watched.changed("user:a", "allow");
  });

  it("reads bans from beside the rules, when it loads and when they are written, and forgets those lifted", async () => {
    await operator.set("sluice:ban:203.0.113.9", "deny", "EX", 600);
    await start();
    await operator.set("sluice:ban:2001:db8::/64", "deny");
    await watched.changed("ban:2001:db8::/64", "deny");
    expect(watched.replica.rules.bansOn("203.0.113.9")).toHaveLength(1);
    expect(watched.replica.rules.bansOn("2001:db8::1")).toHaveLength(1);
    await operator.del("sluice:ban:203.0.113.9");
    await watched.changed("ban:203.0.113.9", null);
    expect(watched.replica.rules.bansOn("203.0.113.9")).toEqual([]);
  });

  it("shows a ban that was written among the rules as one that covers nothing", async () => {
    await operator.set("sluice:ban:203.0.113.9", "deny");
    await set("ban:203.0.113.9", "deny elsewhere");
    await start();
    expect(watched.values).toEqual({
      "ban:203.0.113.9": "deny",
      "policy:ban:203.0.113.9": "deny elsewhere",
    });
    await operator.del("sluice:policy:ban:203.0.113.9");
    await watched.changed("policy:ban:203.0.113.9", null);
    expect(watched.values).toEqual({ "ban:203.0.113.9": "deny" });
  });

  it("reads what prox is told from beside the rules, when it loads and when it is written", async () => {
    await operator.set("sluice:prox:targets:web:0", '["10.0.0.5:80"]');
    await operator.set("sluice:policy:prox:targets:web:0", "elsewhere");
    await operator.set("sluice:proxy:x", "none of ours");
    await start();
    const told = (): string[] =>
      [...watched.replica.rules.pushes()].map(({ key, value }) => `${key.id} ${value}`);
    expect(told()).toEqual(['targets:web:0 ["10.0.0.5:80"]']);
    expect(watched.value("policy:prox:targets:web:0")).toBe("elsewhere");
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    watched.replica.watchPushes(resolve);
    await operator.set("sluice:prox:speed:*", '{"downloadMbps":1}');
    await heard;
    expect(told()).toContain('speed:* {"downloadMbps":1}');
    await operator.del("sluice:prox:targets:web:0");
    await watched.changed("prox:targets:web:0", null);
    expect(told()).toEqual(['speed:* {"downloadMbps":1}']);
  });

  it("finds values that are no strings among thousands that are, with the ends of all, when it loads", async () => {
    const users = Array.from({ length: 3000 }, (_, i) => `user:u${i}`);
    const writes = operator.pipeline();
    for (const [i, key] of users.entries()) {
      if (i % 100 === 7) writes.lpush(`sluice:policy:${key}`, "allow");
      else if (i % 2 === 0) writes.set(`sluice:policy:${key}`, `deny ${i}`, "PX", 3_600_000);
      else writes.set(`sluice:policy:${key}`, "allow");
    }
    await writes.exec();
    await start();
    const rules = users.map((key) => watched.replica.rules.get(key)!);
    expect(watched.replica.rules.size).toBe(users.length);
    expect(rules.filter(({ readable }) => !readable).map(({ key }) => key.text)).toEqual(
      users.filter((_, i) => i % 100 === 7),
    );
    expect(rules.filter(({ endsAtMs }) => endsAtMs !== null).map(({ value }) => value)).toEqual(
      users.flatMap((_, i) => (i % 2 === 0 ? [`deny ${i}`] : [])),
    );
  });

  it("reads only its own prefix, whatever characters that has, and its own database", async () => {
    await operator.mset(
      "s*[x]policy:user:a",
      "deny",
      "sluice:policy:user:b",
      "deny",
      "ssxpolicy:user:c",
      "deny",
    );
    await start(server.url, watchful, "s*[x]");
    await operator.mset("s*[x]policy:user:d", "deny", "s*[x]state:user:e", "deny");
    await watched.changed("user:d", "deny");
    expect(watched.values).toEqual({ "user:a": "deny", "user:d": "deny" });
    await source.close();
    await start(`${server.url}/3`, watchful, "s*[x]");
    expect(watched.values).toEqual({});
    expect(watched.replica.keptRules).toBe(0);
  });

  it("starts without Redis on the last known good rules, and without those refuses to be available", async () => {
    await set("user:a", "deny");
    await start();
    await source.close();
    await watched.replica.close();
    await server.pause();
    await start(server.url, { ...watchful, startWithinMs: 100 });
    expect(watched.values).toEqual({ "user:a": "deny" });
    expect(watched.replica.available).toBe(true);
    await source.close();
    rmSync(watched.path);
    await start(server.url, { ...watchful, startWithinMs: 100 });
    expect(watched.replica.available).toBe(false);
    await server.resume();
    await watched.logged(/policy loaded/);
    expect(watched.values).toEqual({ "user:a": "deny" });
  });

  it("can be closed while it waits to try again", async () => {
    const long = { startWithinMs: 10, firstPauseMs: 600_000, longestPauseMs: 600_000 };
    await start("redis://127.0.0.1:1", long);
    await watched.logged(/source is away/);
    await source.close();
    expect(source.state()).toMatchObject({
      connected: false,
      lastError: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("says once that its password is refused, never the password, and goes on when the server is mended", async () => {
    await set("user:a", "deny");
    await start(server.url.replace("//", "//sluice:s3cr3t@"), { ...watchful, startWithinMs: 100 });
    const line = await watched.logged(/source is away/);
    expect(line.fields).toMatchObject({ problem: expect.stringMatching(/SLUICE_REDIS_URL.*WRONGPASS/) });
    await operator.call(
      "ACL",
      "SETUSER",
      "sluice",
      "on",
      ">s3cr3t",
      "resetchannels",
      "&__redis__:invalidate",
      "resetkeys",
      "%R~sluice:policy:*",
      "%R~sluice:ban:*",
      "%R~sluice:prox:*",
      "-@all",
      ..."+auth +ping +subscribe +select +client|id +client|tracking +scan +get +mget +pttl".split(" "),
    );
    await watched.logged(/policy loaded/);
    expect(watched.values).toEqual({ "user:a": "deny" });
    await set("user:a", "allow");
    await watched.changed("user:a", "allow");
    expect(watched.lines.filter((l) => l.level !== "info")).toHaveLength(1);
    expect(JSON.stringify([watched.happened, source.state()])).not.toContain("s3cr3t");
    await operator.call("ACL", "DELUSER", "sluice");
  });

  it("names a Redis by neither password nor host, and tells two prefixes and two databases apart", () => {
    const id = (url: string, prefix = "sluice:"): string => redisSourceId({ url, prefix });
    expect(id("redis://u:s3cr3t@db.internal")).toBe(id("redis://db.internal:6379/0"));
    expect(id("redis://db.internal")).not.toMatch(/db\.internal|s3cr3t/);
    expect(new Set([id("redis://h"), id("redis://h/1"), id("redis://h", "x:"), id("redis://g")]).size).toBe(
      4,
    );
    expect(() => redisAddress({ url: "redis://h:s3cr3t@x:99999", prefix: "" })).toThrow(/SLUICE_REDIS_URL/);
    expect(() => redisAddress({ url: "redis://h:s3cr3t@x/notadb", prefix: "" })).not.toThrow(/s3cr3t/);
  });
});
