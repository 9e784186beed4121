/** `sluice replay`: sends again what the journal on this machine still keeps; above all for a topic that was deleted. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../clock.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { SluiceError, textOf } from "../errors.ts";
import { projectionNames } from "../events/projections/names.ts";
import { type Stream, streamNames } from "../events/streams.ts";
import { type TopicNames, topicNamed } from "../events/topic-names.ts";
import type { DeadLetter } from "../forwarder/dead-letters.ts";
import { defaultLimits } from "../forwarder/limits.ts";
import { type KeptProjection, projectionsOf } from "../forwarder/projections.ts";
import { loadCursor } from "../journal/cursor.ts";
import { nodeFiles } from "../journal/files.ts";
import { instanceOf } from "../journal/identity.ts";
import { KafkaBroker } from "../kafka/broker.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { kafkaSettingsOf } from "../kafka/settings.ts";
import type { Span } from "../ledger/span.ts";
import { type Choice, confirmedBy, streamsNamed, topicsFor } from "../replay/choice.ts";
import { type Plan, planOf } from "../replay/plan.ts";
import { type Replayed, replay as sendAgain } from "../replay/replay.ts";
import { journalDirOf } from "./journal-dir.ts";
import { ProgressBar } from "./progress-bar.ts";
import { isWhole, nothingText, planText, replayJson, replayText } from "./replay-report.ts";
import { makeTopics } from "./replay-topics.ts";

export interface ReplayOptions {
  readonly config?: string;
  readonly from?: "journal";
  readonly topic?: readonly string[];
  readonly epoch?: string;
  readonly since?: Date;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** A running bridge keeps its cursor a little late: by now it says what was confirmed before this command began. */
const settledMs = 2 * defaultLimits.saveMs;

/** @throws SluiceError config_invalid; data_dir_unusable; kafka_topic and kafka_denied before anything is sent */
export async function replay(options: ReplayOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const projections = await projectionsOf(options.topic ? projectionNames : settings.events.projections);
  const choice = choiceOf(options, settings, projections);
  const dataDir = journalDirOf(settings, say);
  const ending = endingBySignal();
  // The clock's timers keep no process alive, and while Kafka is away nothing else does.
  const alive = setInterval(() => {}, 60_000);
  try {
    if (!options.dryRun) await pause(settledMs, undefined, { signal: ending });
    const found = await planned(dataDir, settings, choice, ending);
    if (typeof found === "string") {
      if (options.json) process.stdout.write(`${replayJson(null, null, found)}\n`);
      else say(found);
      return;
    }
    const done = options.dryRun ? null : await sent(found, dataDir, settings, ending);
    const text = done === null ? planText(found.plan) : replayText(found.plan, done);
    process.stdout.write(options.json ? `${replayJson(found.plan, done, null)}\n` : text);
    if (done !== null && !isWhole(found.plan, done)) process.exitCode = 1;
  } catch (thrown) {
    if (!ending.aborted) throw thrown;
    say("ended before anything was sent");
    process.exitCode = 1;
  } finally {
    clearInterval(alive);
  }
}

function choiceOf(
  { from, topic, epoch, since }: ReplayOptions,
  { kafka }: Settings,
  projections: readonly KeptProjection[],
): ReplayChoice {
  if (from === undefined) {
    throw new SluiceError("config_invalid", "replay needs --from journal, the only source that there is");
  }
  if (kafka.brokers.length === 0) {
    throw new SluiceError("config_invalid", "replay needs kafka.brokers (SLUICE_KAFKA_BROKERS)");
  }
  const isNamed = (name: string, projection: KeptProjection): boolean =>
    name === projection.topic || name === topicNamed(kafka, projection.topic);
  const streams = topic?.flatMap((name) => {
    const named = streamsNamed(name, kafka);
    if (named.length > 0) return named;
    if (projections.some((one) => isNamed(name, one))) return [];
    const names = [...streamNames, ...projections.map((one) => one.topic)].join(", ");
    throw new SluiceError("config_invalid", `--topic ${name}: no such topic; there are ${names}`);
  });
  return {
    streams: streams === undefined ? null : new Set<Stream>(streams),
    projections: topic ? projections.filter((one) => topic.some((name) => isNamed(name, one))) : projections,
    epoch: epoch ?? null,
    sinceMs: since?.getTime() ?? null,
  };
}

