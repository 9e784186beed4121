/** What both sources guarantee, run against the policy file and against a real Redis. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { FileSource } from "../../src/policy/file.ts";
import type { PolicySource } from "../../src/policy/policy.ts";
import { RedisSource } from "../../src/policy/redis.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { type RedisHost, startRedis } from "../hosts/redis.ts";
import { CuttableLink } from "./cuttable-link.ts";
import { WatchedReplica } from "./watched-replica.ts";

const program = join(import.meta.dirname, "source-process.ts");

/** One kind of source and the operator who writes to it. */
interface World {
  /** Path or URL. */
  readonly from: string;
  source(watched: WatchedReplica): PolicySource;
  write(rules: Record<string, string>): Promise<void>;
  delete(key: string): Promise<void>;
  /** Everything goes at once. */
  empty(): Promise<void>;
  takeAway(): Promise<void>;
  bringBack(): Promise<void>;
  dispose(): Promise<void>;
}

async function fileWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-policy-"));
  const aside = join(folder, "aside");
  mkdirSync(join(folder, "watched"));
  const usual = join(folder, "watched", "policy.json");
  let path = usual;
  const rules = new Map<string, string>();
  const save = async (): Promise<void> => {
    writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(rules)));
    renameSync(`${path}.new`, path);
  };
  return {
    from: usual,
    source: ({ replica, log }) => new FileSource({ path: usual, replica, clock: systemClock, log }),
    write: (more) => {
      for (const [key, value] of Object.entries(more)) rules.set(key, value);
      return save();
    },
    delete: (key) => {
      rules.delete(key);
      return save();
    },
    empty: () => {
      rules.clear();
      return save();
    },
    takeAway: async () => {
      renameSync(usual, aside);
      path = aside;
    },
    bringBack: async () => {
      renameSync(aside, usual);
      path = usual;
    },
    dispose: async () => rmSync(folder, { recursive: true }),
  };
}

async function redisWorld(server: RedisHost): Promise<World> {
  const link = await CuttableLink.to(server.port);
  const operator = new Redis(server.url);
  const key = (name: string): string => `sluice:policy:${name}`;
  await operator.flushall();
  const url = `redis://127.0.0.1:${link.port}`;
  return {
    from: url,
    source: ({ replica }) =>
      new RedisSource({
        redis: { url, prefix: "sluice:" },
        replica,
        clock: systemClock,
        timing: { pingEveryMs: 50, pingWithinMs: 300 },
      }),
    write: async (rules) =>
      void (await operator.mset(...Object.entries(rules).flatMap(([k, v]) => [key(k), v]))),
    delete: async (name) => void (await operator.del(key(name))),
    empty: async () => void (await operator.flushall()),
    takeAway: async () => link.cutSilently(),
    bringBack: async () => link.mend(),
    dispose: async () => {
      operator.disconnect();
      await link.close();
    },
  };
}

function keepsItsGuarantees(open: () => Promise<World>): void {
  let world: World;
  let folder: string;
  let watched: WatchedReplica;
  let source: PolicySource;

  beforeEach(async () => {
    world = await open();
    folder = mkdtempSync(join(tmpdir(), "sluice-data-"));
  });
  afterEach(async () => {
    await source.close();
    await watched.replica.close();
    await world.dispose();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    watched = new WatchedReplica({ folder });
    await watched.replica.restore();
    source = world.source(watched);
    await source.start();
  }

  it("is in force when start resolves", async () => {
    await world.write({ "user:a": "deny moved away", "proxy:b.ssh": '{"effect":"deny"}' });
    await start();
    expect(watched.values).toEqual({ "user:a": "deny moved away", "proxy:b.ssh": '{"effect":"deny"}' });
    expect(watched.replica.available).toBe(true);
    expect(source.state()).toMatchObject({ connected: true, lastError: null });
    expect(watched.notes).toEqual([]);
  });

  it("may be empty from the start", async () => {
    await start();
    expect(watched.replica.available).toBe(true);
    expect(watched.replica.rules.size).toBe(0);
  });

  it("follows what is written and deleted", async () => {
    await world.write({ "user:a": "deny", "user:b": "deny" });
    await start();
    await world.write({ "user:a": "allow", "user:c": "deny" });
    await Promise.all([watched.changed("user:a", "allow"), watched.changed("user:c", "deny")]);
    await world.delete("user:b");
    await watched.changed("user:b", null);
    expect(watched.values).toEqual({ "user:a": "allow", "user:c": "deny" });
  });

  it("has values that cannot be read refuse, says so, and takes them when they are mended", async () => {
    await world.write({ "user:a": "deny" });
    await start();
    await world.write({ "user:a": "dennny", "user:b": "[]" });
    expect(await watched.noted("rejected")).toMatchObject({ key: "user:a" });
    expect(watched.replica.rules.get("user:a")).toMatchObject({ readable: false });
    await world.write({ "user:a": "allow" });
    await watched.changed("user:a", "allow");
  });

  it("does not vanish when every rule goes at once, over a restart either, until there is a default rule", async () => {
    await world.write({ "user:a": "deny", "user:b": "allow" });
    await start();
    await world.empty();
    expect(await watched.noted("emptied")).toMatchObject({ rulesKept: 2 });
    await world.write({ "user:c": "deny" });
    await watched.changed("user:c", "deny");
    await source.close();
    await watched.replica.close();
    await start();
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "allow", "user:c": "deny" });
    await world.write({ default: "allow" });
    await Promise.all([watched.changed("user:a", null), watched.changed("user:b", null)]);
    expect(watched.values).toEqual({ default: "allow", "user:c": "deny" });
  });

  it("stays while its source is away, and takes up what changed meanwhile when that is back", async () => {
    await world.write({ "user:a": "deny", "user:b": "deny" });
    await start();
    await world.takeAway();
    await watched.logged(/source is away/);
    expect(source.state()).toMatchObject({ connected: false, lastError: expect.any(String) });
    await world.write({ "user:a": "allow" });
    await world.delete("user:b");
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "deny" });
    await world.bringBack();
    await Promise.all([watched.changed("user:a", "allow"), watched.changed("user:b", null)]);
    await watched.logged(/source is back/);
    expect(source.state()).toMatchObject({ connected: true, lastError: null });
  });

  it("leaves nothing open when it is closed, away or not", async () => {
    await world.write({ "user:a": "deny" });
    await start();
    const run = (): Promise<unknown> =>
      promisify(execFile)(process.execPath, [program, folder, world.from], { timeout: 15_000 });
    await run();
    await world.takeAway();
    await run();
    await world.bringBack();
  });
}

describe("the policy from the policy file", () => keepsItsGuarantees(fileWorld));

describeWith(["redis"], "the policy from Redis", () => {
  let server: RedisHost;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());
  keepsItsGuarantees(() => redisWorld(server));
});
