/** `sluice policy` against a real Redis. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { freePort } from "../hosts/ports.ts";
import { startRedis } from "../hosts/redis.ts";
import { sharedRedis } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { rubbish } from "../policy/rubbish.ts";
import { type Ended, environment, sluice } from "./sluice.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const hashed = `sha256:${"ab".repeat(32)}`;

describeWith(["redis"], "sluice policy with Redis", () => {
  let url: string;
  let redis: Redis;
  let folder: Folder;
  let prefix: string;
  let adminPort: number;

  beforeAll(async () => {
    url = await sharedRedis();
    redis = new Redis(url);
    folder = await temporaryFolder("policy");
    adminPort = await freePort();
  });
  afterAll(async () => {
    redis.disconnect();
    await folder.remove();
  });
  beforeEach(() => {
    prefix = `${unique("policy")}:`;
  });

  function settings(more: Record<string, string> = {}): Record<string, string | number> {
    return { "redis.url": url, "redis.prefix": prefix, "admin.port": adminPort, ...more };
  }

  function policy(args: readonly string[], input = "", more: Record<string, string> = {}): Promise<Ended> {
    const surroundings = { settings: settings(more), cwd: folder.path, env: { USER: "olga" }, input };
    return sluice(["policy", ...args], surroundings);
  }

  function put(key: string, value: string | Buffer): Promise<unknown> {
    return redis.set(`${prefix}policy:${key}`, value);
  }

  function value(key: string): Promise<string | null> {
    return redis.get(`${prefix}policy:${key}`);
  }

  describe("set", () => {
    it("stamps who wrote a rule, ends it by its TTL, and says what was and what is there", async () => {
      await put("user:alice", "allow");
      const { code, stdout, stderr } = await policy([
        "set",
        "user:alice",
        "deny moved away",
        "--ttl",
        "2h",
        "--note",
        "why",
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const written = '{"effect":"deny","reason":"moved away","by":"olga","note":"why"}';
      expect(stdout).toBe(`user:alice was allow\nuser:alice is  ${written}, ends in 2h\n`);
      expect(await value("user:alice")).toBe(written);
      const leftMs = await redis.pttl(`${prefix}policy:user:alice`);
      expect(leftMs).toBeGreaterThan(7_100_000);
      expect(leftMs).toBeLessThanOrEqual(7_200_000);
    });

    it("writes over a list, takes a TTL away, reads stdin, and leaves a value plain where asked to", async () => {
      await redis.lpush(`${prefix}policy:user:bob`, "x");
      const { code, stdout } = await policy(["set", "user:bob", "-", "--plain"], '{ "note": "x" }\n');
      expect([code, stdout]).toEqual([0, 'user:bob was ***\nuser:bob is  {"note":"x"}\n']);
      expect(await value("user:bob")).toBe('{ "note": "x" }');
      await redis.expire(`${prefix}policy:user:bob`, 100);
      const { stderr } = await policy(["set", "user:bob", "allow", "--plain"]);
      expect(await redis.pttl(`${prefix}policy:user:bob`)).toBe(-1);
      expect(stderr).toBe(
        "sluice: warning: user:bob: its TTL is gone: the rule stays until it is removed (--keep-ttl keeps one)\n",
      );
    });

    it("keeps a TTL where it is told to, and says when the rule ends", async () => {
      await redis.set(`${prefix}policy:user:bob`, "allow", "EX", 7200);
      const { code, stdout, stderr } = await policy(["set", "user:bob", "deny", "--plain", "--keep-ttl"]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/^user:bob is {2}deny, ends in (2h|1h 59m)$/m);
      expect(await redis.pttl(`${prefix}policy:user:bob`)).toBeGreaterThan(0);
      expect((await policy(["set", "user:bob", "deny", "--ttl", "2h", "--keep-ttl"])).code).toBe(2);
    });

    it("takes keys as redis-cli has them, with the prefix that is set", async () => {
      const ban = await policy(["set", `${prefix}ban:203.0.113.9`, "deny", "--plain"]);
      expect([ban.code, await redis.get(`${prefix}ban:203.0.113.9`)]).toEqual([0, "deny"]);
      expect(ban.stderr).toContain("note: ban:203.0.113.9 bans for ever");
      await policy(["set", `${prefix}policy:user:carol`, '{"reason":"moved"}', "--plain"]);
      expect(await value("user:carol")).toBe('{"reason":"moved"}');
      expect((await policy(["get", `${prefix}policy:user:carol`])).stdout).toContain("moved");
      expect((await policy(["list", `${prefix}policy:user:*`])).stdout).toContain("\n1 rule in ");
      expect((await policy(["rm", `${prefix}policy:user:carol`])).stdout).toContain("user:carol removed");
      expect(await redis.keys(`${prefix}*`)).toEqual([`${prefix}ban:203.0.113.9`]);
    });

    it.each([
      ["user:carol", '{"limit":{"connections":5}}', "unknown key limit, did you mean limits?"],
      ["usr:carol", "allow", "no scope has this name, did you mean user?"],
      ["user:carol", "{", "begins like a JSON object but is none"],
    ])("writes nothing of %s %s, and ends with 2", async (key, given, problem) => {
      const { code, stdout, stderr } = await policy(["set", key, given]);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(problem);
      expect(stderr).toContain("nothing was written [policy_invalid]");
      expect(await redis.keys(`${prefix}*`)).toEqual([]);
    });

    it("warns of an allow that ends while the default allows, and of a group that is not there", async () => {
      const { code, stderr } = await policy(["set", "user:carol", '{"groups":["staff"]}', "--ttl", "90s"]);
      expect(code).toBe(0);
      expect(stderr).toContain("warning: user:carol ends in 1m 30s by its TTL, and then the default allows");
      expect(stderr).toContain("warning: user:carol lists the group staff, which is not there");
    });

    it("leaves a rule that is there with --new, and ends with 1", async () => {
      await put("user:alice", "deny");
      const { code, stderr } = await policy(["set", "user:alice", "allow", "--new"]);
      expect(code).toBe(1);
      expect(stderr).toContain("user:alice is there already");
      expect(await value("user:alice")).toBe("deny");
    });

    it("names neither password nor user where Redis refuses them, and the setting", async () => {
      const wrong = url.replace("//", "//nobody:s3cr3t@");
      const { code, stderr } = await policy(["list"], "", { "redis.url": wrong });
      expect(code).toBe(1);
      expect(stderr).toMatch(/redis\.url \(SLUICE_REDIS_URL\).*WRONGPASS.*\[redis_denied\]/);
      expect(stderr).not.toMatch(/s3cr3t|nobody/);
    });
  });

  it("needs no more rights than the README says", async () => {
    const user = unique("operator");
    const rights = "+auth +select +scan +get +pttl +set +del +multi +exec".split(" ");
    const keys = [`~${prefix}policy:*`, `~${prefix}ban:*`, `~${prefix}prox:*`];
    await redis.call("ACL", "SETUSER", user, "on", ">s3cr3t", "resetkeys", ...keys, "-@all", ...rights);
    const more = { "redis.url": url.replace("//", `//${user}:s3cr3t@`) };
    try {
      const file = join(folder.path, "rights.json");
      await writeFile(file, '{"user:a":"allow"}');
      for (const args of [
        ["set", "user:b", "allow"],
        ["set", "prox:targets:web:0", '["a:1"]'],
        ["import", file, "--prune"],
        ["list"],
        ["rm", "user:a"],
      ]) {
        const { code, stderr } = await policy(args, "", more);
        expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
      }
    } finally {
      await redis.call("ACL", "DELUSER", user);
    }
  });

  it("works with what prox is told as with rules", async () => {
    const key = "prox:targets:web:0";
    const wrong = await policy(["set", key, '["a b"]']);
    expect([wrong.code, await redis.keys(`${prefix}*`)]).toEqual([2, []]);
    expect(wrong.stderr).toContain(`${key}: targets must be hosts`);
    const set = await policy(["set", `${prefix}${key}`, '["10.0.0.5:80"]', "--note", "moved"]);
    const written = '{"targets":["10.0.0.5:80"],"by":"olga","note":"moved"}';
    expect(set.stdout).toBe(`${key} was not there\n${key} is  ${written}\n`);
    expect(await redis.get(`${prefix}${key}`)).toBe(written);
    await redis.set(`${prefix}prox:speed:*`, '{"downloadMbps":20}', "EX", 100);
    await redis.set(`${prefix}prox:speed:blue`, "fast");
    const { stdout } = await policy(["list"]);
    expect(stdout).toMatch(/^prox:targets:web:0 +push +targets:10\.0\.0\.5:80 +- +olga +moved$/m);
    expect(stdout).toMatch(/^prox:speed:\* +push +downloadMbps:20 uploadMbps:0 +in 1m \d+s/m);
    expect(stdout).toMatch(/^prox:speed:blue +unreadable /m);
    expect((await policy(["check"])).stdout).toContain(
      "prox:speed:blue cannot be read, and prox keeps what it has: the value is not a JSON object",
    );
    const exported = JSON.parse((await policy(["export"])).stdout);
    expect(exported).toEqual({ [key]: JSON.parse(written), "prox:speed:blue": "fast" });
    const file = join(folder.path, "told.json");
    await writeFile(file, JSON.stringify({ [key]: ["10.0.0.6:80"], "prox:speed:blue": { uploadMbps: 2 } }));
    const imported = (await policy(["import", file, "--prune"])).stdout;
    expect(imported).toContain(`~ ${key} ${written} → {"targets":["10.0.0.6:80"],"by":"olga"}`);
    expect(await redis.get(`${prefix}prox:speed:blue`)).toBe('{"uploadMbps":2,"by":"olga"}');
    const removed = await policy(["rm", key]);
    expect(removed.stdout).toContain(`${key} removed, was `);
    expect(removed.stdout).toContain("prox keeps the targets that it was told last");
    expect(removed.stdout).not.toContain("what is open");
  });

  it("lists, shows and removes bans, lists, and keys that are no text", async () => {
    await put("user:alice", `{"tokens":["${hashed}"],"by":"olga","note":"x\\u001b[31m"}`);
    await redis.set(`${prefix}ban:203.0.113.9`, "deny too many logins", "EX", 100);
    await redis.lpush(`${prefix}policy:user:list`, "x");
    await redis.set(Buffer.from(`${prefix}policy:user:\xff`, "latin1"), "allow");
    await put("ban:192.0.2.1", "deny");
    const { stdout } = await policy(["list"]);
    expect(stdout).toMatch(/^KEY +EFFECT +CONDITIONS +ENDS +BY +NOTE$/m);
    expect(stdout).toMatch(/^user:alice +allow +tokens +- +olga +x\?\[31m$/m);
    expect(stdout).toMatch(/^ban:203\.0\.113\.9 .*in 1m \d+s/m);
    expect(stdout).toMatch(/^user:list +unreadable /m);
    expect(stdout).toMatch(/^user:\ufffd +unreadable .*not valid UTF-8$/m);
    expect(stdout).toMatch(/^policy:ban:192\.0\.2\.1 +unreadable /m);
    expect(stdout).toContain("5 rules in Redis ");
    const json = JSON.parse((await policy(["list", "user:*", "--json"])).stdout);
    expect(json.map(({ key }: { key: string }) => key)).toEqual(["user:alice", "user:list", "user:\ufffd"]);
    expect(JSON.stringify(json)).not.toContain("ab".repeat(5));
    const shown = await policy(["get", "user:alice"]);
    expect(JSON.parse(shown.stdout).tokens).toEqual([hashed]);
    expect(shown.stdout).not.toContain("\u001b");
    expect((await policy(["get", "user:nobody"])).code).toBe(1);

    const all = ["ban:203.0.113.9", "user:list", "user:\ufffd", "policy:ban:192.0.2.1", "user:alice"];
    const removed = await policy(["rm", ...all, "user:nobody"]);
    expect([removed.code, removed.stderr]).toEqual([0, ""]);
    expect(removed.stdout).toContain("ban:203.0.113.9 removed, was deny too many logins, ends in 1m ");
    expect(removed.stdout).toContain("user:nobody was not there\n");
    expect(removed.stdout).toContain("what is open stays open");
    expect(await redis.keys(`${prefix}*`)).toEqual([]);
    expect((await policy(["rm", "user:nobody"])).code).toBe(1);
  });

  it("check names every key of hundreds that hold rubbish, of any type and any bytes", async () => {
    const seed = Date.now();
    const values = fc.sample(rubbish, { numRuns: 300, seed });
    const pipeline = redis.pipeline();
    for (const [at, value] of values.entries()) pipeline.set(`${prefix}policy:user:${at}`, value);
    pipeline.lpush(`${prefix}policy:user:list`, "allow");
    pipeline.hset(`${prefix}policy:user:hash`, "effect", "allow");
    pipeline.sadd(`${prefix}policy:user:set`, "allow");
    pipeline.zadd(`${prefix}policy:user:sorted`, 1, "allow");
    pipeline.xadd(`${prefix}policy:user:stream`, "*", "effect", "allow");
    pipeline.set(`${prefix}policy:user:bytes`, Buffer.from("allow\xff", "latin1"));
    pipeline.set(Buffer.from(`${prefix}policy:user:\xff\xfe`, "latin1"), "allow");
    pipeline.set(`${prefix}policy:`, "allow");
    pipeline.set(`${prefix}policy:user:good`, "allow");
    await pipeline.exec();
    const types = ["list", "hash", "set", "sorted", "stream", "bytes", "\ufffd\ufffd"];
    const expected = [...values.map((_, at) => `user:${at}`), ...types.map((type) => `user:${type}`), ""];
    const { code, stdout, stderr } = await policy(["check", "--json"]);
    expect([code, stderr], `seed ${seed}`).toEqual([1, ""]);
    const { rules, errors, findings, notChecked } = JSON.parse(stdout);
    expect([rules, errors], `seed ${seed}`).toEqual([expected.length + 1, expected.length]);
    expect(findings.map(({ key }: { key: string }) => key).sort(), `seed ${seed}`).toEqual(expected.sort());
    expect(notChecked).toContain("no bridge answers");
    const text = await policy(["check"]);
    expect(text.stdout).toMatch(/^ERRORS\n/);
    expect(text.stdout.trimEnd().split("\n").at(-1)).toMatch(
      /309 rules in Redis .*: 308 errors, 0 warnings, 0 notes$/,
    );
  });

  it("check ends with 1 for warnings where it is told to be strict", async () => {
    await put("group:g", "deny");
    expect((await policy(["check"])).code).toBe(0);
    const { code, stdout } = await policy(["check", "--strict"]);
    expect(code).toBe(1);
    expect(stdout).toContain("WARNINGS\n  group:g no user rule lists this group, so it is never asked\n");
  });

  it("a policy goes through a file and back unchanged, without what cannot stand in one", async () => {
    await put("user:alice", '{ "note": "x",  "limits": {"connections": 5} }');
    await put("user:bob", "deny moved  away");
    await put("default", "allow");
    await redis.set(`${prefix}policy:user:guest`, "allow", "EX", 100);
    await redis.set(`${prefix}ban:203.0.113.9`, "deny");
    const file = join(folder.path, "exported.json");
    const exported = await policy(["export", file]);
    expect(exported.code).toBe(0);
    expect(exported.stderr).toContain("1 rule left out, since they end by their TTL: user:guest");
    expect(exported.stderr).toContain("1 rule left out, since they are bans: ban:203.0.113.9");
    const text = await readFile(file, "utf8");
    expect(text).toBe(
      '{\n  "default": "allow",\n  "user:alice": {\n    "note": "x",\n    "limits": {\n      "connections": 5\n    }\n  },\n' +
        '  "user:bob": "deny moved  away"\n}\n',
    );
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await policy(["diff", file, "--plain"])).code).toBe(0);

    prefix = `${unique("policy")}:`;
    const imported = await policy(["import", file, "--plain"]);
    expect([imported.code, imported.stdout.split("\n").at(-2)]).toEqual([0, "3 added"]);
    expect((await policy(["export"])).stdout).toBe(text);
    expect((await policy(["import", file])).stdout).toBe("nothing to change\n");
  });

  it("import stamps what it writes, and changes nothing the second time", async () => {
    const text = '{"user:alice":"allow","user:bob":{"by":"git"}}';
    const first = await policy(["import", "-", "--note", "commit 1"], text);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    expect(await value("user:alice")).toBe('{"effect":"allow","by":"olga","note":"commit 1"}');
    expect(await value("user:bob")).toBe('{"by":"git","note":"commit 1"}');
    expect((await policy(["import", "-", "--note", "commit 1"], text)).stdout).toBe("nothing to change\n");
    expect((await policy(["diff", "-"], text)).code).toBe(0);
    expect((await policy(["diff", "-", "--plain"], text)).code).toBe(1);
  });

  it("import shows what it would do, and removes what the file lacks only when told to, and never bans", async () => {
    await put("user:old", "allow");
    await put("user:same", "deny");
    await put("user:other", "deny");
    await redis.set(`${prefix}policy:user:guest`, "allow", "EX", 100);
    await redis.set(`${prefix}ban:203.0.113.9`, "deny");
    const text = '{"user:same":"deny","user:other":"allow","user:new":"allow"}';
    const changes = "+ user:new allow\n- user:old allow\n~ user:other deny → allow\n";
    const compared = await policy(["diff", "-"], text);
    expect([compared.code, compared.stdout]).toEqual([1, changes]);
    const dry = await policy(["import", "-", "--plain", "--prune", "--dry-run"], text);
    expect(dry.stdout).toBe(`${changes}1 added, 1 changed, 1 removed: nothing was written (--dry-run)\n`);
    expect(await value("user:new")).toBeNull();
    const kept = await policy(["import", "-", "--plain"], text);
    expect(kept.stderr).toContain("1 rule that the file does not have stays: --prune removes them");
    expect([await value("user:old"), await value("user:other")]).toEqual(["allow", "allow"]);
    await policy(["import", "-", "--plain", "--prune"], text);
    expect((await redis.keys(`${prefix}*`)).map((key) => key.slice(prefix.length)).sort()).toEqual([
      "ban:203.0.113.9",
      "policy:user:guest",
      "policy:user:new",
      "policy:user:other",
      "policy:user:same",
    ]);
  });

  it("import names every problem of a file at once, and writes nothing", async () => {
    const text = '{"user:a":"alow","usr:b":"allow","ban:192.0.2.1":"deny","user:c":"allow","user:c":"deny"}';
    const { code, stdout, stderr } = await policy(["import", "-"], text);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("4 problems in -; nothing was written:");
    for (const key of [
      "user:a: the value is neither",
      "usr:b: no scope",
      "ban:192.0.2.1: bans",
      "user:c: stands there",
    ])
      expect(stderr).toContain(`  - ${key}`);
    expect(await redis.keys(`${prefix}*`)).toEqual([]);
    const broken = await policy(["import", "-"], '{"user:a": s3cret}');
    expect([broken.code, broken.stderr]).toEqual([
      2,
      "sluice: - is not JSON in line 1, column 12 [policy_invalid]\n",
    ]);
  });

  it("watch shows changes as they come into force, without a bridge, until it is told to end", async () => {
    await put("user:alice", "allow");
    const env = environment({ settings: settings(), env: { NO_COLOR: "1" } });
    const child = spawn(process.execPath, [main, "policy", "watch", "--json"], { env, cwd: folder.path });
    const release = keep("process", child.pid!);
    const ended = once(child, "close");
    const notices = createInterface(child.stderr)[Symbol.asyncIterator]();
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    expect((await notices.next()).value).toMatch(/watching 1 rule, revision [0-9a-f]{16}, until Ctrl-C/);
    const next = async (): Promise<unknown> => JSON.parse((await lines.next()).value ?? "");
    await put("user:alice", '{"effect":"deny","by":"olga"}');
    expect(await next()).toMatchObject({
      kind: "changed",
      key: "user:alice",
      before: "allow",
      after: '{"effect":"deny","by":"olga"}',
      cause: "written",
      by: "olga",
      revision: { from: expect.any(String), to: expect.any(String) },
    });
    await put("user:alice", "alow");
    expect(await next()).toMatchObject({ kind: "rejected", key: "user:alice" });
    await redis.del(`${prefix}policy:user:alice`);
    expect(await next()).toMatchObject({ key: "user:alice", after: null, cause: "deleted", by: null });
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
    release();
  });

  it("watch ends with Redis's refusal of a password, and of a right", async () => {
    const user = unique("watcher");
    await redis.call("ACL", "SETUSER", user, "on", ">s3cr3t", "resetkeys", "-@all", "+auth");
    try {
      const refusals = [
        ["wrong", /^sluice: Redis at .*redis\.url \(SLUICE_REDIS_URL\).*\[redis_denied\]\n$/],
        ["s3cr3t", /^sluice: Redis at .*deploy\/redis\/users\.acl: NOPERM .*\[redis_denied\]\n$/],
      ] as const;
      for (const [password, refusal] of refusals) {
        const more = { "redis.url": url.replace("//", `//${user}:${password}@`) };
        const { code, stdout, stderr } = await policy(["watch"], "", more);
        expect([code, stdout]).toEqual([1, ""]);
        expect(stderr).toMatch(refusal);
      }
    } finally {
      await redis.call("ACL", "DELUSER", user);
    }
  });

  it("watch says once that Redis is not reached, and shows changes once it is", async () => {
    const own = await startRedis();
    await own.stop();
    const env = environment({ settings: settings({ "redis.url": own.url }) });
    const child = spawn(process.execPath, [main, "policy", "watch", "--json"], { env, cwd: folder.path });
    const release = keep("process", child.pid!);
    const ended = once(child, "close");
    const notices = createInterface(child.stderr)[Symbol.asyncIterator]();
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    try {
      expect((await notices.next()).value).toMatch(/^sluice: not reached yet: Redis at .*, until Ctrl-C$/);
      await own.start();
      expect((await notices.next()).value).toMatch(/^sluice: watching 0 rules, revision \w+, until Ctrl-C$/);
      const client = new Redis(own.url);
      await client.set(`${prefix}policy:user:alice`, "allow");
      client.disconnect();
      expect(JSON.parse((await lines.next()).value ?? "")).toMatchObject({ key: "user:alice", before: null });
    } finally {
      child.kill("SIGINT");
      await own.close();
    }
    expect(await ended).toEqual([0, null]);
    release();
  });
});
