/** deploy/haproxy before two bridges, which stop, die and come back while users connect through a real frps. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it, vi } from "vitest";
import { openReader } from "../../src/journal/reader.ts";
import { call } from "../cli/sluice.ts";
import { startBackend } from "../hosts/backend.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { Authority } from "../hosts/certificates.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { startFrpc, startFrps } from "../hosts/frp.ts";
import { type HaproxyHost, startHaproxy } from "../hosts/haproxy.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { startRedis } from "../hosts/redis.ts";
import type { NativeServer } from "../hosts/server.ts";
import { sharedRedis } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { UserLoad } from "./user-load.ts";

/** Users who are served before, between and after what befalls the bridges. */
const users = Number(process.env.SLUICE_TEST_STANDBY_USERS ?? 80);
const rows = Number(process.env.SLUICE_TEST_STANDBY_ROWS ?? 8);
vi.setConfig({ testTimeout: 120_000 + users * 200 });

/** As deploy/haproxy/README.md says. */
const stopping: BridgeSettings = { "stop.delayMs": 5000, "stop.drainMs": 95_000 };

describeWith(["frp", "redis", "haproxy"], "two bridges behind HAProxy", () => {
  let tls: Tls;

  beforeAll(async () => {
    tls = await certified();
  });

  it.each(["http", "https"])(
    "are restarted one after the other, over %s, and nobody is refused",
    async (scheme) => {
      const { first, second, haproxy, frps, load } = await underLoad({
        tls: scheme === "https" ? tls : undefined,
        heartbeatSeconds: 1,
      });
      for (const [bridge, name] of [
        [first, "first"],
        [second, "second"],
      ] as const) {
        const from = haproxy.log.lines.length;
        const stopped = bridge.stop();
        const told = `ready/${name} is DOWN, reason: Layer7 wrong status, code: 503`;
        await haproxy.log.saw(new RegExp(told), { from });
        await load.more(users);
        await stopped;
        expect(bridge.exitCode, bridge.log.tail()).toBe(0);
        const answered = sessionsIn(await eventsOf(bridge)).length;
        await bridge.start();
        await haproxy.log.saw(new RegExp(`ready/${name} is UP`), { from });
        await load.more(users);
        // It is back and stands by: the users stay with the other.
        expect(sessionsIn(await eventsOf(bridge))).toHaveLength(answered);
      }
      await load.stop();

      expect(load.unserved).toEqual([]);
      expect(load.logins).toBeGreaterThan(2);
      expect(problemsOf(frps)).toEqual([]);
      // Nobody even had to wait for a second try.
      expect(haproxy.log.lines.filter(isSecondTry)).toEqual([]);
      const both = [await eventsOf(first), await eventsOf(second)];
      for (const events of both) expect(sessionsIn(events).length).toBeGreaterThan(users);
      expect(both.flatMap(sessionsIn).map(portOf).sort()).toEqual(
        load.connections.map(({ port }) => port).sort(),
      );
      const ids = both.flat().map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const revisions = both.flatMap(sessionsIn).map(({ data }) => data.decision.revision);
      expect(new Set(revisions).size).toBe(1);
    },
  );

  it("have nobody left at the one that stops, while its listener is still open", async () => {
    const { first, haproxy, load } = await underLoad({ own: { "stop.delayMs": 600_000 } });
    const stopped = first.stop();
    await haproxy.log.saw(/ready\/first is DOWN/);
    await load.more(users);
    const answered = sessionsIn(await eventsOf(first)).length;
    await load.more(users);
    expect(sessionsIn(await eventsOf(first))).toHaveLength(answered);
    await Promise.all([stopped, first.stop()]);
    await load.more(users);
    await load.stop();
    expect(load.unserved).toEqual([]);
  });

  it("lose the calls that one had taken when it is killed, and no others", async () => {
    const { first, second, haproxy, load } = await underLoad();
    const down = haproxy.log.saw(/ready\/first is DOWN/).then(() => performance.now());
    await first.kill();
    const downMs = await down;
    await load.more(users);
    await first.start();
    await haproxy.log.saw(/ready\/first is UP/);
    await load.more(users);
    await load.stop();

    expect(load.unserved.filter(({ beganMs }) => beganMs > downMs)).toEqual([]);
    const recorded = new Set(
      [...(await eventsOf(first)), ...(await eventsOf(second))].filter(isSession).map(portOf),
    );
    const served = load.connections.filter((one) => one.served);
    expect(served.filter(({ port }) => !recorded.has(port))).toEqual([]);
  });

  it("lose the calls that one had taken when it is told twice to stop, and no others", async () => {
    const { first, haproxy, load } = await underLoad();
    const stopped = first.stop();
    await first.log.saw(/a second signal ends it at once/);
    const down = haproxy.log.saw(/ready\/first is DOWN/).then(() => performance.now());
    await Promise.all([stopped, first.stop()]);
    const downMs = await down;
    await load.more(users);
    await load.stop();

    expect(first.exitCode, first.log.tail()).toBe(0);
    expect(load.unserved.filter(({ beganMs }) => beganMs > downMs)).toEqual([]);
  });

  it("are one only: it answers until its listener closes, then nobody gets in until it is back", async () => {
    const { first, second, haproxy, load } = await underLoad({ own: { "stop.delayMs": 600_000 } });
    await second.kill();
    await haproxy.log.saw(/ready\/second is DOWN/);
    const stopped = first.stop();
    await haproxy.log.saw(/ready has no server available/);
    await load.more(users);
    expect(load.unserved).toEqual([]);
    const refused = load.refused();
    await Promise.all([stopped, first.stop()]);
    await refused;
    await first.start();
    await haproxy.log.saw(/ready\/first is UP/);
    const upMs = performance.now();
    await load.more(users);
    await load.stop();
    expect(load.unserved.filter(({ beganMs }) => beganMs > upMs)).toEqual([]);
  });

  it("give nobody to one that has no policy yet, and to it alone its own refusals", async () => {
    const redis = await startRedis();
    const policy = { "redis.url": redis.url };
    await redis.stop();
    const [first, second] = await Promise.all([startBridge(policy), startBridge()]);
    const haproxy = await startHaproxy(first, second);
    await haproxy.log.saw(/ready\/first is DOWN, reason: Layer7 wrong status, code: 503/);
    expect(await loginAt(haproxy)).toMatchObject({ reject: false });
    const from = haproxy.log.lines.length;
    await second.kill();
    await haproxy.log.saw(/ready has no server available/, { from });
    expect(await loginAt(haproxy)).toEqual({ reject: true, reject_reason: "policy not available" });
    await redis.start();
    await haproxy.log.saw(/ready\/first is UP/, { from });
    expect(await loginAt(haproxy)).toMatchObject({ reject: false });
  });
});

