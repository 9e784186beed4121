/** A bridge that tells of users and addresses by pseudonyms, taken up from one that told their names. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Names } from "../../src/pseudonyms/names.ts";
import { call, sluice } from "../cli/sluice.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { readAll, recordsOf } from "../journal/harness.ts";
import type { AnyEvent } from "../sessions/world.ts";

const key = "key-of-the-tests-";
const names = new Names(key);
const alice = { user: "alice", metas: null, run_id: "aaaaaaaaaaaaaaa1" };
const connection = (from: string) => ({
  user: alice,
  proxy_name: "alice.ssh",
  proxy_type: "tcp",
  remote_addr: from,
});
const [before, after] = ["198.51.100.77:1111", "203.0.113.9:2222"];
const stop = { "stop.drainMs": 100, "log.level": "debug" };
const settings = { "events.pseudonyms": "user,ip", "events.hmacKey": key, ...stop };

describe("events.pseudonyms, on the data of a bridge that did without", () => {
  let bridge: BridgeHost;
  let events: AnyEvent[];
  let snapshot: string;
  let told: Record<
    "sessions" | "byName" | "wide" | "explain" | "simulate",
    Awaited<ReturnType<typeof sluice>>
  >;

  beforeAll(async () => {
    const first = await startBridge(stop);
    await call(first.url, "NewUserConn", connection(before));
    await first.stop();
    const rules = { "user:mallory": "deny mallory is not at 192.0.2.66 any more" };
    bridge = await startBridge({
      ...settings,
      "data.dir": first.dataDir,
      "policy.file": await policy(first, rules),
    });
    const login = { user: "alice", hostname: "alice-laptop", client_address: "192.0.2.66:1", metas: null };
    await call(bridge.url, "Login", login);
    await call(bridge.url, "NewProxy", {
      user: alice,
      proxy_name: "alice.ssh",
      proxy_type: "tcp",
      remote_port: 6000,
    });
    await call(bridge.url, "NewUserConn", connection(after));
    expect(await call(bridge.url, "Login", { ...login, user: "mallory" })).toEqual({
      reject: true,
      reject_reason: "mallory is not at 192.0.2.66 any more",
    });
    const here = {
      settings: {
        ...settings,
        "data.dir": first.dataDir,
        "admin.port": Number(new URL(bridge.adminUrl).port),
      },
    };
    const candidate = await policy(bridge, { "user:alice": "deny" });
    const [sessions, byName, wide, explain, simulate] = await Promise.all([
      sluice(["sessions", "--json", "--user", "alice", "--ip", "203.0.113.9"], here),
      sluice(["sessions", "--json", "--proxy", "alice.ssh"], here),
      sluice(["sessions", "--ip", "203.0.113.0/24"], here),
      sluice(["explain", "--last", "mallory"], here),
      sluice(["simulate", "--policy", candidate, "--since", "1h"], here),
    ]);
    told = { sessions, byName, wide, explain, simulate };
    await bridge.stop();
    snapshot = readFileSync(join(bridge.dataDir, "sessions.snapshot"), "utf8");
    const all: AnyEvent[] = recordsOf(await readAll(bridge.dataDir)).map(({ event }) => JSON.parse(event));
    const since = all.filter(({ epoch }) => epoch === all.at(-1).epoch);
    // Of the session that was open before: it may have been inferred by now.
    events = since.filter(({ type }) => type !== "sluice.session.ended");
    await first.close();
  });

  afterAll(() => bridge.close());

  const eventOf = (type: string): AnyEvent => events.find((event) => event.type === `sluice.${type}`);

  it("publishes no name and no address, and says by which key they are told", () => {
    const naming = `user,ip;key=${names.keyId}`;
    for (const event of events) expect(event.pseudonyms).toBe(naming);
    for (const name of ["alice", "mallory", "203.0.113.9", "192.0.2.66"])
      expect(JSON.stringify(events)).not.toContain(name);
    expect(eventOf("session.started")).toMatchObject({
      subject: `${names.user("alice")}/${names.user("alice")}.ssh`,
      data: { remote: { ip: names.address("203.0.113.9"), port: 2222 }, proxy: { remotePort: 6000 } },
    });
    expect(eventOf("login.refused").data.decision).toMatchObject({
      rule: `user:${names.user("mallory")}`,
      reason: `${names.user("mallory")} is not at ${names.address("192.0.2.66")} any more`,
    });
  });

  it("knows of a Login what it said, by pseudonyms, at the ops that come behind it", () => {
    expect(eventOf("login.confirmed").data).toMatchObject({
      pairing: "likely",
      clientInfo: { address: names.address("192.0.2.66"), hostname: names.text("alice-laptop") },
    });
  });

  it("writes snapshots of the same naming, in which only what was open before has its names", () => {
    expect(JSON.parse(snapshot.slice(0, snapshot.indexOf("\n"))).naming).toBe(`user,ip;key=${names.keyId}`);
    const lines = snapshot.split("\n").filter((line) => line.includes("alice"));
    for (const line of lines) expect(line).toMatch(/^\["(?:setting|client)"/);
    expect(snapshot).not.toContain("203.0.113.9");
    expect(snapshot).toContain(names.address("203.0.113.9"));
  });

  it("logs and answers by the true names", () => {
    const refused = bridge.log.lines.find(
      (line) => line.includes('"refused"') && line.includes('"user":"mallory"'),
    );
    expect(refused).toContain('"ip":"192.0.2.66"');
    expect(bridge.log.lines.join("\n")).toContain("hold pseudonyms of: user, ip");
  });

  it("lists sessions by the true name or address, and says what cannot be asked for", () => {
    const listed = (stdout: string) =>
      JSON.parse(stdout).sessions.map(({ user, remote }: AnyEvent) => [user, remote]);
    const now = [names.user("alice"), { ip: names.address("203.0.113.9"), port: 2222 }];
    expect(listed(told.sessions.stdout)).toEqual([now]);
    expect(listed(told.byName.stdout)).toContainEqual(now);
    expect(told.wide.stderr).toContain("ip must be one address, or a /64 of IPv6");
    expect(told.wide.code).not.toBe(0);
  });

  it("explains a recorded op, and says that rules of users and addresses do not know it", () => {
    expect(told.explain.stdout).toContain("the event holds pseudonyms (events.pseudonyms: user,ip)");
  });

  it("simulates what it can, and says of the rest that it is undecidable", () => {
    expect(told.simulate.stdout).toContain("user: a pseudonym in the event");
    expect(told.simulate.stdout).toContain("operations hold pseudonyms");
  });

  it("refuses to start without a key", async () => {
    const { code, stderr } = await sluice(["serve"], { settings: { "events.pseudonyms": "user" } });
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      "events.pseudonyms (SLUICE_EVENTS_PSEUDONYMS) is user and events.hmacKey is not set: set SLUICE_EVENTS_HMAC_KEY",
    );
  });
});

async function policy(
  { folder }: { readonly folder: string },
  rules: Record<string, string>,
): Promise<string> {
  const file = join(folder, "rules.json");
  await writeFile(file, JSON.stringify(rules));
  return file;
}
