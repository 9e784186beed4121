/** The ledger's report in sentences: each loss that nobody was told of, and what it all comes to. */
import { streamNames } from "../events/streams.ts";
import { type TopicNames, topicNamed, topicsText } from "../events/topic-names.ts";
import { leftOutByType } from "../ledger/left-out.ts";
import type { LedgerReport, StreamReport } from "../ledger/report.ts";
import { sizeOf } from "../ledger/span.ts";
import { grouped } from "./progress-bar.ts";
import { printable } from "./screen-text.ts";
import { sessionLines, wrongOf } from "./verify-sessions.ts";

const mostLines = 50;

export function verdictLines(report: LedgerReport, topicNames: TopicNames): string[] {
  if (report.streams.length === 0) {
    return [
      `there are no events on the topics ${topicsText(topicNames)}: nothing to judge`,
      ...foreignLines(report),
    ];
  }
  const problems = [
    ...report.streams.flatMap(lossLines),
    ...report.streams.filter(({ reused }) => reused > 0).map(reuseLine),
    ...sessionLines(report.sessions),
  ];
  const more = problems.length - mostLines;
  return [
    ...problems.slice(0, mostLines),
    ...(more > 0 ? [`… and ${more} more like these; --json lists them`] : []),
    ...foreignLines(report),
    ...leftOutLines(report),
    ...remedyLines(report, topicNames),
    summaryLine(report),
  ];
}

function remedyLines({ streams }: LedgerReport, topicNames: TopicNames): string[] {
  const topics = new Set(streams.filter(({ counts }) => counts.unannounced > 0).map(({ topic }) => topic));
  if (topics.size === 0) return [];
  // All streams that share a topic: which of them a number is of that is not there, nobody knows.
  const names = streamNames.filter((stream) => topics.has(topicNamed(topicNames, stream))).join(" ");
  return [
    `\`sluice replay --from journal --topic ${names}\` on the bridge's machine sends again what its journal still keeps.`,
  ];
}

function lossLines(stream: StreamReport): string[] {
  const where = placeOf(stream);
  const lines = stream.unannounced.map((span) => {
    const { first, last, after, before } = span;
    const size = sizeOf(span);
    const numbers = size === 1 ? `number ${first} is` : `numbers ${first} to ${last} (${grouped(size)}) are`;
    return `MISSING: ${numbers} not there, and nothing announces it: ${where}; ${timesText(after, before)}`;
  });
  const listed = stream.unannounced.reduce((sum, span) => sum + sizeOf(span), 0);
  const rest = stream.counts.unannounced - listed;
  return rest === 0 ? lines : [...lines, `MISSING: ${grouped(rest)} more numbers: ${where}`];
}

function reuseLine(stream: StreamReport): string {
  const { reused, reusedNumbers } = stream;
  const shown = [...new Set(reusedNumbers)].join(", ");
  const records = reused === 1 ? "1 record has" : `${grouped(reused)} records have`;
  return `REUSED: ${records} a number that another event has (${shown}${reused > reusedNumbers.length ? ", …" : ""}): ${placeOf(stream)}`;
}

function placeOf({ topic, epoch, instance }: StreamReport): string {
  return `topic ${printable(topic)}, epoch ${printable(epoch)}, instance ${printable(instance)}`;
}

function timesText(after: string | null, before: string | null): string {
  if (after !== null && before !== null) return `between ${after} and ${before}`;
  if (after !== null) return `after ${after}`;
  return before !== null ? `before ${before}` : "when is not known";
}

function foreignLines({ foreign }: LedgerReport): string[] {
  if (foreign === 0) return [];
  return [`${counted(foreign, "record is no event", "records are no events")} of Sluice: passed over`];
}

/** They have no numbers: nothing is missing for them. */
function leftOutLines({ leftOut }: LedgerReport): string[] {
  const types = [...leftOutByType(leftOut)];
  if (types.length === 0) return [];
  const told = types.map(([type, count]) => `${grouped(count)} ${printable(type)}`).join(", ");
  return [`LEFT OUT by events.publish, so far as bridge.progress and bridge.stopped tell: ${told}`];
}

function summaryLine({ ok, streams, sessions }: LedgerReport): string {
  const sum = (of: (stream: StreamReport) => number): number =>
    streams.reduce((total, stream) => total + of(stream), 0);
  const [unannounced, reused] = [sum(({ counts }) => counts.unannounced), sum((stream) => stream.reused)];
  const remarks = [
    [sum(({ counts }) => counts.announced), "announced as lost"],
    [sum(({ counts }) => counts.expired), "expired"],
    [sum(({ repeated }) => repeated), "repeated (collapse them by id)"],
    [sum(({ lag }) => lag), "not yet covered by bridge.progress"],
    [sum(({ disordered }) => disordered), "behind a later one in their partition"],
  ] as const;
  const told = remarks.filter(([count]) => count > 0).map(([count, text]) => `${grouped(count)} ${text}`);
  const epochs = new Set(streams.map(({ instance, epoch }) => `${instance} ${epoch}`)).size;
  const instances = new Set(streams.map(({ instance }) => instance)).size;
  const seen =
    `${counted(
      sum(({ distinct }) => distinct),
      "event",
      "events",
    )} of ${counted(epochs, "epoch", "epochs")}` + ` of ${counted(instances, "instance", "instances")}`;
  const pending = sum((stream) => stream.pending);
  const wrong = wrongOf(sessions);
  const found = [
    ok ? "no number is missing unannounced" : "",
    unannounced > 0 ? `${counted(unannounced, "number is", "numbers are")} missing unannounced` : "",
    reused > 0 ? `${counted(reused, "number was", "numbers were")} used twice` : "",
    wrong > 0 ? `${counted(wrong, "fault", "faults")} in sessions that nothing explains` : "",
    pending > 0 ? `${counted(pending, "is", "are")} not there and not confirmed yet` : "",
  ].filter((text) => text !== "");
  // What is not confirmed may still be lost.
  const whole = pending > 0 ? "WHOLE SO FAR" : "WHOLE";
  const verdict = `${ok ? whole : "NOT WHOLE"}: ${found.join(", ")}`;
  return `${verdict}; ${[seen, ...told].join(", ")}`;
}

function counted(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