interface Tls {
  readonly settings: BridgeSettings;
  readonly trusted: string;
}

async function certified(): Promise<Tls> {
  const folder = await temporaryFolder("standby-tls");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const authority = new Authority();
  const { cert, key } = authority.issue({ hosts: ["127.0.0.1"] });
  const file = (name: string): string => join(folder.path, name);
  for (const [name, text] of Object.entries({ "ca.pem": authority.cert, "cert.pem": cert, "key.pem": key }))
    await writeFile(file(name), text);
  return {
    settings: { "http.tls.cert": file("cert.pem"), "http.tls.key": file("key.pem") },
    trusted: file("ca.pem"),
  };
}

interface Trial {
  readonly tls?: Tls | undefined;
  readonly own?: BridgeSettings;
  /** A frpc whose ping finds nobody leaves for a while, and nobody gets through to it. */
  readonly heartbeatSeconds?: number;
}

/** Users who connect through frps, which asks whichever bridge HAProxy takes. */
async function underLoad({ tls, own = {}, heartbeatSeconds = 60 }: Trial = {}) {
  const policy = { "redis.url": await sharedRedis(), "redis.prefix": `${unique("standby")}:` };
  const settings = { ...policy, ...stopping, ...own, ...tls?.settings };
  const [first, second] = await Promise.all([startBridge(settings), startBridge(settings)]);
  const haproxy = await startHaproxy(first, second);
  const plugin = tls ? { addr: `https://${haproxy.addr}`, tlsVerify: true } : { addr: haproxy.addr };
  const frps = await startFrps({ plugins: [plugin], ...(tls && { env: { SSL_CERT_FILE: tls.trusted } }) });
  const { echoPort } = await startBackend();
  const port = await freePort();
  const proxies = [{ name: "ssh", type: "tcp", localPort: echoPort, remotePort: port }];
  await startFrpc({ frps, user: "alice", proxies, heartbeatSeconds, until: "all" });
  const load = new UserLoad({ port, rows, frps });
  await load.more(users);
  return { first, second, haproxy, frps, load };
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it is about
type Event = any;

/** All that a bridge has recorded, in its lives so far. */
async function eventsOf({ dataDir }: BridgeHost): Promise<Event[]> {
  const reader = await openReader({ dir: dataDir, from: 1 });
  const items = await reader.next(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  await reader.close();
  return items.map((item) => ("record" in item ? JSON.parse(item.record.event) : item));
}

function isSession({ type }: Event): boolean {
  return type === "sluice.session.started";
}

function portOf({ data }: Event): number {
  return data.remote.port;
}

/** Over connections of its own, as each call of a frps that has had no other. */
function loginAt({ addr }: HaproxyHost): Promise<unknown> {
  return call(`http://${addr}/handler`, "Login", { user: "alice" }, { connection: "close" });
}

/** What frps says of a plugin that did not answer. */
function problemsOf({ log }: NativeServer): string[] {
  return log.lines.filter((line) => /request to plugin/.test(line));
}

function sessionsIn(events: readonly Event[]): Event[] {
  return events.filter(isSession);
}

/** HAProxy's line of a connection for which a server had to be tried again, or of which none was taken as ready. */
function isSecondTry(line: string): boolean {
  return / plugin listening\/| plugin ready\/.*\d\/\+?[1-9]\d* \d+\/\d+$/.test(line);
}
