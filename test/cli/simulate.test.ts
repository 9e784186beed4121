import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventsOf, ruledBy, toKafka } from "../app/stack.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { sharedKafka, sharedRedis } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { call, type Ended, sluice } from "./sluice.ts";

const token = "s3cret-of-alice";
const hashOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

const inForce = {
  "user:alice": { tokens: [hashOf(token)], proxies: { ports: [6000], max: 5 } },
  "user:mallory": "deny moved away",
};

const clientOf = (user: string, brings: string | null = null) => ({
  user: { user, metas: brings === null ? null : { token: brings }, run_id: `run-of-${user}` },
});

/** What frps would ask; resolves when all of it has been answered. */
async function asked({ url }: BridgeHost): Promise<void> {
  await call(url, "Login", { user: "alice", metas: { token }, client_address: "203.0.113.7:5000" });
  for (const [port, name] of [6000, 6001, 6000].entries()) {
    const fields = { proxy_name: `alice.p${port}`, proxy_type: "tcp", remote_port: name };
    await call(url, "NewProxy", { ...clientOf("alice", token), ...fields });
  }
  await call(url, "Login", { user: "mallory", metas: null });
  for (let n = 0; n < 3; n++) await call(url, "Ping", clientOf("bob"));
  await call(url, "Login", { user: "carol", metas: { token }, client_address: "203.0.113.8:5000" });
  await call(url, "CloseProxy", { ...clientOf("alice", token), proxy_name: "alice.p0" });
}

async function policyFile(rules: unknown): Promise<string> {
  const folder = await temporaryFolder("candidate");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const path = join(folder.path, "new.json");
  await writeFile(path, typeof rules === "string" ? rules : JSON.stringify(rules));
  return path;
}

const candidate = {
  "user:alice": { tokens: [hashOf(token), hashOf("another")], proxies: { ports: ["6000-6001"], max: 2 } },
  "user:bob": "deny",
  "user:carol": { tokens: [hashOf("of carol")] },
};

/** CHANGE, RULE, USER, OP, TIMES and WHY of each row. */
function rowsOf({ stdout }: Ended): string[] {
  const rows = stdout.split("\n").filter((line) => / \d{4}-\d\d-\d\dT[\d:.]+Z {2}/.test(line));
  return rows.map((row) => row.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, "…").replace(/ {2,}/g, " | "));
}

describe.each(["mask", "hmac", "off"])("simulate over a journal, secrets by events.redact = %s", (redact) => {
  let bridge: BridgeHost;
  let settings: BridgeSettings;
  const simulated = (...args: string[]): Promise<Ended> => sluice(["simulate", ...args], { settings });

  beforeAll(async () => {
    const redaction = { "events.redact": redact, "events.hmacKey": "a key for the tests" };
    const policy = await ruledBy(inForce);
    bridge = await startBridge({ ...policy, ...redaction, "journal.segmentBytes": "4KiB" });
    await asked(bridge);
    settings = { ...policy, ...redaction, "data.dir": bridge.dataDir };
  });
  afterAll(() => bridge.close());

  it("changes nothing by the policy in force, while the bridge runs", async () => {
    const ended = await simulated("--strict");
    expect({ code: ended.code, stderr: ended.stderr, rows: rowsOf(ended) }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^sluice: the journal has records from \S+ on only\n$/),
      rows: [],
    });
    expect(ended.stdout).toMatch(/^9 operations from \S+ to \S+, by 2 rules \(revision [0-9a-f]{16}\)\n/);
    expect(ended.stdout).toContain("\n9 as before, 0 would change, 0 undecidable, 0 not the policy's\n");
  });

  it("says which decisions another policy would change, and what the events leave open", async () => {
    const { stdout, stderr, code } = await simulated("--policy", await policyFile(candidate));
    expect(code).toBe(0);
    const counted = "proxies.max: no count was recorded for a limit of 2";
    const hidden = "tokens: hidden in the event";
    const carol =
      redact === "off"
        ? "allowed → refused | user:carol | carol | Login | 1 | … | token missing or wrong"
        : `allowed → undecidable | user:carol | carol | Login | 1 | … | ${hidden}`;
    expect(rowsOf({ stdout, stderr, code }).toSorted()).toEqual(
      [
        "allowed → refused | user:bob | bob | Ping | 3 | … | refused by policy",
        "refused → allowed | (default) | mallory | Login | 1 | … | was: moved away (user:mallory)",
        `allowed → undecidable | user:alice | alice | NewProxy | 2 | … | ${counted}`,
        `refused → undecidable | user:alice | alice | NewProxy | 1 | … | ${counted}`,
        carol,
      ].toSorted(),
    );
    const counts = redact === "off" ? "5 would change, 3 undecidable" : "4 would change, 4 undecidable";
    expect(stdout).toContain(`\n1 as before, ${counts}, 0 not the policy's\n`);
    expect(stdout + stderr).not.toContain(token);
    expect(stdout + stderr).not.toContain(hashOf(token).slice("sha256:".length + 8));
  });

  it("gives with --json the same as one object, and with --strict an exit code for changes alone", async () => {
    const changes = await policyFile(candidate);
    const strict = await simulated("--strict", "--json", "--policy", changes);
    expect(strict.code).toBe(1);
    const report = JSON.parse(strict.stdout);
    expect(report).toMatchObject({ operations: 9, asBefore: 1, policy: { rules: 3, mode: "enforce" } });
    expect(report.groups).toContainEqual({
      change: "decision",
      from: "allowed",
      to: "refused",
      rule: "user:bob",
      code: "rule_deny",
      user: "bob",
      op: "Ping",
      times: 3,
      last: expect.stringMatching(/Z$/),
      why: "refused by policy",
    });
    expect(strict.stdout).not.toContain(token);
    const nobody = await simulated("--strict", "--policy", changes, "--user", "nobody");
    expect([nobody.code, nobody.stderr]).toEqual([
      1,
      expect.stringContaining("nothing was recorded to judge by"),
    ]);
    const open = await simulated("--strict", "--policy", changes, "--user", "alice");
    expect({ code: open.code, rows: rowsOf(open) }).toMatchObject({
      code: 0,
      rows: Array(2).fill(expect.any(String)),
    });
    expect(open.stdout).toContain("3 undecidable");
  });

  it("asks what another mode and default would have made of it", async () => {
    const observed = await simulated("--mode", "observe", "--op", "Login", "--user", "mallory");
    expect(rowsOf(observed)).toEqual([
      "refused → would be refused | user:mallory | mallory | Login | 1 | … | moved away",
    ]);
    const denied = await simulated("--default", "deny", "--op", "Ping");
    expect(rowsOf(denied)).toEqual([
      "allowed → refused | (default) | bob | Ping | 3 | … | refused by policy",
    ]);
    expect(denied.stdout).toContain("\npolicy.mode enforce, policy.default deny\n");
  });

  it("keeps to the time that is asked for", async () => {
    const { stdout, code } = await simulated("--since", "7d", "--until", "24h");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^no operations from \S+ to \S+, by 2 rules/);
  });
});

