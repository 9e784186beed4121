/**
 * `sluice verify`: whether all that the bridges ever numbered stands on Kafka's topics, or is named as lost, and
 * whether user sessions add up.
 */
import { type Clock, systemClock } from "../clock.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { SluiceError } from "../errors.ts";
import { streamNames } from "../events/streams.ts";
import { type TopicNames, topicNamed, topicsNamed } from "../events/topic-names.ts";
import { deadLettersTopic } from "../forwarder/kept-topics.ts";
import { retentionsMs } from "../kafka/retention.ts";
import { type KafkaSettings, kafkaSettingsOf } from "../kafka/settings.ts";
import { type PartitionRange, topicRanges } from "../kafka/topic-ranges.ts";
import { readTopics } from "../kafka/topic-reader.ts";
import { Ledger } from "../ledger/ledger.ts";
import { isWhole, type LedgerReport } from "../ledger/report.ts";
import { createLog } from "../log.ts";
import { endingBySignal } from "./ending.ts";
import { ProgressBar } from "./progress-bar.ts";
import { printable, printableJson } from "./screen-text.ts";
import { placed } from "./tail-kafka.ts";
import { sessionsTable } from "./verify-sessions.ts";
import { verifyTable } from "./verify-table.ts";
import { verdictLines } from "./verify-verdict.ts";

export interface VerifyOptions {
  readonly config?: string;
  readonly instance?: string;
  readonly epoch?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** By how much the clocks of this machine, of the bridges and of the brokers may differ. */
const clocksMs = 60 * 60_000;

/** @throws SluiceError config_invalid without kafka.brokers, or when a filter leaves nothing; kafka_… */
export async function verify(options: VerifyOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const { kafka } = settings;
  if (kafka.brokers.length === 0) {
    throw new SluiceError("config_invalid", "verify needs kafka.brokers (SLUICE_KAFKA_BROKERS)");
  }
  const bar = new ProgressBar(process.stderr, systemClock);
  const withoutVerdict = (): void => {
    bar.end();
    say("ended before all was read: no verdict");
  };
  const ending = endingBySignal(systemClock, withoutVerdict);
  try {
    const report = await read(settings, systemClock, bar, ending.signal);
    if (ending.signal.aborted) {
      withoutVerdict();
      return ending.tell();
    }
    bar.end();
    const chosen = chosenOf(report, options);
    show(chosen, options, kafka);
    if (!chosen.ok) process.exitCode = 1;
  } catch (thrown) {
    bar.end();
    throw placed(thrown, kafka.brokers);
  }
}

/** Of an aborted reading the report is of no use. */
async function read(
  { kafka, log: logSettings }: Settings,
  clock: Clock,
  bar: ProgressBar,
  signal: AbortSignal,
): Promise<LedgerReport> {
  const settings = kafkaSettingsOf(kafka);
  const log = createLog(logSettings);
  // The bridge's own topic first: what stands on it says of the others only what they had before.
  const others = [...streamNames.filter((name) => name !== "bridge"), deadLettersTopic];
  const topics = topicsNamed(kafka, ["bridge", ...others]);
  const letters = topicNamed(kafka, deadLettersTopic);
  const expiredBeforeMs = await expiryOf(topics, settings, clock, log);
  const ledger = new Ledger({ topics, deadLettersTopic: letters, expiredBeforeMs });
  await readTopics(
    {
      topics,
      last: Number.MAX_SAFE_INTEGER,
      signal,
      follow: false,
      onStart: (ranges) => {
        tellAbsent(topics, ranges);
        bar.begin(ranges.reduce((sum, { low, high }) => sum + Number(high - low), 0));
      },
      onRecord: (value, topic, partition) => {
        ledger.add({ topic, partition, value });
        bar.step();
      },
      onCaughtUp: () => {},
    },
    settings,
    clock,
    log,
  );
  if (!signal.aborted) ledger.moved(await topicRanges(topics, settings, clock, log));
  return ledger.report();
}

async function expiryOf(
  topics: readonly string[],
  settings: KafkaSettings,
  clock: Clock,
  log: ReturnType<typeof createLog>,
): Promise<(topic: string) => number> {
  const retentions = await retentionsMs(topics, settings, clock, log);
  const nowMs = clock.now();
  return (topic) => {
    const retentionMs = retentions.get(topic) ?? 0;
    return retentionMs === 0 ? Number.POSITIVE_INFINITY : nowMs - retentionMs + clocksMs;
  };
}

function tellAbsent(topics: readonly string[], ranges: readonly PartitionRange[]): void {
  const there = new Set(ranges.map(({ topic }) => topic));
  const absent = topics.filter((topic) => !there.has(topic));
  if (absent.length > 0) say(`these topics do not exist: ${absent.join(", ")}`);
}

/** The part that is asked for; judged by itself. */
function chosenOf(report: LedgerReport, { instance = "", epoch = "" }: VerifyOptions): LedgerReport {
  if (instance === "" && epoch === "") return report;
  const isMeant = (one: { readonly instance: string; readonly epoch: string }): boolean =>
    one.instance.startsWith(instance) && one.epoch.startsWith(epoch);
  const streams = report.streams.filter(isMeant);
  if (streams.length === 0) {
    const known = [...new Set(report.streams.map((one) => one.instance))].map(printable);
    throw new SluiceError(
      "config_invalid",
      `no event is of ${[instance && `instance ${instance}`, epoch && `epoch ${epoch}`].filter(Boolean).join(" and ")}` +
        `; the topics know the instances ${known.join(", ") || "(none)"}`,
    );
  }
  // Sessions go on from epoch to epoch: they are counted over all, and what is found is of the epoch that shows it.
  const sessions = report.sessions
    .filter((one) => streams.some((stream) => stream.instance === one.instance))
    .map((one) => ({ ...one, findings: one.findings.filter((found) => found.epoch.startsWith(epoch)) }));
  const gaps = report.gaps.filter(isMeant);
  const leftOut = report.leftOut.filter(isMeant);
  return { ...report, streams, gaps, leftOut, sessions, ok: isWhole({ streams, sessions }) };
}

function show(report: LedgerReport, options: VerifyOptions, names: TopicNames): void {
  if (options.json) {
    const json = JSON.stringify(report, null, 2);
    process.stdout.write(
      `${process.stdout.isTTY ? printableJson(json).replaceAll("\\u000a", "\n") : json}\n`,
    );
    return;
  }
  const table = verifyTable(report.streams, options.all ?? false);
  const blocks = [table, sessionsTable(report.sessions), verdictLines(report, names)];
  const lines = blocks
    .filter((block) => block.length > 0)
    .flatMap((block, at) => (at > 0 ? ["", ...block] : block));
  process.stdout.write(`${lines.join("\n")}\n`);
}

function say(notice: string): void {
  process.stderr.write(`sluice: ${notice}\n`);
}
