/** What a replay says of itself: a table for people, or one JSON object. */
import type { Span } from "../ledger/span.ts";
import type { Plan, PlannedTopic } from "../replay/plan.ts";
import type { Replayed } from "../replay/replay.ts";
import { aligned } from "./aligned.ts";

/**
 * Whether all that was planned has been confirmed, and is on its topic still. A count alone does not say so: of what a
 * topic confirmed before it was deleted nothing is left. Where the journal let go of something it may be no record of
 * these topics; that cannot be known any more.
 */
export function isWhole(plan: Plan, { interrupted, gone, topics }: Replayed): boolean {
  if (interrupted || gone.length > 0) return false;
  return plan.topics.every(({ topic, records }) => {
    const { confirmed, deadLetters, wentAway } = topics.get(topic)!;
    return deadLetters === 0 && !wentAway && confirmed === records;
  });
}

/** For a plan without records. */
export function nothingText(plan: Plan, epoch: string | null): string {
  if (plan.keptFrom === null) return "the journal keeps nothing any more of what was forwarded";
  const asked = epoch === null ? "such records" : `such records of epoch ${epoch}`;
  return [`the journal keeps no ${asked} that were forwarded`, ...leftOut(plan)].join("\n  ");
}

export function planText(plan: Plan): string {
  const rows = plan.topics.flatMap((topic) => [
    [topic.topic, String(topic.records), String(topic.bytes)],
    ...epochRows(topic).map((text) => [text]),
  ]);
  const lines = [["TOPIC", "RECORDS", "BYTES"], ...rows];
  return textOf([...aligned(lines), "Nothing was sent (--dry-run).", ...leftOut(plan)]);
}

export function replayText(plan: Plan, replayed: Replayed): string {
  const rows = plan.topics.flatMap((topic) => {
    const { sent, confirmed, deadLetters } = replayed.topics.get(topic.topic)!;
    return [
      [topic.topic, ...[topic.records, sent, confirmed, deadLetters].map(String)],
      ...epochRows(topic).map((text) => [text]),
    ];
  });
  const lines = [["TOPIC", "RECORDS", "SENT", "CONFIRMED", "DEAD LETTERS"], ...rows];
  return textOf([...aligned(lines), verdict(plan, replayed), ...leftOut(plan), ...caveats]);
}

/** @param nothing why there is no plan */
export function replayJson(plan: Plan | null, replayed: Replayed | null, nothing: string | null): string {
  const topics = (plan?.topics ?? []).map(({ name: _, isProjection: __, ...topic }) => ({
    ...topic,
    ...replayed?.topics.get(topic.topic),
  }));
  return JSON.stringify({
    from: "journal",
    dryRun: plan !== null && replayed === null,
    ...(nothing !== null && { nothing }),
    ...(replayed !== null && {
      interrupted: replayed.interrupted,
      complete: plan !== null && isWhole(plan, replayed),
      goneJournalseq: replayed.gone,
    }),
    records: plan?.records ?? 0,
    bytes: plan?.bytes ?? 0,
    keptFromJournalseq: plan?.keptFrom ?? null,
    damagedJournalseq: plan?.damaged ?? [],
    topics,
  });
}

const caveats = [
  "Consumers collapse what is repeated by its id. Order for a key is that of first appearances: what a running",
  "bridge has sent meanwhile stands before what was sent again.",
];

function verdict(plan: Plan, replayed: Replayed): string {
  if (isWhole(plan, replayed)) return `All ${plan.records} records are confirmed.`;
  let [confirmed, letters] = [0, 0];
  for (const topic of replayed.topics.values()) {
    confirmed += topic.confirmed;
    letters += topic.deadLetters;
  }
  const away = [...replayed.topics].filter(([, { wentAway }]) => wentAway).map(([topic]) => topic);
  const problems = [`${confirmed} of ${plan.records} records are confirmed`];
  if (letters > 0) problems.push(`${letters} in the dead letters`);
  if (replayed.interrupted) problems.push("interrupted before the rest was confirmed");
  if (replayed.gone.length > 0) {
    problems.push(
      `journalseq ${replayed.gone.map(spanText).join(", ")} let go by the journal while it was read`,
    );
  }
  if (away.length > 0) {
    problems.push(`${away.join(", ")} went away meanwhile with what had been confirmed before: run it again`);
  }
  const certain = confirmed < plan.records ? "NOT ALL" : "PERHAPS NOT ALL";
  return `${certain}: ${problems.join("; ")}.`;
}

function epochRows({ isProjection, epochs }: PlannedTopic): string[] {
  return epochs.map(({ epoch, numbers, notKept }) => {
    const kept = numbers === null ? "none" : `${isProjection ? "journalseq " : ""}${spanText(numbers)}`;
    const gone = notKept === null ? "" : `; ${spanText(notKept)} are no longer kept (journal.keepMs)`;
    return `  epoch ${epoch === "" ? "unknown" : epoch}: ${kept}${gone}`;
  });
}

function leftOut({ keptFrom, damaged }: Plan): string[] {
  const lines = damaged.map(
    (span) => `journalseq ${spanText(span)} cannot be read from the journal any more and is left out.`,
  );
  if (keptFrom !== null && keptFrom > 1) {
    lines.unshift(
      `The journal keeps records from journalseq ${keptFrom} on (journal.keepMs, journal.maxBytes): ` +
        "what stood before cannot be sent again.",
    );
  }
  lines.push("What Kafka has not confirmed yet is left to the bridge, which sends it by itself.");
  return lines;
}

function spanText({ first, last }: Span): string {
  return first === last ? String(first) : `${first} to ${last}`;
}

function textOf(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
