/** @module-tag docker */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { redisFindings } from "../../../src/cli/doctor/redis.ts";
import type { BridgeSettings } from "../../hosts/bridge.ts";
import { Authority } from "../../hosts/certificates.ts";
import { describeWith } from "../../hosts/describe-with.ts";
import { temporaryFolder } from "../../hosts/folder.ts";
import { closeWithFile } from "../../hosts/open.ts";
import { freePort } from "../../hosts/ports.ts";
import { type RedisHost, startRedis } from "../../hosts/redis.ts";
import { redisMissing, redisProgram } from "../../hosts/redis-program.ts";
import { NativeServer } from "../../hosts/server.ts";
import { settingsOf } from "./settings-of.ts";

const password = "correct-horse-battery";
/** As deploy/redis/users.acl has them for a bridge. */
const rights =
  "resetchannels &__redis__:invalidate %R~sluice:policy:* %R~sluice:prox:* ~sluice:ban:* -@all +ping +subscribe +client|id +client|tracking +scan +get +mget +pttl +set";

describeWith(["redis"], "doctor on Redis", () => {
  let host: RedisHost;
  let redis: Redis;
  let tlsPort: number;
  let ca: string;

  beforeAll(async () => {
    const authority = new Authority();
    const until = new Date(Date.now() + 3.5 * 86_400_000);
    const own = authority.issue({ hosts: ["localhost"], until });
    tlsPort = await freePort();
    host = await startRedis({
      args: ["--tls-auth-clients", "no"],
      tls: { port: tlsPort, ca: authority.cert, ...own },
    });
    const folder = await temporaryFolder("redis-ca");
    closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
    ca = join(folder.path, "ca.pem");
    await writeFile(ca, authority.cert);
    closeWithFile(host);
    redis = new Redis(host.url);
    closeWithFile({ [Symbol.asyncDispose]: async () => redis.disconnect() });
  });
  beforeEach(async () => {
    await redis.flushall();
    await redis.set("sluice:policy:user:alice", "allow");
  });
  afterEach(async () => {
    await redis.call("REPLICAOF", "NO", "ONE");
    await redis.config("SET", "maxmemory-policy", "noeviction");
    await redis.config("SET", "maxmemory", "0");
  });

  async function found(more: BridgeSettings = {}, now = Date.now): Promise<Record<string, string>> {
    const findings = await redisFindings(settingsOf({ "redis.url": host.url, ...more }), now);
    for (const { level, next } of findings) expect(next === null).toBe(level === "green");
    return Object.fromEntries(findings.map(({ what, level, seen }) => [what, `${level}: ${seen}`]));
  }

  async function user(name: string, allowed: string): Promise<BridgeSettings> {
    await redis.call("ACL", "SETUSER", name, "reset", "on", `>${password}`, ...allowed.split(" "));
    return { "redis.user": name, "redis.password": password };
  }

  it("has all green where all is well", async () => {
    const seen = await found({ "ban.after": 3 });
    expect(seen.connection).toMatch(/^green: redis [\d.]+ at 127\.0\.0\.1:\d+\/0, standalone, master$/);
    for (const line of Object.values(seen)) expect(line).toMatch(/^green/);
    expect(seen.rules).toMatch(/1 rule in Redis/);
    expect(await redis.keys("*")).toEqual(["sluice:policy:user:alice"]);
  });

  it("needs no more rights than a bridge does, and says what these leave untold", async () => {
    const seen = await found({ ...(await user("bridge", rights)), "ban.after": 3 });
    expect(seen).toMatchObject({
      rights: "green: all that a bridge needs to read rules",
      bans: "green: can be written",
      eviction: "yellow: our user may ask neither INFO nor CONFIG GET",
      clock: "yellow: our user may not ask TIME",
    });
    expect(seen.tracking).toMatch(/^green/);
    expect(await redis.keys("*")).toEqual(["sluice:policy:user:alice"]);
  });

  it.each([
    ["+client|tracking", "tracking", /^red: its commands are not allowed/],
    ["&__redis__:invalidate", "tracking", /^red: its commands are not allowed/],
    ["+mget", "rights", /^red: .*NOPERM.*mget/],
    ["%R~sluice:prox:*", "rights", /^red: .*NOPERM/],
    ["+set", "bans", /^red: NOPERM.*set/],
  ])("is red without %s", async (right, what, line) => {
    const lacking = await user("lacking", rights.replace(` ${right}`, ""));
    expect((await found({ ...lacking, "ban.after": 3 }))[what]).toMatch(line);
  });

  it("tells a wrong password, without it, and nobody who answers", async () => {
    const known = await user("known", "~* +@all");
    const wrong = await found({ ...known, "redis.password": "wrong-password" });
    expect(wrong.connection).toMatch(/^red: .*WRONGPASS/);
    expect(wrong.connection).not.toContain("wrong-password");
    const away = await found({ "redis.url": `redis://127.0.0.1:${await freePort()}` });
    expect(away).toEqual({ connection: expect.stringMatching(/^red: .*ECONNREFUSED/) });
  });

  it.each([
    ["allkeys-lru", "100mb", /^red: maxmemory-policy allkeys-lru, maxmemory 104857600 bytes/],
    ["volatile-ttl", "100mb", /^yellow/],
    ["allkeys-lru", "0", /^yellow: .*without limit/],
  ])("warns where Redis may evict rules (%s, maxmemory %s)", async (policy, maxmemory, line) => {
    await redis.config("SET", "maxmemory-policy", policy);
    await redis.config("SET", "maxmemory", maxmemory);
    expect((await found()).eviction).toMatch(line);
  });

  it("tells how long its certificate is good for", async () => {
    const seen = await found({ "redis.url": `rediss://localhost:${tlsPort}`, "redis.tls.ca": ca });
    expect(seen.connection).toMatch(/^green/);
    expect(seen.certificate).toMatch(/^yellow: 3 days left, until /);
  });

  it("tells a replica, which takes no bans", async () => {
    await redis.call("REPLICAOF", "127.0.0.1", String(await freePort()));
    expect((await found()).connection).toMatch(/^yellow: .* replica$/);
    const banning = await found({ "ban.after": 3 });
    expect(banning).toMatchObject({
      connection: expect.stringMatching(/^red/),
      bans: expect.stringMatching(/READONLY/),
    });
  });

  it("tells a node of a Cluster", async () => {
    await using cluster = await startRedis({
      args: ["--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`],
    });
    expect((await found({ "redis.url": cluster.url })).connection).toMatch(/^red: .* cluster/);
  });

  it("tells a Sentinel", async ({ skip }) => {
    const missing = await redisMissing();
    if (missing !== undefined) skip(missing);
    const [{ program, env }, folder, port] = [
      await redisProgram(),
      await temporaryFolder("sentinel"),
      await freePort(),
    ];
    const config = join(folder.path, "sentinel.conf");
    await writeFile(config, `bind 127.0.0.1\nport ${port}\nprotected-mode no\n`);
    await using sentinel = new NativeServer({
      command: { program, args: [config, "--sentinel"], cwd: folder.path, env },
      ready: /Sentinel ID is/,
      readyWithinMs: 20_000,
      graceMs: 5_000,
      folder,
    });
    await sentinel.start();
    expect((await found({ "redis.url": `redis://127.0.0.1:${port}` })).connection).toMatch(
      /^red: .* sentinel/,
    );
  });

  it("tells rules that cannot be read, and that there are none", async () => {
    await redis.set("sluice:policy:user:bob", '{"tokns":1}');
    expect((await found()).rules).toMatch(/^yellow: 2 rules in .*, 1 unreadable$/);
    await redis.flushall();
    expect((await found()).rules).toMatch(/^yellow: 0 rules .*policy\.default, allow, decides everything$/);
  });

  it.each([
    [0, /^green/],
    [10_000, /^yellow: Redis's is 10 s behind ours$/],
    [-3_600_000, /^red: Redis's is 3600 s ahead of ours$/],
  ])("compares the clocks, when ours is off by %d ms", async (offMs, line) => {
    expect((await found({}, () => Date.now() + offMs)).clock).toMatch(line);
  });
});