type ReplayChoice = Choice & { readonly projections: readonly KeptProjection[] };

interface Found {
  readonly plan: Plan;
  readonly choice: ReplayChoice;
  readonly confirmed: ReturnType<typeof confirmedBy>;
  readonly instance: string;
}

/** A text when there is nothing to be sent again. */
async function planned(
  dataDir: string,
  { kafka }: Settings,
  choice: ReplayChoice,
  signal: AbortSignal,
): Promise<Found | string> {
  try {
    // Whoever merely looks makes no name for a data directory.
    if ((await nodeFiles.stat(join(dataDir, "instance"))) === null) {
      throw new SluiceError("data_dir_unusable", `no journal in ${dataDir}; is data.dir right?`);
    }
    const instance = await instanceOf(dataDir);
    const { cursor, reason } = await loadCursor(dataDir, instance);
    if (reason !== null) say(reason);
    const confirmed = cursor && confirmedBy(cursor, kafka, partitionOf);
    if (confirmed === null || confirmed.through === 0) {
      return "nothing has been forwarded yet: the bridge sends all that the journal keeps by itself";
    }
    const plan = await planOf({ dataDir, ...namesOf(kafka), choice, confirmed, signal });
    return plan.records === 0 ? nothingText(plan, choice.epoch) : { plan, choice, confirmed, instance };
  } catch (thrown) {
    if (thrown instanceof SluiceError || signal.aborted) throw thrown;
    const text = `the journal in ${dataDir} (data.dir, SLUICE_DATA_DIR) cannot be read: ${textOf(thrown)}`;
    throw new SluiceError("data_dir_unusable", text, { cause: thrown });
  }
}

async function sent(
  { plan, choice, confirmed, instance }: Found,
  dataDir: string,
  settings: Settings,
  signal: AbortSignal,
): Promise<Replayed> {
  const kafka = kafkaSettingsOf(settings.kafka);
  const names = namesOf(settings.kafka);
  const make = (tell: typeof say) =>
    makeTopics(plan, choice.projections, names, kafka, systemClock, signal, tell);
  await make(say);
  const progress = new ProgressBar(process.stderr, systemClock);
  progress.begin(plan.records);
  const note = (text: string): void => progress.above(() => say(text));
  let making = false;
  const makeAgain = async (): Promise<void> => {
    if (making) return;
    making = true;
    await make(note).catch((thrown) => signal.aborted || note(textOf(thrown)));
    making = false;
  };
  const replayed = await sendAgain({
    plan: { ...plan, span: plan.span! },
    topicsFor: (record) => topicsFor(record, choice, confirmed),
    projections: choice.projections,
    dataDir,
    instance,
    ...names,
    deadLettersFile: join(dataDir, "dead-letters.jsonl"),
    broker: new KafkaBroker(kafka, systemClock, silent),
    partitionOf,
    limits: defaultLimits,
    clock: systemClock,
    random: Math.random,
    // What it would log is told as trouble too.
    log: silent,
    signal,
    onTrouble: ({ where, text }) => note(where === undefined ? text : `${where}: ${text}`),
    onDeadLetter: (letter) => note(letterText(letter)),
    onTopicMissing: () => void makeAgain(),
    onGone: (span) => note(goneText(span)),
    onProgress: (records) => progress.reached(records),
  });
  progress.end();
  return replayed;
}

function namesOf({ topicPrefix, topics }: Settings["kafka"]): TopicNames {
  return { topicPrefix, topics };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function letterText({ topic, id, reason, kept }: DeadLetter): string {
  const where = kept === "file" ? "dead-letters.jsonl in data.dir" : "the topic of dead letters";
  return `${topic} will never take ${id ?? "a record without an id"}: ${reason}; it is in ${where}`;
}

function goneText({ first, last }: Span): string {
  return `journalseq ${first} to ${last} went away while it was read`;
}

function say(notice: string): void {
  process.stderr.write(`sluice: ${notice}\n`);
}

/** The first signal ends it with a report; a second one at once. */
function endingBySignal(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
  return ending.signal;
}