describe("simulate of what cannot be meant", () => {
  it.each<[string[], RegExp]>([
    [["--since", "yesterday"], /must be a span such as 24h or 7d, or a time with its zone/],
    [["--since", "1h", "--until", "2h"], /--since is not before --until \[config_invalid\]/],
    [["--op", "login"], /did you mean Login\?/],
    [["--kafka"], /--kafka needs kafka\.brokers \(SLUICE_KAFKA_BROKERS\) \[config_invalid\]/],
    [["--policy", "/nowhere/new.json"], /--policy \/nowhere\/new\.json: cannot be read \(ENOENT\)/],
  ])("%j is told with what would be right, and exit code 2", async (args, message) => {
    const folder = await temporaryFolder("simulate");
    const { code, stdout, stderr } = await sluice(["simulate", ...args], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    await folder.remove();
  });

  it("names every rule of a candidate that cannot be read, and nothing of its value", async () => {
    const policy = await policyFile({
      "user:alice": { tokns: ["hunter2"] },
      "usr:bob": "allow",
      "client:0123456789abcdef": "deny",
      "user:carol": "allow",
    });
    const { code, stdout, stderr } = await sluice(["simulate", "--policy", policy]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("3 rules of ");
    expect(stderr).toContain("  - user:alice: unknown key tokns, did you mean tokens?\n");
    expect(stderr).toContain("  - usr:bob: no scope has this name");
    expect(stderr).not.toMatch(/hunter2|client:0123456789abcdef/);
  });

  it("says where it looked when there is no journal", async () => {
    const folder = await temporaryFolder("simulate");
    const { code, stdout, stderr } = await sluice(["simulate"], { cwd: folder.path });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `sluice: no events in ${folder.path}/data/journal yet; is data.dir right?\n`,
    });
    expect(stdout).toMatch(/^no operations from /);
    await folder.remove();
  });
});

describeWith(["redis"], "simulate by the rules of a Redis", () => {
  it("takes those that it holds now, those of other prefixes not", async () => {
    const url = await sharedRedis();
    const prefix = `${unique("simulate")}:`;
    const redis = new Redis(url);
    await redis.set(`${prefix}policy:user:bob`, "deny not any more");
    await redis.set(`${prefix}policy:user:nobody`, "alow");
    await redis.set(`${prefix}-policy:user:alice`, "deny");
    await using bridge = await startBridge();
    await asked(bridge);
    const settings = { "data.dir": bridge.dataDir, "redis.url": url, "redis.prefix": prefix };
    const ended = await sluice(["simulate"], { settings });
    expect(rowsOf(ended)).toEqual(["allowed → refused | user:bob | bob | Ping | 3 | … | not any more"]);
    expect(ended.stderr).toContain("sluice: 1 rule cannot be read: what is covered so is refused\n");
    await redis.quit();
  });

  it("is told in one line that it is away", async () => {
    const settings = { "redis.url": "redis://:hunter2@127.0.0.1:1" };
    const { code, stderr } = await sluice(["simulate"], { settings });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sluice: Redis at 127\.0\.0\.1:1\/0.*\[redis_unavailable\]\n$/);
  });
});

describeWith(["kafka"], "simulate over Kafka's topics", () => {
  it("counts once what came again, over all partitions", async () => {
    const brokers = await sharedKafka();
    const kafka = toKafka(brokers);
    const policy = await ruledBy(inForce);
    const bridge = await startBridge({ ...kafka, ...policy });
    const topics = await eventsOf(bridge, kafka);
    await asked(bridge);
    for (let n = 0; n < 40; n++)
      await call(bridge.url, "Ping", { user: { user: "bob", run_id: `run-${n}` } });
    await topics.until(
      () => topics.distinct.filter(({ event }) => event.op !== undefined).length === 50,
      "50 ops",
    );
    await bridge.close();
    const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    for (const { topic, partition, key, value } of topics.distinct) {
      await producer.send({ topic, messages: [{ partition, key, value }] });
    }
    await producer.disconnect();

    const args = ["simulate", "--kafka", "--policy", await policyFile(candidate), "--json"];
    const { code, stdout, stderr } = await sluice(args, { settings: { ...kafka, ...policy } });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(sluice: \S+ has records from \S+ on only\n)+$/);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      operations: 49,
      asBefore: 1,
      changed: 44,
      undecidable: 4,
      repeated: 49,
      unreadable: 0,
    });
    expect(stdout).not.toContain(token);
  }, 120_000);
});
