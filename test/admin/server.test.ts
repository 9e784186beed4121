import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { type MetricSources, Metrics } from "../../src/admin/metrics.ts";
import { policyReport } from "../../src/admin/policy-report.ts";
import { AdminPort, adminApp } from "../../src/admin/server.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { listSessions } from "../../src/sessions/listing.ts";
import { version } from "../../src/version.ts";
import { closeUserConn, newUserConn } from "../sessions/ops.ts";
import { World } from "../sessions/world.ts";

const stats = {
  bytes: 4096,
  maxBytes: 8192,
  segments: 1,
  lastJournalseq: 12,
  durableJournalseq: 11,
  acknowledgedJournalseq: 10,
  unacknowledgedBytes: 1024,
  oldestUnacknowledgedMs: 2500,
  failing: true,
  queuedBytes: 7,
  lostRecords: 3,
  damagedRecords: 2,
  syncs: 5,
};

interface Given {
  readonly forwarder?: MetricSources["forwarder"];
  readonly token?: string;
  readonly notReady?: string | null;
}

function admin({ token, notReady = null, forwarder = () => null }: Given = {}) {
  const world = new World();
  const { sessions, clock } = world;
  const source = { kind: "redis", connected: false, ageMs: 1500, lastError: null } as const;
  const settings = { default: "allow", mode: "enforce", ownNames: true, tokenMeta: "token" } as const;
  const policy = {
    settings,
    available: true,
    refuseAsStale: false,
    rules: new RuleSet([["user:a", "what"]]),
    keptRules: 3,
    stale: true,
  };
  const accepted = { times: 0 };
  const metrics = new Metrics(
    {
      settings: () => ({ successful: false, waiting: ["http.port", "node"] }),
      journal: () => stats,
      policy: () => ({ ...policy, source }),
      forwarder,
      sessions: () => sessions,
      leftOut: () => ({}),
    },
    clock,
  );
  const app = adminApp({
    token: () => token,
    registry: metrics.registry,
    notReady: () => notReady,
    sessions: (filter) => listSessions(sessions, filter, clock.now(), clock.monotonic()),
    pseudonyms: null,
    explain: () => ({ problem: "not asked" }),
    policy: () => policyReport(policy, source, sessions.roster),
    acceptEmpty: async () => ++accepted.times,
  });
  const get = (path: string, authorization?: string): Response | Promise<Response> =>
    app.request(path, authorization === undefined ? {} : { headers: { authorization } });
  const post = (path: string, headers: Record<string, string>): Response | Promise<Response> =>
    app.request(path, { method: "POST", headers, body: "{}" });
  return { app, metrics, get, post, accepted, world };
}

async function textOf(response: Response | Promise<Response>): Promise<[number, string]> {
  const answered = await response;
  return [answered.status, await answered.text()];
}

describe("the admin port", () => {
  it("answers /healthz as long as the process does", async () => {
    const { get } = admin({ notReady: "stopping" });
    expect(await textOf(get("/healthz"))).toEqual([200, "ok\n"]);
  });

  it("answers /readyz with 200 when ops can be decided, and with 503 and the reason when not", async () => {
    expect(await textOf(admin().get("/readyz"))).toEqual([200, "ready\n"]);
    const { get } = admin({ notReady: "no policy has been loaded yet" });
    expect(await textOf(get("/readyz"))).toEqual([503, "not ready: no policy has been loaded yet\n"]);
  });

  it("answers /readyz to a balancer that asks in HTTP/1.0 and names no host", async () => {
    const admins = new AdminPort(admin().app);
    const { port } = await admins.listen("127.0.0.1", 0);
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("GET /readyz HTTP/1.0\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nready\n$/s);
    await admins.close();
  });

  it("asks nobody for a token at /healthz and /readyz", async () => {
    const { get } = admin({ token: "t0ken" });
    expect((await get("/healthz")).status).toBe(200);
    expect((await get("/readyz")).status).toBe(200);
  });

  it.each([
    undefined,
    "",
    "t0ken",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    "Bearer t0kenn",
    "Bearer t0ke",
    "Basic t0ken",
  ])("gives no metrics, and no secret, for the Authorization %j", async (authorization) => {
    const response = await admin({ token: "t0ken" }).get("/metrics", authorization);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(await response.text()).toBe("needs the admin token\n");
  });

  it("gives metrics for the right token, and without one when none is set", async () => {
    expect((await admin({ token: "t0ken" }).get("/metrics", "Bearer t0ken")).status).toBe(200);
    expect((await admin().get("/metrics")).status).toBe(200);
  });

  it("tells the state of the policy, and of which frps the ends of connections are told", async () => {
    const { get, world } = admin();
    world.ask(newUserConn());
    const answer = await get("/v1/policy");
    expect(await answer.json()).toEqual({
      revision: new RuleSet([["user:a", "what"]]).revision,
      available: true,
      rules: 1,
      unreadable: 1,
      kept: 3,
      source: { kind: "redis", connected: false, ageMs: 1500, lastError: null },
      nodes: [{ node: "edge-1", type: "tcp", endsTold: false }],
    });
  });

  it("lets kept rules end for whoever has the token and sends JSON, and for no page in a browser", async () => {
    const { post, accepted } = admin({ token: "t" });
    const path = "/v1/policy/accept-empty";
    const authorization = "Bearer t";
    expect((await post(path, { "content-type": "application/json" })).status).toBe(401);
    expect((await post(path, { authorization, "content-type": "text/plain" })).status).toBe(400);
    expect(accepted.times).toBe(0);
    const answer = await post(path, { authorization, "content-type": "application/json" });
    expect([answer.status, await answer.json()]).toEqual([200, { ended: 1 }]);
  });

  it("knows no other path", async () => {
    expect((await admin().get("/")).status).toBe(404);
    expect((await admin({ token: "t0ken" }).get("/anything")).status).toBe(401);
  });
});

/** `name{label="value"} 1`, by name with its labels. */
async function scraped(get: (path: string) => Response | Promise<Response>): Promise<Map<string, number>> {
  const response = await get("/metrics");
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const parts = /^([a-z][a-z0-9_]*(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line);
      expect(parts, line).not.toBeNull();
      return [parts![1]!, Number(parts![2])];
    }),
  );
}

