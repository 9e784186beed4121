/** Keeps a table of who is connected, from the topic of user sessions alone. */
import { Kafka, type KafkaMessage, logLevel } from "kafkajs";
import { type EventOf, parseEvent, topicOf } from "sluice/events";

const help = `Keeps a table of who is connected, and prints it when it has changed. Reads the topic from its oldest record
at each start and commits nothing: what it shows depends on the topic alone.

  --json         each table as one line of JSON
  KAFKA_BROKERS  host:port list, default 127.0.0.1:9092
  TOPIC_PREFIX   the bridge's kafka.topicPrefix, default sluice.
  GROUP_ID       begins the name of its consumer group, which is another at each start; default sluice-connected

STATE unknown: its frps was not seen to tell the ends of that type of proxy, or the session's end was only guessed
and it may still be open. It is shown for 24 hours after such a guess.
`;

if (process.argv.includes("--help")) {
  process.stdout.write(help);
  process.exit(0);
}

const { KAFKA_BROKERS = "127.0.0.1:9092", TOPIC_PREFIX, GROUP_ID = "sluice-connected" } = process.env;
const asJson = process.argv.includes("--json");
const printEveryMs = 500;
const showGuessedMs = 24 * 60 * 60 * 1_000;
const mostEnds = 200_000;

/** `over`: nothing of it can be open any more. */
type End = { readonly at: string; readonly over: boolean };

/** By session id. Sessions that are over leave; their ends stay, should a start come again or late. */
const started = new Map<string, EventOf<"session.started">>();
const ends = new Map<string, End>();
/** By node and type of proxy: whether its frps tells ends, by the newest sign of it. */
const tells = new Map<string, { readonly at: string; readonly told: boolean }>();

function take(message: KafkaMessage): void {
  const parsed = parseEvent(message);
  if (!parsed.ok) {
    if (parsed.reason !== "unknown_type") process.stderr.write(`at ${message.offset}: ${parsed.problem}\n`);
    return;
  }
  const { event } = parsed;
  if (event.type === "sluice.session.started") {
    if (!ends.get(event.id)?.over) started.set(event.id, event);
  } else if (event.type === "sluice.session.refused") {
    // It could not be recorded in time, so it was refused after all.
    if (event.supersedes !== undefined) finish(event.supersedes, { at: event.time, over: true });
  } else if (event.type === "sluice.session.ended") {
    const { session, end, node, proxy, endedAt: at } = event.data;
    finish(session.id, { at, over: !end.inferred || end.notAfter !== null });
    if (end.reason !== "closed" && end.reason !== "proxy_closed") return;
    const kind = `${node} ${proxy.type}`;
    if (at > (tells.get(kind)?.at ?? "")) tells.set(kind, { at, told: !end.inferred });
  }
}

function finish(id: string, end: End): void {
  if (ends.get(id)?.over) return;
  ends.set(id, end);
  if (end.over) started.delete(id);
  const [oldest] = ends.keys();
  if (ends.size <= mostEnds || oldest === undefined) return;
  ends.delete(oldest);
  started.delete(oldest);
}

function connected() {
  // Of those that are still there the end was only guessed.
  for (const [id, { at }] of ends) if (Date.parse(at) + showGuessedMs < Date.now()) started.delete(id);
  const sessions = [...started.values()].map(({ id, time, data: { user, proxy, node, remote } }) => {
    const sure = !ends.has(id) && tells.get(`${node} ${proxy?.type}`)?.told === true;
    const from = remote === null ? "-" : `${remote.ip ?? "-"} port ${remote.port ?? "-"}`;
    const state = sure ? "open" : "unknown";
    return { user: user || "-", proxy: proxy?.name ?? "-", node, from, since: time, state, id };
  });
  return sessions.sort((a, b) => (a.since + a.id < b.since + b.id ? -1 : 1));
}

/** By partition: the next offset to read, and where it ended when this program started. */
const partitions = new Map<number, { next: number; readonly end: number }>();
let printed: string | undefined;
let timer: NodeJS.Timeout | undefined;

function print(): void {
  timer = undefined;
  const behind = [...partitions.values()].reduce((sum, { next, end }) => sum + Math.max(0, end - next), 0);
  if (behind > 0) return void process.stderr.write(`reading: ${behind} records to go\n`);
  if (printed === undefined) process.stderr.write("caught up\n");
  const sessions = connected();
  // Users name themselves and their proxies: nothing of that may steer the terminal.
  const line = (cells: readonly string[]): string =>
    `${cells.map((cell) => cell.replace(/\p{C}/gu, "?").padEnd(20)).join("  ")}\n`;
  const rows = sessions.map((row) => line([row.state, row.user, row.proxy, row.node, row.since, row.from]));
  const table = line(["STATE", "USER", "PROXY", "NODE", "SINCE", "FROM"]) + rows.join("");
  const output = asJson ? `${JSON.stringify(sessions)}\n` : `${table}${sessions.length} sessions\n\n`;
  if (output !== printed) process.stdout.write(output);
  printed = output;
}

const kafka = new Kafka({
  clientId: "who-is-connected",
  brokers: KAFKA_BROKERS.split(","),
  logLevel: logLevel.ERROR,
  // A new cluster needs some seconds to make its topic of offsets.
  retry: { retries: 30, maxRetryTime: 1_000 },
});
const consumer = kafka.consumer({ groupId: `${GROUP_ID}-${crypto.randomUUID()}`, maxWaitTimeInMs: 500 });

async function stop(): Promise<void> {
  clearTimeout(timer);
  await consumer.disconnect();
  process.exit(0);
}

process.once("SIGINT", stop).once("SIGTERM", stop);
process.stdout.once("error", stop);
process.once("uncaughtException", (error) => {
  process.stderr.write(`who-is-connected: ${error.message}\n`);
  process.exit(1);
});
consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
  if (!restart) throw error;
});

const topic = topicOf("session.started", TOPIC_PREFIX);
const admin = kafka.admin();
await admin.connect();
for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
  partitions.set(partition, { next: Number(low), end: Number(high) });
}
await admin.disconnect();
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    batch.messages.forEach(take);
    const { partition } = batch;
    const end = partitions.get(partition)?.end ?? 0;
    partitions.set(partition, { next: Number(batch.lastOffset()) + 1, end });
    timer ??= setTimeout(print, printEveryMs);
  },
});
print();
