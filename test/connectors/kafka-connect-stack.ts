/** A bridge, a Connect worker with the connectors of connectors/kafka-connect-postgresql, and the PostgreSQL they fill. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { endsOf, startsOf } from "../app/ended-sessions.ts";
import { eventsOf, type KafkaSettings, toKafka } from "../app/stack.ts";
import { call } from "../cli/sluice.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { type ConnectHost, startConnect } from "../hosts/connect.ts";
import { type PostgresHost, startPostgres } from "../hosts/postgres.ts";
import { sharedKafka } from "../hosts/shared.ts";
import type { TopicEvent, TopicEvents } from "../hosts/topic-events.ts";

const connectors = new URL("../../connectors/", import.meta.url);
export const sqlFile = (name: string): string =>
  fileURLToPath(new URL(`analytics/postgresql/${name}.sql`, connectors));
export const shipped = (name: string): string =>
  readFileSync(new URL(`kafka-connect-postgresql/${name}`, connectors), "utf8");

export const names = ["sluice-flat", "sluice-flat-sessions"] as const;
export type ConnectorName = (typeof names)[number];

export interface SinkStack {
  readonly settings: BridgeSettings & KafkaSettings;
  readonly brokers: readonly string[];
  readonly bridge: BridgeHost;
  readonly topics: TopicEvents;
  readonly connect: ConnectHost;
  readonly postgres: PostgresHost;
  readonly deadLetters: string;
  /** With the prefix of this stack. */
  topicOf(name: ConnectorName): string;
}

/** A Kafka other than the shared one, and how Connect comes to it. */
interface OtherKafka {
  readonly brokers: readonly string[];
  readonly connect: { readonly brokers: readonly string[]; readonly env: Readonly<Record<string, string>> };
  /** Added to worker.properties. */
  readonly properties: string;
  /** Done before Connect comes. */
  prepare(prefix: string): Promise<void>;
}

export async function startSinkStack(other?: OtherKafka): Promise<SinkStack> {
  const brokers = other?.brokers ?? (await sharedKafka());
  // One partition: what a connector has taken, it has taken with all that came before.
  const settings = { ...toKafka(brokers), "kafka.partitions": 1, "events.projections": "flat" };
  const prefix = settings["kafka.topicPrefix"];
  await other?.prepare(prefix);
  const [bridge, postgres] = await Promise.all([startBridge(settings), startPostgres()]);
  const [topics, connect] = await Promise.all([
    eventsOf(bridge, settings),
    startConnect({
      brokers: other?.connect.brokers ?? brokers,
      properties: shipped("worker.properties") + (other?.properties ?? ""),
      env: {
        ...other?.connect.env,
        POSTGRESQL_URL: `jdbc:postgresql://127.0.0.1:${postgres.port}/postgres`,
        POSTGRESQL_USER: "sluice_sink",
        POSTGRESQL_PASSWORD: "any",
      },
      // Moments are UTC wherever the worker is.
      jvm: ["-Duser.timezone=America/New_York"],
    }),
    postgres.psql(["-q", "-f", sqlFile("tables"), "-f", sqlFile("views"), "-c", rights]),
  ]);
  const topicOf = (name: string): string => name.replace("sluice-", prefix);
  const deadLetters = `${prefix}connect-dead-letters`;
  for (const name of names) {
    const config: Record<string, string> = JSON.parse(shipped(`${name}.json`));
    expect(config.topics).toBe(name.replace("sluice-", "sluice."));
    const ours = { topics: topicOf(name), "errors.deadletterqueue.topic.name": deadLetters };
    await connect.rest.put(name, { ...config, ...ours });
  }
  return { settings, brokers, bridge, topics, connect, postgres, deadLetters, topicOf };
}

/** As the README says. */
const rights = `CREATE ROLE sluice_sink LOGIN;
  ALTER TABLE sluice_flat OWNER TO sluice_sink;
  ALTER TABLE sluice_flat_sessions OWNER TO sluice_sink`;

