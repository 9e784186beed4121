/** The queries of connectors/analytics, on what a bridge recorded and `sluice export` wrote. */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { call, sluice } from "../cli/sluice.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { JournalEvents } from "../hosts/journal-events.ts";
import { randomFrom } from "../random.ts";
import { duckdb, type Place, postgresql, type Row } from "./analytics-places.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it is about
type Event = any;

const who = (user: string) => ({ user: { user, metas: null, run_id: `run-of-${user}` } });

/** What frps would ask; returns what the bridge made of it, in the order of its journal. */
async function recorded(bridge: BridgeHost, policy: string): Promise<Event[]> {
  await using journal = await JournalEvents.read(bridge.dataDir);
  const ask = (op: string, content: Record<string, unknown>) => call(bridge.url, op, content);
  const visit = (op: string, user: string, proxy: string, remote_addr: string) =>
    ask(op, { ...who(user), proxy_name: `${user}.${proxy}`, proxy_type: "tcp", remote_addr });
  const open = (user: string, proxy: string) =>
    ask("NewProxy", { ...who(user), proxy_name: `${user}.${proxy}`, proxy_type: "tcp", remote_port: 6000 });
  const saw = (type: string, from = 0) =>
    journal.saw((event) => event.type === `sluice.${type}`, type, { from });

  const logins: [string, string][] = [
    ["alice", "198.51.100.7:5000"],
    ["", "198.51.100.8:5000"],
    ["mallory", "203.0.113.7:5000"],
    ["mallory", "203.0.113.8:5000"],
    ["mallory", "203.0.114.1:5000"],
    ["mallory", "[2001:db8::7]:5000"],
    ["mallory", "[2001:db8:0:1::7]:5000"],
    ["mallory", "[2001:db8:1::7]:5000"],
    ["mallory", "[::1]:5000"],
    ["mallory", "[2001:db8:a:b:c:d:e:f]:5000"],
  ];
  for (const [user, client_address] of logins) await ask("Login", { ...who(user).user, client_address });
  for (const proxy of ["ssh", "db"]) await open("alice", proxy);
  await open("", 'we"b,\r\n=1+1');
  for (const port of [1, 2, 3, 4]) await visit("NewUserConn", "alice", "ssh", `192.0.2.1:${port}`);
  for (const port of [2, 1, 3]) await visit("CloseUserConn", "alice", "ssh", `192.0.2.1:${port}`);
  await visit("NewUserConn", "", 'we"b,\r\n=1+1', "[2001:db8::9]:1");
  // Both are taken for over when their proxy closes; of one the close comes late.
  for (const port of [5, 6]) await visit("NewUserConn", "alice", "db", `192.0.2.${port}:1`);
  await ask("CloseProxy", { ...who("alice"), proxy_name: "alice.db", proxy_type: "tcp" });
  await journal.saw(
    ({ data }) => data.end?.inferred && data.remote?.ip === "192.0.2.5",
    "an inferred end of the first",
  );
  await journal.saw(
    ({ data }) => data.end?.inferred && data.remote?.ip === "192.0.2.6",
    "an inferred end of the other",
  );
  await visit("CloseUserConn", "alice", "db", "192.0.2.5:1");
  await journal.saw((event) => event.supersedes !== undefined, "the announced end");

  for (const rules of [
    { "user:mallory": "deny moved away", "user:alice": "deny late" },
    { "user:zoe": "allow" },
  ]) {
    const from = journal.events.length;
    await writeFile(policy, JSON.stringify(rules));
    await saw("policy.changed", from);
    for (let n = 0; n < 3; n++) await ask("Ping", who("alice"));
    await ask("Login", { ...who("mallory").user, client_address: "203.0.113.7:5000" });
  }
  await bridge.stop();
  return journal.events;
}

async function exported(bridge: BridgeHost): Promise<string> {
  for (const view of ["flat", "flat-sessions"]) {
    const output = join(bridge.folder, `${view}.csv`);
    const args = ["export", "--format", "csv", "--as", view, "--output", output];
    const { code, stderr } = await sluice(args, { settings: { "data.dir": bridge.dataDir } });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^sluice: \d+ records in \S+\n$/),
    });
  }
  return bridge.folder;
}

let events: Event[];
let folder: string;

beforeAll(async () => {
  const policy = { "policy.file": "policy.json", "sessions.endGraceMs": 100 };
  const bridge = await startBridge(policy);
  await bridge.stop();
  const file = join(bridge.folder, "policy.json");
  await writeFile(file, '{"user:mallory": "deny moved away"}');
  await bridge.start();
  events = await recorded(bridge, file);
  folder = await exported(bridge);
});

