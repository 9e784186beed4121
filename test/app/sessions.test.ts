/** Sessions as a frps that tells ends, and a stock one, cause them. */
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { startBackend } from "../hosts/backend.ts";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startEveryProxy } from "../hosts/every-proxy.ts";
import { type FrpsHost, startFrpc, startFrps } from "../hosts/frp.ts";
import { type EndedConnection, startEndingFrps } from "../hosts/frp-ends.ts";
import { tcpUser, type User } from "../hosts/frp-user.ts";
import { freePort } from "../hosts/ports.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { randomFrom } from "../random.ts";
import { slowestAnswerMs } from "./busy-machine.ts";
import { closesOf, endsCame, endsOf, remoteOf, startsOf } from "./ended-sessions.ts";
import { eventsOf, ruledBy, toKafka } from "./stack.ts";

const connections = Number(process.env.SLUICE_TEST_CONNECTIONS ?? 200);
const opened = Number(process.env.SLUICE_TEST_OPEN_SESSIONS ?? 80);
const atOnce = 50;
/** Of the first ones: what all of them at once would measure is how long this machine lets them wait. */
const arriveEveryMs = 20;
const agreeMs = 50;
const byConnection = ["tcp", "https", "tcpmux"] as const;

async function stack(settings: BridgeSettings = {}) {
  const kafka = toKafka(await sharedKafka());
  const bridge = await startBridge({ ...kafka, "sessions.endGraceMs": 2000, ...settings });
  return { bridge, topics: await eventsOf(bridge, kafka) };
}

/** As many users at once as there are workers, one after the other until all have been served. */
async function serve(count: number, use: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (at: number): Promise<void> => {
    await delay(at * arriveEveryMs);
    while (next < count) await use(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, (_, at) => worker(at)));
}

/** How long a connection's start and its close took from frps, by the wall clock of both, whichever took longer. */
function latenessMs(own: EndedConnection, startedAtMs = Number.NaN, closedAtMs = Number.NaN): number {
  return Math.max(startedAtMs - Date.parse(own.startedAt), closedAtMs - Date.parse(own.endedAt));
}