let lastPort = 20_000;

/** As a frps that tells of a user's connection, and of its end. */
export async function visit({ bridge }: SinkStack): Promise<number> {
  const port = ++lastPort;
  const content = {
    user: { user: "bob", metas: null, run_id: "run-of-bob" },
    proxy_name: "bob.ssh",
    proxy_type: "tcp",
    remote_addr: `192.0.2.1:${port}`,
  };
  await call(bridge.url, "NewUserConn", content);
  await call(bridge.url, "CloseUserConn", content);
  return port;
}

export async function visits(stack: SinkStack, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await visit(stack);
}

/** Resolves when both tables, and `stack.topics`, have whatever was on the topics when it was called. */
export async function settled(stack: SinkStack, timeoutMs?: number): Promise<void> {
  const port = await visit(stack);
  const has = (table: string, end: string): string =>
    `EXISTS (SELECT FROM ${table} WHERE user_name = 'bob' AND remote_port = ${port} AND ${end})`;
  await stack.postgres.until(
    `${has("sluice_flat", "event_type = 'sluice.session.ended'")}
      AND ${has("sluice_flat_sessions", "state = 'ended'")}`,
    timeoutMs,
  );
  // Who read the rows and who reads the topics are not the same.
  const isLast = ({ type, data }: TopicEvent["event"]): boolean =>
    type === "sluice.session.ended" && data.remote?.port === port;
  await stack.topics.saw(isLast, "the last end");
}

/** The rows of a query, as JSON has them. */
export async function rowsOf<T>(postgres: PostgresHost, query: string, database = "postgres"): Promise<T[]> {
  const all = `SELECT coalesce(json_agg(found), '[]') FROM (${query.replace(/;\s*$/, "")}\n) AS found`;
  return JSON.parse(await postgres.psql(["-d", database, "-qAt", "-c", all])) as T[];
}

interface SessionRow {
  readonly session_id: string;
}

/** Each session that sluice.user-sessions tells of is one row, with its start, end and duration; each event another. */
export async function expectRowsAsTold({ topics, postgres }: SinkStack): Promise<void> {
  const ends = new Map<string, ReturnType<typeof endsOf>[number]>();
  for (const end of endsOf(topics)) {
    const { id } = end.data.session;
    if (ends.get(id)?.data.end.inferred ?? true) ends.set(id, end);
  }
  const told = startsOf(topics).map((start) => {
    const end = ends.get(start.id);
    return {
      session_id: start.id,
      state: end === undefined ? "open" : end.data.end.inferred ? "ended_inferred" : "ended",
      user_name: start.data.user,
      remote_port: start.data.remote.port,
      started_ms: Date.parse(start.time),
      ended_ms: end === undefined ? null : Date.parse(end.data.endedAt),
      duration_ms: end?.data.durationMs ?? null,
    };
  });
  expect(told.length).toBeGreaterThan(0);
  const milliseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;
  const rows = await rowsOf<SessionRow>(
    postgres,
    `SELECT session_id, state, user_name, remote_port, ${milliseconds("started_at")} AS started_ms,
       ${milliseconds("ended_at")} AS ended_ms, duration_ms
     FROM sluice_flat_sessions`,
  );
  const byId = (one: SessionRow, other: SessionRow): number => (one.session_id < other.session_id ? -1 : 1);
  expect(rows.sort(byId)).toEqual(told.sort(byId));
  const events = await rowsOf<{ event_id: string }>(
    postgres,
    "SELECT event_id FROM sluice_flat WHERE event_type LIKE 'sluice.session.%'",
  );
  const ids = topics.distinct.map(({ event }) => event).filter(({ type }) => /^sluice\.session\./.test(type));
  expect(events.map(({ event_id }) => event_id).sort()).toEqual(ids.map(({ id }) => id as string).sort());
}