describe("the metrics", () => {
  it("are text that Prometheus reads, each with a help line and a type", async () => {
    const { metrics, get } = admin();
    metrics.answered("Login", "refused", 1.5);
    const text = await (await get("/metrics")).text();
    for (const name of (await scraped(get)).keys()) {
      const family = name.replace(/\{.*/, "").replace(/_(bucket|sum|count)$/, "");
      expect(text).toMatch(new RegExp(`^# HELP ${family} \\S`, "m"));
      expect(text).toMatch(new RegExp(`^# TYPE ${family} (counter|gauge|histogram)$`, "m"));
    }
    expect((await scraped(get)).get("sluice_op_duration_seconds_sum")).toBeCloseTo(0.0015);
  });

  it("tell of sessions: open and unknown ones apart, and their ends by reason", async () => {
    const { metrics, get, world } = admin();
    world.ask(newUserConn());
    world.ask(newUserConn({ type: "stcp", from: "203.0.113.9:2" }));
    world.ask(closeUserConn({ type: "stcp", from: "203.0.113.9:2" }));
    world.ask(newUserConn({ type: "stcp", from: "203.0.113.9:3" }));
    const end = { atMs: 0, notBeforeMs: 0, notAfterMs: null, pairing: "none", late: false } as const;
    metrics.sessions.opened();
    metrics.sessions.ended(
      { ...end, reason: "closed", inferred: false, durationMs: 1500 },
      { in: 5, out: 7 },
    );
    metrics.sessions.ended({ ...end, reason: "max_age", inferred: true, durationMs: null }, null);
    metrics.sessions.unpaired();
    metrics.sessions.confirmed("likely");
    metrics.notEnforceable("user:alice");
    expect(Object.fromEntries(await scraped(get))).toMatchObject({
      'sluice_sessions_open{state="open"}': 1,
      'sluice_sessions_open{state="unknown"}': 1,
      'sluice_sessions_ends_announced{node="edge-1",type="stcp"}': 1,
      'sluice_sessions_ends_announced{node="edge-1",type="tcp"}': 0,
      sluice_sessions_opened_total: 1,
      'sluice_sessions_ended_total{reason="closed",inferred="false"}': 1,
      'sluice_sessions_ended_total{reason="max_age",inferred="true"}': 1,
      sluice_sessions_inferred_ratio: 0.5,
      sluice_session_duration_seconds_sum: 1.5,
      'sluice_session_bytes_total{direction="in"}': 5,
      'sluice_session_bytes_total{direction="out"}': 7,
      sluice_sessions_unpaired_closes_total: 1,
      'sluice_logins_confirmed_total{pairing="likely"}': 1,
      'sluice_limits_not_enforceable_total{scope="user"}': 1,
    });
  });

  it("tell what the journal, the policy and the forwarder say when they are asked", async () => {
    const said = { stuck: ["a [1]"], unknownTopics: ["b", "c"] };
    const counts = { lagRecords: 4, sentRecords: 5, sentBytes: 6, retries: 7, deadLetters: 8, heldBytes: 9 };
    const state = { ...said, ...counts, connected: true, acknowledgedJournalseq: 10, lastError: null };
    const { get } = admin({ forwarder: () => ({ ...state, oldestUnackedJournalseq: 11 }) });
    const all = Object.fromEntries(await scraped(get));
    expect(all).toMatchObject({
      sluice_journal_bytes: 4096,
      sluice_journal_segments: 1,
      sluice_journal_queued_bytes: 7,
      sluice_journal_max_bytes: 8192,
      sluice_journal_failing: 1,
      sluice_journal_lost_records_total: 3,
      sluice_journal_damaged_records_total: 2,
      sluice_journal_syncs_total: 5,
      sluice_journal_last_seq: 12,
      sluice_journal_durable_seq: 11,
      sluice_journal_acknowledged_seq: 10,
      sluice_policy_rules: 1,
      sluice_policy_unreadable_rules: 1,
      sluice_policy_available: 1,
      sluice_policy_source_connected: 0,
      sluice_policy_age_seconds: 1.5,
      sluice_policy_stale: 1,
      sluice_policy_kept_rules: 3,
      sluice_policy_bans: 0,
      sluice_policy_revision: Number.parseInt(new RuleSet([["user:a", "what"]]).revision.slice(0, 12), 16),
      sluice_kafka_connected: 1,
      sluice_kafka_lag_records: 4,
      sluice_kafka_lag_bytes: 1024,
      sluice_kafka_lag_seconds: 2.5,
      sluice_kafka_sent_records_total: 5,
      sluice_kafka_sent_bytes_total: 6,
      sluice_kafka_retries_total: 7,
      sluice_kafka_held_bytes: 9,
      sluice_kafka_stuck_partitions: 1,
      sluice_kafka_unknown_topics: 2,
    });
  });

  it("tell nothing of Kafka where there is none, and that it takes nothing until the forwarder has spoken", async () => {
    const kafka = async (forwarder: MetricSources["forwarder"]) =>
      [...(await scraped(admin({ forwarder }).get))].filter(([name]) => name.startsWith("sluice_kafka_"));
    expect(await kafka(null)).toEqual([]);
    expect(await kafka(() => null)).toContainEqual(["sluice_kafka_connected", 0]);
  });

  it("show each loss, refusal to record, malformed call and failed ban from the beginning, so that the first is seen to come", async () => {
    const { get, metrics } = admin();
    metrics.forwardsTo(["sluice.logins"]);
    expect(Object.fromEntries(await scraped(get))).toMatchObject({
      'sluice_journal_gaps_total{cause="journal_full"}': 0,
      'sluice_ops_unrecorded_total{failure="journal_slow",answer="refuse"}': 0,
      'sluice_malformed_total{reason="login_flood"}': 0,
      'sluice_calls_turned_away_total{status="401"}': 0,
      'sluice_bans_total{outcome="failed"}': 0,
      'sluice_kafka_dead_letters_total{topic="sluice.logins"}': 0,
    });
  });

  it("count an answer in each bucket that is not below it", async () => {
    const { metrics, get } = admin();
    for (const ms of [0.2, 0.21, 2000, 2001]) metrics.answered("Ping", "allowed", ms);
    const all = await scraped(get);
    const bucket = (le: string) => all.get(`sluice_op_duration_seconds_bucket{le="${le}"}`);
    expect(["0.0002", "0.0005", "1", "2", "+Inf"].map(bucket)).toEqual([1, 2, 2, 3, 4]);
    expect(all.get("sluice_op_duration_seconds_count")).toBe(4);
    expect(all.get("sluice_op_duration_seconds_sum")).toBeCloseTo(4.00141);
  });

  it("tell which version runs, what its clock says, and whether it is ready", async () => {
    const { metrics, get, world } = admin();
    let problem: string | null = "stopping";
    metrics.readiness(() => problem);
    expect(Object.fromEntries(await scraped(get))).toMatchObject({
      [`sluice_build_info{version="${version}"}`]: 1,
      sluice_time_seconds: world.clock.now() / 1000,
      sluice_ready: 0,
    });
    problem = null;
    expect((await scraped(get)).get("sluice_ready")).toBe(1);
  });

  it("count what happened, by its labels", async () => {
    const { metrics, get } = admin();
    metrics.answered("Login", "allowed", 1);
    metrics.answered("Login", "allowed", 1);
    metrics.wouldRefuse("NewProxy", "user:alice:b", "proxy_port");
    metrics.wouldRefuse("NewProxy", "default", "default_deny");
    metrics.wouldRefuse("Login", null, "default_deny");
    metrics.unrecorded("journal_full", "refuse");
    metrics.malformed("not_json");
    metrics.turnedAway(401);
    metrics.policyChanged("written");
    metrics.policyRejected();
    metrics.gap("journal_io");
    metrics.forwarderTrouble("send", "kafka_unavailable");
    metrics.deadLetter('odd"topic');
    metrics.redacted();
    expect(Object.fromEntries(await scraped(get))).toMatchObject({
      'sluice_ops_total{op="Login",effect="allowed"}': 2,
      'sluice_ops_would_refuse_total{op="NewProxy",scope="user",code="proxy_port"}': 1,
      'sluice_ops_would_refuse_total{op="NewProxy",scope="default",code="default_deny"}': 1,
      'sluice_ops_would_refuse_total{op="Login",scope="none",code="default_deny"}': 1,
      'sluice_ops_unrecorded_total{failure="journal_full",answer="refuse"}': 1,
      'sluice_malformed_total{reason="not_json"}': 1,
      'sluice_calls_turned_away_total{status="401"}': 1,
      'sluice_policy_changes_total{cause="written"}': 1,
      sluice_policy_rejected_total: 1,
      'sluice_journal_gaps_total{cause="journal_io"}': 1,
      'sluice_forwarder_troubles_total{what="send",code="kafka_unavailable"}': 1,
      'sluice_kafka_dead_letters_total{topic="odd\\"topic"}': 1,
      sluice_op_duration_seconds_count: 2,
      sluice_redactions_total: 1,
    });
  });
});