describeWith(["kafka", "frp", "frp-ends"], "sessions at a frps that tells their ends", () => {
  it(`gives each of ${connections} connections one start and one end, as long as it was`, {
    timeout: 180_000,
  }, async () => {
    const { bridge, topics } = await stack();
    // Thousands of lines of debugging would take a part of the time that is measured.
    const settings = { log: { level: "info", disablePrintColor: true } };
    await using frps = await startEndingFrps({ plugins: [{ addr: bridge.addr }], settings });
    const { connect } = await startEveryProxy({ frps, user: "alice", settings });
    const random = randomFrom(1);
    const types = [...byConnection, "stcp"] as const;
    const serving = serve(connections, async (n) => {
      const lengthMs = 100 + Math.round(random() * 900);
      await using user = await connect[types[n % types.length]!]();
      expect(await user.served).toBe(true);
      await delay(lengthMs);
      // https speaks no TLS behind its hello, so its backend cannot be told to go.
      if (n % 2 === 0) await user.dismissed();
      else await user.close();
    });
    const slowestMs = await slowestAnswerMs(bridge, serving);
    await endsCame(topics, connections);
    const [starts, closes, ends, recorded] = [
      startsOf(topics),
      closesOf(topics),
      endsOf(topics),
      await frps.ended(),
    ];
    expect([starts.length, closes.length, ends.length, recorded.length]).toEqual(
      Array.from({ length: 4 }, () => connections),
    );
    expect(new Set(ends.map(({ data }) => data.session.id))).toEqual(new Set(starts.map(({ id }) => id)));
    expect(new Set(ends.map(({ data }) => data.end.closedBy))).toEqual(new Set(closes.map(({ id }) => id)));
    expect(ends.filter(({ data }) => data.end.inferred)).toEqual([]);
    expect(ends.filter(({ data }) => data.clientInfo === null || data.proxy.type === null)).toEqual([]);

    // An address may have come twice.
    const recordedOf = Map.groupBy(recorded, (own) => `${own.proxy} ${own.remoteAddr}`);
    const measured = ends.filter(({ data }) => data.proxy.type !== "stcp");
    expect(measured.length).toBe(connections * 0.75);
    const toldAt = new Map([...starts, ...closes].map(({ id, time }) => [id, Date.parse(time)]));
    const differing = measured.map(({ data, ...end }) => {
      const own = recordedOf.get(`${data.proxy.name} ${remoteOf({ data, ...end })}`)?.shift();
      return {
        byMs: Math.abs(data.durationMs - (own?.durationMs ?? Number.NaN)),
        lateMs: own ? latenessMs(own, toldAt.get(data.session.id), toldAt.get(data.end.closedBy)) : 0,
        pairing: data.pairing,
      };
    });
    expect(
      differing.filter(
        ({ byMs, lateMs, pairing }) => !(byMs <= agreeMs + slowestMs + lateMs) || pairing !== "exact",
      ),
    ).toEqual([]);
    // That all came late together would excuse anything.
    const lateness = differing.map(({ lateMs }) => lateMs).sort((one, other) => one - other);
    expect(lateness[Math.floor(lateness.length / 2)]).toBeLessThanOrEqual(agreeMs + slowestMs);
    await bridge.close();
  });

  it("gives many connections of one visitor as many ends as starts", async () => {
    const { bridge, topics } = await stack();
    await using frps = await startEndingFrps({ plugins: [{ addr: bridge.addr }] });
    const { connect } = await startEveryProxy({ frps, user: "alice" });
    const users = await Promise.all(Array.from({ length: atOnce }, () => connect.stcp()));
    for (const user of users) expect(await user.served).toBe(true);
    for (const user of users.reverse()) await user.close();
    const ends = await endsCame(topics, atOnce);
    expect(new Set(ends.map(({ data }) => data.session.id)).size).toBe(atOnce);
    expect(new Set(ends.map(({ data }) => data.session.key)).size).toBe(1);
    expect(ends.map(({ data }) => data.pairing).filter((pairing) => pairing === "ambiguous")).toHaveLength(
      atOnce - 1,
    );
    await bridge.close();
  });

  it("tells announced ends when frpc is killed, and infers them when frps is", {
    timeout: 120_000,
  }, async () => {
    const { bridge, topics } = await stack();
    await using frps = await startEndingFrps({ plugins: [{ addr: bridge.addr }] });
    const { frpc, connect } = await startEveryProxy({ frps, user: "alice" });
    const open = async (): Promise<User[]> => {
      const users = await Promise.all(Array.from({ length: 24 }, (_, n) => connect[byConnection[n % 3]!]()));
      for (const user of users) expect(await user.served).toBe(true);
      return users;
    };
    const first = await open();
    await frpc.kill();
    const killed = await endsCame(topics, first.length);
    expect(killed.map(({ data }) => data.end.inferred)).toEqual(first.map(() => false));

    const from = frpc.log.lines.length;
    await frpc.start();
    for (const type of byConnection)
      await frpc.log.saw(new RegExp(`\\[${type}\\] start proxy success`), { from });
    const second = await open();
    await frps.kill();
    await frps.start();
    const ends = await endsCame(topics, first.length + second.length);
    const inferred = ends.filter(({ data }) => data.end.inferred);
    expect(inferred).toHaveLength(second.length);
    expect(new Set(ends.map(({ data }) => data.session.id)).size).toBe(ends.length);
    expect(await frps.ended()).toHaveLength(first.length);
    await bridge.close();
  });

  it("counts traffic that a frps tells, and shows who is connected", async () => {
    const { bridge, topics } = await stack();
    await using frps = await startEndingFrps({ plugins: [{ addr: bridge.addr }], extras: true });
    const { connect } = await startEveryProxy({ frps, user: "alice" });
    const user = await connect.tcp();
    expect(await user.served).toBe(true);
    const list = async () => (await fetch(`${bridge.adminUrl}/v1/sessions?user=alice`)).json();
    expect(await list()).toMatchObject({ sessions: [{ state: "unknown", proxy: { name: "alice.tcp" } }] });
    await user.close();
    const [end] = await endsCame(topics, 1);
    expect(end.data.bytes).toEqual({ in: 4, out: 4 });
    await using _second = await connect.tcp();
    await _second.served;
    expect(await list()).toMatchObject({ open: 1, unknown: 0, sessions: [{ state: "open" }] });
    await bridge.close();
  });

  it(`loses none of ${opened} open sessions over a kill of the bridge`, { timeout: 120_000 }, async () => {
    const { bridge, topics } = await stack();
    await using frps = await startEndingFrps({ plugins: [{ addr: bridge.addr }] });
    // A Ping that nobody answers makes frpc leave, and take all connections along.
    const { connect } = await startEveryProxy({ frps, user: "alice", heartbeatSeconds: 600 });
    const users: User[] = [];
    for (let n = 0; n < opened; n++) {
      const user = await connect[n % 2 === 0 ? "tcp" : "stcp"]();
      expect(await user.served).toBe(true);
      users.push(user);
    }
    await bridge.kill();
    await bridge.start();
    for (const user of users) await user.close();
    const ends = await endsCame(topics, users.length);
    expect(startsOf(topics)).toHaveLength(users.length);
    expect(new Set(ends.map(({ data }) => data.session.id))).toEqual(
      new Set(startsOf(topics).map(({ id }) => id)),
    );
    expect(ends.filter(({ data }) => data.end.inferred || data.durationClock !== "wall")).toEqual([]);
    await bridge.close();
  });
});