const texts = (row: Record<string, unknown>): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? null : `${value}`]));

function answers(start: () => Promise<Place>): void {
  let place: Place;

  beforeAll(async () => {
    place = await start();
    // Twice, as by a cron job that overlaps.
    await place.load(folder);
    await place.load(folder);
  });

  it("has every event once, with the texts and moments that it had, and none that was corrected", async () => {
    const rows = await place.rows(
      "SELECT event_id, event_time, user_name, proxy, journalseq FROM sluice_events ORDER BY journalseq",
    );
    const corrected = new Set(events.map(({ supersedes }) => supersedes));
    expect(corrected.size).toBe(2);
    expect(rows).toEqual(
      events
        .filter(({ id }) => !corrected.has(id))
        .map(({ id, time, data, journalseq }) =>
          texts({
            event_id: id,
            event_time: time,
            user_name: data.user ?? null,
            proxy: data.proxy?.name ?? null,
            journalseq: Number(journalseq),
          }),
        ),
    );
  });

  it("counts each user's sessions of a day once, the announced end above the inferred one", async () => {
    const rows = await place.rows("sessions-per-user-and-day");
    const starts = events.filter(({ type }) => type === "sluice.session.started");
    const durationMs = events
      .filter(({ data }) => data.end?.inferred === false)
      .reduce((sum, { data }) => sum + data.durationMs, 0);
    const days = new Set(starts.map(({ time }) => time.slice(0, 10)));
    // Where midnight falls among the starts, the numbers of both days together.
    const sum = (user: string, column: string): number =>
      rows.filter((row) => row.user_name === user).reduce((all, row) => all + Number(row[column]), 0);
    expect(new Set(rows.map(({ day }) => day))).toEqual(days);
    expect(starts.length).toBe(7);
    expect(["sessions", "ended", "timed", "timed_ms"].map((column) => sum("alice", column))).toEqual([
      6,
      5,
      4,
      durationMs,
    ]);
    expect(["sessions", "ended", "timed", "timed_ms"].map((column) => sum("", column))).toEqual([1, 0, 0, 0]);
  });

  it("counts what was refused by its reason and the block of its address", async () => {
    const rows = await place.rows("refused-by-reason-and-block");
    expect(rows.map(({ reason, block, refused, addresses }) => [reason, block, refused, addresses])).toEqual([
      ["late", "198.51.100.0/24", "3", "1"],
      ["moved away", "203.0.113.0/24", "3", "2"],
      ["moved away", "2001:db8::/48", "2", "2"],
      ...["2001:db8:1::/48", "2001:db8:a::/48", "203.0.114.0/24", "::/48"]
        .sort()
        .map((block) => ["moved away", block, "1", "1"]),
    ]);
  });

  it("lists the longest sessions with what is known of their lengths", async () => {
    const rows = await place.rows("longest-sessions");
    const lengths = rows.map(({ at_least_ms }) => Number(at_least_ms));
    expect(lengths).toEqual(lengths.toSorted((one, other) => other - one));
    expect(rows.map(({ state }) => state).sort()).toEqual([
      ...Array.from({ length: 4 }, () => "ended"),
      "ended_inferred",
      ...Array.from({ length: 2 }, () => "open"),
    ]);
    for (const { session_id, state, at_least_ms, at_most_ms } of rows) {
      const end = events.findLast(
        ({ type, data }) => type === "sluice.session.ended" && data.session.id === session_id,
      );
      if (state === "ended")
        expect([at_least_ms, at_most_ms]).toEqual(Array(2).fill(`${end.data.durationMs}`));
      if (state === "open") expect([end, at_most_ms]).toEqual([undefined, null]);
      if (state === "ended_inferred") {
        const startMs = Date.parse(end.data.startedAt);
        const { notBefore, notAfter } = end.data.end;
        expect([at_least_ms, at_most_ms]).toEqual([
          `${Date.parse(notBefore) - startMs}`,
          `${Date.parse(notAfter ?? end.data.endedAt) - startMs}`,
        ]);
      }
    }
  });

  it("tells of each policy change what was decided before and after it", async () => {
    const rows = await place.rows("policy-changes-and-effect");
    const told = rows.map((row) => [
      `${row.policy_change} ${row.policy_key}`,
      ...[row.refused_before, row.decisions_after, row.refused_after, row.refused_by_it].map(Number),
    ]);
    const at = events.flatMap(({ type }, index) => (type === "sluice.policy.changed" ? [index] : []));
    const between = events
      .slice(at[0], at[1])
      .filter(({ op, decision }) => op !== undefined && decision !== "recorded");
    expect(rows.map((row) => Number(row.decisions_before))).toEqual([0, between.length, 4, 4, 4]);
    expect(told.slice(0, 2)).toEqual([
      ["created user:mallory", 0, between.length, 8, 8],
      ["created user:alice", 8, 4, 4, 3],
    ]);
    expect(told.slice(2).sort()).toEqual([
      ["created user:zoe", 4, 4, 0, 0],
      ["deleted user:alice", 4, 4, 0, 0],
      ["deleted user:mallory", 4, 4, 0, 0],
    ]);
  });

  it("tells of hundreds of sessions over days how many were open in each hour", async () => {
    const model = sessionsOverDays(300);
    await place.load(await filesOf(model, folder));
    const rows = await place.rows("concurrency-over-time");
    expect(rows).toEqual(
      peaksOf(await place.rows("SELECT started_at, ended_at FROM sluice_sessions WHERE true")),
    );
    expect(rows.length).toBeGreaterThan(48);
  });
}

