/** Prints a line for each user session that ended, and another one where a guess turns out to have been wrong. */
import { Kafka, type KafkaMessage, logLevel } from "kafkajs";
import { type EventOf, endReasons, parseEvent, topicOf } from "sluice/events";

const help = `Prints a line for each user session that ended: when, who, from where, proxy, how long, how it ended.

  KAFKA_BROKERS  host:port list, default 127.0.0.1:9092
  TOPIC_PREFIX   the bridge's kafka.topicPrefix, default sluice.
  GROUP_ID       consumer group, default sluice-finished-sessions; its first run begins at the oldest record kept,
                 each further one where the last one ended

A line that begins with "correction" takes the place of an earlier one: frps told of the end after all.
`;

if (process.argv.includes("--help")) {
  process.stdout.write(help);
  process.exit(0);
}

const { KAFKA_BROKERS = "127.0.0.1:9092", TOPIC_PREFIX, GROUP_ID = "sluice-finished-sessions" } = process.env;
const kafka = new Kafka({
  clientId: "finished-sessions",
  brokers: KAFKA_BROKERS.split(","),
  logLevel: logLevel.ERROR,
  // A new cluster needs some seconds to make its topic of offsets.
  retry: { retries: 30, maxRetryTime: 1_000 },
});
const consumer = kafka.consumer({ groupId: GROUP_ID, maxWaitTimeInMs: 500 });

/** Ids of events that need no line any more. Records can be repeated, mostly soon after one another. */
const done = new Set<string>();
const mostDone = 100_000;

function take(message: KafkaMessage, where: string): void {
  const parsed = parseEvent(message);
  if (!parsed.ok) {
    // A newer Sluice may have types that this one need not know.
    if (parsed.reason !== "unknown_type") process.stderr.write(`${where}: ${parsed.problem}\n`);
    return;
  }
  const { event } = parsed;
  if (event.type !== "sluice.session.ended" || done.has(event.id)) return;
  process.stdout.write(`${lineOf(event)}\n`);
  finish(event.id);
  // Should the guess come again, it is out of date.
  if (event.supersedes !== undefined) finish(event.supersedes);
}

function finish(id: string): void {
  done.add(id);
  const [oldest] = done;
  if (done.size > mostDone && oldest !== undefined) done.delete(oldest);
}

function lineOf({ data, supersedes }: EventOf<"session.ended">): string {
  const { user, proxy, remote, startedAt, endedAt, durationMs, end } = data;
  const from = remote === null ? "-" : `${remote.ip ?? "-"} port ${remote.port ?? "-"}`;
  const lasted = durationMs === null ? longest(startedAt, end.notAfter) : `lasted ${text(durationMs)}`;
  const how = end.inferred ? `guessed: ${endReasons[end.reason]}` : endReasons[end.reason];
  const line = [endedAt, user || "-", `from ${from}`, proxy.name, lasted, how].map(printable).join("  ");
  return supersedes === undefined ? line : `correction  ${line}`;
}

/** Nobody told of the end. */
function longest(startedAt: string, notAfter: string | null): string {
  if (notAfter === null) return "may still be open";
  return `lasted at most ${text(Math.max(0, Date.parse(notAfter) - Date.parse(startedAt)))}`;
}

function text(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${(ms / 1_000).toFixed(1)} s`;
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours} h ` : ""}${minutes} min ${seconds % 60} s`;
}

/** Users name themselves and their proxies: nothing of that may steer the terminal. */
function printable(value: string): string {
  return value.replace(/\p{C}/gu, "?");
}

async function stop(): Promise<void> {
  await consumer.disconnect();
  process.exit(0);
}

process.once("SIGINT", stop).once("SIGTERM", stop);
process.stdout.once("error", stop);
process.once("uncaughtException", (error) => {
  process.stderr.write(`finished-sessions: ${error.message}\n`);
  process.exit(1);
});
consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
  if (!restart) throw error;
});

await consumer.connect();
await consumer.subscribe({ topic: topicOf("session.ended", TOPIC_PREFIX), fromBeginning: true });
// kafkajs commits only offsets of records that eachMessage has returned from: a kill repeats lines, and skips none.
await consumer.run({
  eachMessage: async ({ topic, partition, message }) =>
    take(message, `${topic} [${partition}] at ${message.offset}`),
});