describeWith(["kafka", "frp", "frp-ends"], "a node that stops telling ends", () => {
  it("is noticed when a proxy closes, and its limits lock nobody out", async () => {
    const rules = await ruledBy({ "user:alice": { limits: { connections: 2 } } });
    const { bridge, topics } = await stack(rules);
    const { echoPort } = await startBackend();
    const serving = async (frps: FrpsHost) => {
      const remotePort = await freePort();
      const proxies = [{ name: "tcp", type: "tcp", localPort: echoPort, remotePort }];
      const frpc = await startFrpc({ frps, user: "alice", proxies, until: "all" });
      return { frpc, connect: () => tcpUser(remotePort) };
    };
    await using telling = await startEndingFrps({ plugins: [{ addr: bridge.addr }] });
    const before = await serving(telling);
    const user = await before.connect();
    await user.served;
    await user.close();
    await endsCame(topics, 1);
    await before.frpc.stop();
    await telling.stop();

    await using stock = await startFrps({ plugins: [{ addr: bridge.addr }] });
    const after = await serving(stock);
    for (let n = 0; n < 2; n++) expect(await (await after.connect()).served).toBe(true);
    expect(await (await after.connect()).served).toBe(false);
    await after.frpc.stop();
    await bridge.log.saw(/does not tell the ends of connections of this type any more/);
    const again = await serving(stock);
    for (let n = 0; n < 5; n++) expect(await (await again.connect()).served).toBe(true);
    const metrics = await (await fetch(`${bridge.adminUrl}/metrics`)).text();
    expect(metrics).toContain('sluice_sessions_ends_announced{node="frps",type="tcp"} 0');
    expect(metrics).toContain('sluice_limits_not_enforceable_total{scope="user"} ');
    await bridge.close();
  });
});

describeWith(["kafka", "frp"], "sessions at a stock frps", () => {
  it("end as inferred when their proxy goes, and lock nobody out who has a limit", async () => {
    const { bridge, topics } = await stack({
      ...(await ruledBy({ "user:alice": { limits: { connections: 2 } } })),
    });
    await using frps = await startFrps({ plugins: [{ addr: bridge.addr }] });
    const { frpc, connect } = await startEveryProxy({ frps, user: "alice" });
    for (let n = 0; n < 10; n++) {
      await using user = await connect.tcp();
      expect(await user.served).toBe(true);
    }
    const isUnlimited = startsOf(topics).every(({ data }) =>
      data.decision.checks.some(({ result }: { result: string }) => result === "not_enforceable"),
    );
    expect(isUnlimited).toBe(true);
    expect(endsOf(topics)).toEqual([]);
    await frpc.stop();
    const ends = await endsCame(topics, 10);
    expect(ends.map(({ data }) => [data.end.reason, data.end.inferred, data.durationMs])).toEqual(
      ends.map(() => ["proxy_closed", true, null]),
    );
    await bridge.close();
  });

  it("end when frps comes back with several clients whose proxies it never closed", {
    timeout: 120_000,
  }, async () => {
    const { bridge, topics } = await stack();
    await using frps = await startFrps({ plugins: [{ addr: bridge.addr }] });
    const { echoPort } = await startBackend();
    for (const user of ["alice", "bob"]) {
      const remotePort = await freePort();
      const proxies = [{ name: "tcp", type: "tcp", localPort: echoPort, remotePort }];
      await startFrpc({ frps, user, proxies, until: "all" });
      expect(await (await tcpUser(remotePort)).served).toBe(true);
    }
    await frps.kill();
    await frps.start();
    const ends = await endsCame(topics, 2);
    expect(ends.map(({ data }) => data.end.reason)).toEqual(["frps_restarted", "frps_restarted"]);
    await bridge.close();
  });
});