const hourMs = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();

interface Made {
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number | null;
}

/** Some without a length, some that end on the hour, some open. */
function sessionsOverDays(count: number): Made[] {
  const random = randomFrom(7);
  const beginMs = Date.parse(events[0].time) - 72 * hourMs;
  return Array.from({ length: count }, (_, at) => {
    const startMs = Math.floor(beginMs + random() * 48 * hourMs);
    const lengthMs = at % 7 === 0 ? 0 : Math.floor(random() * 5 * hourMs);
    const endMs = at % 5 === 0 ? Math.ceil((startMs + lengthMs) / hourMs) * hourMs : startMs + lengthMs;
    return { id: `made-${at}`, startMs, endMs: at % 11 === 0 ? null : endMs };
  });
}

/** As an export would have them: an end's row before its start's now and then. */
async function filesOf(made: readonly Made[], beside: string): Promise<string> {
  const headOf = (file: string): string => readFileSync(join(beside, file), "utf8").split("\r\n", 1)[0]!;
  const head = headOf("flat-sessions.csv");
  const row = (cells: Record<string, string | number>): string =>
    head
      .split(",")
      .map((name) => cells[name] ?? "")
      .join(",");
  const rows = made.flatMap(({ id, startMs, endMs }, at) => {
    const common = {
      session_id: id,
      session_key: id,
      started_at: iso(startMs),
      record_key: id,
      instance: "i_made",
      epoch: "e",
    };
    const start = {
      ...common,
      state: "open",
      state_rank: 0,
      event_id: `${id}-start`,
      event_time: iso(startMs),
      journalseq: 2 * at,
    };
    if (endMs === null) return [row(start)];
    const end = {
      ...start,
      state: "ended",
      state_rank: 2,
      event_id: `${id}-end`,
      event_time: iso(endMs),
      journalseq: 2 * at + 1,
    };
    const both = [row(start), row({ ...end, ended_at: iso(endMs), duration_ms: endMs - startMs })];
    return at % 3 === 0 ? both.reverse() : both;
  });
  const path = join(beside, "made");
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "flat-sessions.csv"), `${[head, ...rows].join("\r\n")}\r\n`);
  await writeFile(join(path, "flat.csv"), `${headOf("flat.csv")}\r\n`);
  return path;
}

/** By looking at every moment at which anything begins or ends. */
function peaksOf(sessions: readonly Row[]): Row[] {
  const spans = sessions.map(({ started_at, ended_at }) => ({
    startMs: Date.parse(String(started_at)),
    endMs: ended_at === null ? Number.POSITIVE_INFINITY : Date.parse(String(ended_at)),
  }));
  const moments = spans.flatMap(({ startMs, endMs }) => [startMs, endMs]).filter(Number.isFinite);
  const openAt = (ms: number): number =>
    spans.filter(({ startMs, endMs }) => startMs <= ms && ms < endMs).length;
  const rows: Row[] = [];
  const lastMs = Math.max(...moments);
  for (let ms = Math.floor(Math.min(...moments) / hourMs) * hourMs; ms <= lastMs; ms += hourMs) {
    const within = moments.filter((moment) => moment >= ms && moment < ms + hourMs);
    const peak = Math.max(...[ms, ...within].map(openAt));
    rows.push({ hour: iso(ms), most_open: `${peak}`, open_at_start: `${openAt(ms)}` });
  }
  return rows;
}

describe("in DuckDB", () => answers(duckdb));
describeWith(["postgres"], "in PostgreSQL", () => answers(postgresql));
