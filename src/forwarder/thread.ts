/**
 * The forwarder's thread, and the second place where things are wired: the journal's reader and Kafka into the loop.
 * Only the worker runs this file; the main thread knows handle.ts.
 */
import path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../clock.ts";
import { KafkaBroker } from "../kafka/broker.ts";
import { isOfConnection } from "../kafka/failures.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { ensureTopics } from "../kafka/topics.ts";
import { SharedMark } from "./durable-mark.ts";
import { CursorMarks, JournalSource } from "./journal-source.ts";
import { keptTopics } from "./kept-topics.ts";
import type { Log } from "./log.ts";
import { ForwarderLoop } from "./loop.ts";
import type { FromThread, LogLevel, ThreadData, ToThread } from "./messages.ts";
import { yieldToOthers } from "./priority.ts";
import { projectionsOf } from "./projections.ts";
import { keepTopics } from "./topic-keeper.ts";

const port = parentPort!;
const data = workerData as ThreadData;
const clock = systemClock;

function tell(message: FromThread): void {
  port.postMessage(message);
}

function logAt(level: LogLevel): Log["info"] {
  return (fields, text) => tell({ kind: "log", level, fields, text });
}

const log: Log = {
  debug: logAt("debug"),
  info: logAt("info"),
  warn: logAt("warn"),
  error: logAt("error"),
};

// Whoever waits for an answer comes before what has been answered.
yieldToOthers();

const projections = await projectionsOf(data.projections);

const loop = new ForwarderLoop({
  source: new JournalSource(data.dataDir, (loss) => tell({ kind: "damaged", loss })),
  durable: new SharedMark(data.durable),
  marks: new CursorMarks(data.dataDir, data.instance, log),
  broker: new KafkaBroker(data.kafka, clock, log),
  partitionOf,
  streams: data.streams.map(({ name }) => name),
  projections,
  topicPrefix: data.topicPrefix,
  topics: data.topics ?? {},
  instance: data.instance,
  epoch: data.epoch,
  deadLettersFile: path.join(data.dataDir, "dead-letters.jsonl"),
  limits: data.limits,
  clock,
  random: Math.random,
  log,
  listener: {
    acked: (journalseq) => tell({ kind: "acked", journalseq }),
    progress: (progress) => tell({ kind: "progress", progress }),
    trouble: (trouble) => tell({ kind: "trouble", trouble }),
    deadLetter: (letter) => tell({ kind: "deadLetter", letter }),
    state: (state) => tell({ kind: "state", state }),
  },
  onTopicMissing: () => topics.again(),
});

const wanted = keptTopics(data, data.streams, projections, data.deadLettersRetentionMs);
const topics = keepTopics({
  ensure: (turn) => ensureTopics(wanted, data.kafka, clock, log, turn),
  clock,
  limits: data.limits,
  random: Math.random,
  log,
  tell: (trouble) => tell({ kind: "trouble", trouble }),
  isToldElsewhere: isOfConnection,
  onEnsured: () => loop.askAgain(),
});

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

async function begin(): Promise<void> {
  // A Kafka that is there has its topics before the first event is sent; one that hangs is not waited for.
  await Promise.race([topics.firstAttempt, wait(data.limits.stuckAfterMs)]);
  await loop.start();
}

const begun = begin();

port.on("message", async ({ deadlineMs }: ToThread) => {
  const deadline = clock.monotonic() + deadlineMs;
  topics.halt();
  await Promise.race([begun, wait(deadlineMs)]);
  await loop.stop(Math.max(0, deadline - clock.monotonic()));
  // Nothing is left to do; whatever kafkajs still holds open goes with the thread.
  process.exit(0);
});

await begun;
