/** deploy/redis/users.acl: enough for what each line is for, nothing that is not needed, and no more. */
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { beforeAll, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { noMemory } from "../../src/policy/last-known-good.ts";
import { RedisSource } from "../../src/policy/redis.ts";
import { RedisBanWriter } from "../../src/policy/redis-bans.ts";
import { Replica } from "../../src/policy/replica.ts";
import { call, type Ended, environment, sluice } from "../cli/sluice.ts";
import { eventually } from "../eventually.ts";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { closeWithFile } from "../hosts/open.ts";
import { run } from "../hosts/process.ts";
import { startRedis } from "../hosts/redis.ts";
import { redisCliFor } from "../hosts/redis-cli.ts";

vi.setConfig({ testTimeout: 120_000 });

const users = fileURLToPath(new URL("../../deploy/redis/users.acl", import.meta.url));
const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const lines = (await readFile(users, "utf8")).trim().split("\n");

/** What a line grants, each by itself. */
function rightsOf(user: string): string[] {
  const line = lines.find((each) => each.startsWith(`user ${user} `));
  if (line === undefined) throw new Error(`no line of ${user}`);
  return line.split(" ").filter((word) => /^[+~%&]/.test(word));
}

let redis: Awaited<ReturnType<typeof startRedis>>;
let admin: Redis;
let folder: string;

const as = (user: string): string =>
  redis.url.replace("//", `//${user}:change-me-${user.replace("sluice-", "")}@`);

/** What was denied since it was last cleared: the user, and the command, key or channel. */
async function denied(): Promise<string[]> {
  const entries = (await admin.call("ACL", "LOG")) as string[][];
  return entries.map(
    (entry) => `${entry[entry.indexOf("username") + 1]} ${entry[entry.indexOf("object") + 1]}`,
  );
}

async function seeded(): Promise<void> {
  await admin.flushall();
  await admin.set("sluice:policy:user:alice", "deny moved away");
  await admin.set("sluice:policy:default", "allow");
  await admin.set("sluice:prox:targets:web:0", '["10.0.0.5:8080"]');
  await admin.set("sluice:ban:203.0.113.9", "deny go away");
  await admin.call("ACL", "LOG", "RESET");
}

beforeAll(async () => {
  const place = await temporaryFolder("redis-acl");
  closeWithFile({ [Symbol.asyncDispose]: () => place.remove() });
  folder = place.path;
});

describeWith(["redis"], "the users of deploy/redis", () => {
  beforeAll(async () => {
    redis = await startRedis({ acl: [...lines, "user admin on >admin ~* &* +@all", ""].join("\n") });
    admin = new Redis(redis.url.replace("//", "//admin:admin@"));
    closeWithFile({ [Symbol.asyncDispose]: async () => admin.disconnect() });
  });

  beforeEach(seeded);

  it("let a bridge mirror rules, ban, and come back after its connections were cut, with nothing denied", async () => {
    const bridge = await startBridge({ "redis.url": as("sluice-bridge"), "ban.after": 1 });
    const login = (user: string): Promise<unknown> =>
      call(bridge.url, "Login", { user, client_address: "198.51.100.7:1" });
    expect(await login("alice")).toMatchObject({ reject_reason: "moved away" });
    await eventually(async () => expect(await admin.exists("sluice:ban:198.51.100.7")).toBe(1));
    await eventually(async () =>
      expect(await login("bob")).toMatchObject({ reject_reason: expect.stringMatching(/^banned/) }),
    );
    expect(await admin.call("CLIENT", "KILL", "USER", "sluice-bridge")).toBeGreaterThanOrEqual(3);
    await admin.del("sluice:ban:198.51.100.7");
    await eventually(async () => expect(await login("carol")).toMatchObject({ unchange: true }));
    expect(await login("alice")).toMatchObject({ reject_reason: "moved away" });
    await eventually(async () => expect(await admin.exists("sluice:ban:198.51.100.7")).toBe(1));
    expect(await denied()).toEqual([]);
    await bridge.close();
  });

  it.each(["sluice-writer", "sluice-reader"])(
    "let %s do all that reads, with nothing denied",
    async (user) => {
      const settings = { "redis.url": as(user) };
      const rules = join(folder, "rules.json");
      await writeFile(rules, JSON.stringify({ default: "allow", "user:bob": "deny" }));
      for (const args of [["list"], ["get", "user:alice"], ["check"], ["export"], ["diff", rules]]) {
        const { code, stderr } = await sluice(["policy", ...args], { cwd: folder, settings });
        expect({ args, stderr, ended: code === 0 || (args[0] === "diff" && code === 1) }).toMatchObject({
          ended: true,
        });
      }
      await watched(user);
      expect(await denied()).toEqual([]);
    },
  );

  it("let a writer write rules and what prox is told, with nothing denied", async () => {
    const settings = { "redis.url": as("sluice-writer") };
    const rules = join(folder, "import.json");
    await writeFile(
      rules,
      JSON.stringify({ "user:bob": "deny too loud", "prox:targets:web:1": '["10.0.0.6:1"]' }),
    );
    for (const args of [
      ["set", "user:carol", "allow", "--ttl", "1h"],
      ["set", "user:carol", "deny", "--keep-ttl"],
      ["set", "user:dora", "allow", "--new"],
      ["import", rules],
      ["rm", "user:bob"],
      ["rm", "prox:targets:web:0"],
    ]) {
      const { code, stderr } = await sluice(["policy", ...args], { cwd: folder, settings });
      expect({ args, code, stderr }).toMatchObject({ code: 0 });
    }
    await cli("sluice-writer", "SET sluice:policy:user:erin deny EX 60", "OK");
    await cli("sluice-writer", "DEL sluice:policy:user:erin", "1");
    expect((await admin.keys("sluice:*")).sort()).toEqual([
      "sluice:ban:203.0.113.9",
      "sluice:policy:default",
      "sluice:policy:user:alice",
      "sluice:policy:user:carol",
      "sluice:policy:user:dora",
      "sluice:prox:targets:web:1",
    ]);
    expect(await denied()).toEqual([]);
  });

  it("let bans be written and lifted by sluice-bans", async () => {
    const settings = { "redis.url": as("sluice-bans") };
    await cli("sluice-bans", "SET sluice:ban:203.0.113.10 deny EX 3600", "OK");
    expect(await sluice(["policy", "rm", "ban:203.0.113.9"], { cwd: folder, settings })).toMatchObject({
      code: 0,
    });
    expect(await admin.keys("sluice:ban:*")).toEqual(["sluice:ban:203.0.113.10"]);
    expect(await denied()).toEqual([]);
  });

  it.each([
    ["sluice-bridge", "SET sluice:policy:user:alice allow"],
    ["sluice-bridge", "SET sluice:prox:targets:web:0 x"],
    ["sluice-bridge", "DEL sluice:ban:203.0.113.9"],
    ["sluice-writer", "SET sluice:ban:203.0.113.10 deny"],
    ["sluice-writer", "DEL sluice:ban:203.0.113.9"],
    ["sluice-writer", "SET another:key x"],
    ["sluice-reader", "SET sluice:policy:user:alice allow"],
    ["sluice-reader", "GET another:key"],
    ["sluice-bans", "GET sluice:policy:user:alice"],
    ["sluice-bans", "SET sluice:policy:user:alice allow"],
    ...["sluice-bridge", "sluice-writer", "sluice-reader", "sluice-bans"].flatMap((user) =>
      ["FLUSHALL", "KEYS *", "CONFIG GET dir", "ACL LIST", "PUBLISH x y", "EVAL 0 0"].map((what) => [
        user,
        what,
      ]),
    ),
  ] as [string, string][])("keep %s from %s", async (user, command) => {
    await cli(user, command, "NOPERM");
    expect(await admin.get("sluice:policy:user:alice")).toBe("deny moved away");
  });

  it("keep out whoever brings no name", async () => {
    const args = ["GET", "sluice:policy:default"];
    const env = { PATH: `${await redisCliFor(redis.port)}:${process.env.PATH}` };
    expect(await run({ program: "redis-cli", args, env })).toContain("NOAUTH");
  });

  it.each(rightsOf("sluice-bridge"))(
    "grant a bridge nothing that it does not need: %s is missed",
    async (right) => {
      const user = await without("sluice-bridge", right);
      const mirrored = mirror(user);
      const bans = new RedisBanWriter({ url: user, prefix: "sluice:" });
      await eventually(async () => {
        await bans.write("198.51.100.8", "deny", 60_000).catch(() => {});
        expect(await denied()).not.toEqual([]);
      });
      await Promise.all([bans.close(), mirrored.close()]);
    },
  );

  it.each(rightsOf("sluice-reader"))(
    "grant a reader nothing that it does not need: %s is missed",
    async (right) => {
      const user = await without("sluice-reader", right);
      const mirrored = mirror(user);
      await eventually(async () => expect(await denied()).not.toEqual([]));
      await mirrored.close();
    },
  );

  it.each([
    "~sluice:policy:*",
    "~sluice:prox:*",
    "%R~sluice:ban:*",
    "+set",
    "+del",
    "+multi",
    "+exec",
    "+scan",
    "+get",
    "+pttl",
  ])("grant a writer nothing that it does not need: %s is missed", async (right) => {
    expect(rightsOf("sluice-writer")).toContain(right);
    const settings = { "redis.url": await without("sluice-writer", right) };
    const rules = join(folder, "missed.json");
    await writeFile(rules, JSON.stringify({ "user:bob": "deny", "prox:targets:web:1": '["10.0.0.6:1"]' }));
    const failed = await firstThatFails(settings, ["import", rules], ["list"], ["rm", "user:alice"]);
    expect(failed?.stderr).toMatch(/does not allow our user .*NOPERM/);
    expect(await denied()).not.toEqual([]);
  });

  it.each(rightsOf("sluice-bans"))(
    "grant whoever bans nothing that they do not need: %s is missed",
    async (right) => {
      const settings = { "redis.url": await without("sluice-bans", right) };
      const ban = ["set", "ban:203.0.113.10", "deny", "--keep-ttl"];
      const failed = await firstThatFails(settings, ban, ["rm", "ban:203.0.113.9"]);
      expect(failed?.stderr).toMatch(/does not allow our user .*NOPERM/);
      expect(await denied()).not.toEqual([]);
    },
  );
});

async function firstThatFails(
  settings: BridgeSettings,
  ...commands: readonly string[][]
): Promise<Ended | undefined> {
  for (const args of commands) {
    const ended = await sluice(["policy", ...args], { cwd: folder, settings });
    if (ended.code !== 0) return ended;
  }
  return undefined;
}

/** The URL of a user with all rights of this one but one. */
async function without(user: string, right: string): Promise<string> {
  const rights = rightsOf(user).filter((each) => each !== right);
  await admin.call("ACL", "SETUSER", "one-less", "reset", "on", ">change-me-less", ...rights);
  return redis.url.replace("//", "//one-less:change-me-less@");
}

/** What a bridge, and `sluice policy watch`, keep of the rules. */
function mirror(url: string): { close(): Promise<void> } {
  const settings = {
    default: "allow",
    mode: "enforce",
    ownNames: true,
    tokenMeta: "token",
    maxStaleMs: 60_000,
    whenStale: "serve",
  } as const;
  const quiet = { info() {}, warn() {}, error() {} };
  const parts = { settings, clock: systemClock, log: quiet, onNote() {}, lastKnownGood: noMemory };
  const replica = new Replica(parts);
  const source = new RedisSource({ redis: { url, prefix: "sluice:" }, replica, clock: systemClock });
  void source.start().then(() => admin.set("sluice:policy:user:alice", "deny still"));
  return {
    async close() {
      await source.close();
      await replica.close();
    },
  };
}

/** `sluice policy watch`, until it has shown a change. */
async function watched(user: string): Promise<void> {
  const env = environment({ settings: { "redis.url": as(user) } });
  const child = spawn(process.execPath, [main, "policy", "watch"], { cwd: folder, env });
  const release = keep("process", child.pid!);
  const log = new Log();
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      for (const line of bytes.toString().split("\n")) log.add(line);
    });
  }
  await log.saw(/watching \d+ rules/, { unless: ended });
  await admin.set("sluice:policy:user:alice", "deny again");
  await log.saw(/user:alice .*again/, { unless: ended });
  child.kill("SIGTERM");
  await ended;
  release();
}

async function cli(user: string, command: string, answer: string): Promise<void> {
  const path = `${await redisCliFor(redis.port)}:${process.env.PATH}`;
  const password = `change-me-${user.replace("sluice-", "")}`;
  const args = ["--no-auth-warning", "--user", user, "--pass", password, ...command.split(" ")];
  expect(await run({ program: "redis-cli", args, env: { PATH: path } })).toContain(answer);
}
