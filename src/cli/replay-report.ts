/** What a replay says of itself: a table for people, or one JSON object. */
import type { Plan, PlannedTopic, Span } from "../replay/plan.ts";
import type { Replayed } from "../replay/replay.ts";

/** Whether all that was planned has been confirmed. */
export function isWhole(plan: Plan, { interrupted, topics }: Replayed): boolean {
  return !interrupted && plan.topics.every(({ topic, records }) => topics.get(topic)?.confirmed === records);
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
  const topics = (plan?.topics ?? []).map(({ stream: _, ...topic }) => ({
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
  const rest = plan.records - confirmed - letters;
  const problems = [
    letters > 0 ? `${letters} in the dead letters` : "",
    rest > 0 && replayed.interrupted ? `${rest} not confirmed: interrupted` : "",
    rest > 0 && !replayed.interrupted ? `${rest} let go by the journal while it was read` : "",
  ];
  const text = problems.filter((problem) => problem !== "").join(", ");
  return `NOT ALL: ${confirmed} of ${plan.records} records are confirmed; ${text}.`;
}

function epochRows({ epochs }: PlannedTopic): string[] {
  return epochs.map(({ epoch, numbers, notKept }) => {
    const kept = numbers === null ? "none" : spanText(numbers);
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

/** A row of one cell stands by itself. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.filter(({ length }) => length > 1);
  const widths = cells[0]!.map((_, at) => Math.max(...cells.map((row) => row[at]!.length)));
  return rows.map((row) => {
    if (row.length === 1) return row[0]!;
    const [name, ...numbers] = row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!),
    );
    return [name, ...numbers].join("  ");
  });
}

function textOf(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
