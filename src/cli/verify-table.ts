/** The ledger's report as a table: in full what has a hole and what is newest, the rest in a row. */
import { isSound, type StreamReport } from "../ledger/report.ts";
import { aligned } from "./aligned.ts";
import { printable } from "./screen-text.ts";

const heads = [
  "TOPIC",
  "FIRST",
  "LAST",
  "RECORDS",
  "MISSING",
  "REPEATED",
  "REUSED",
  "ANNOUNCED",
  "UNANNOUNCED",
  "EXPIRED",
  "LAG",
  "PENDING",
];

type Row = readonly string[];

/**
 * @param all also each stream of earlier epochs that is whole
 */
export function verifyTable(streams: readonly StreamReport[], all: boolean): string[] {
  if (streams.length === 0) return [];
  const rows: (Row | string)[] = [heads];
  for (const [instance, own] of Map.groupBy(streams, (stream) => stream.instance)) {
    rows.push(`instance ${printable(instance)}`);
    const epochs = [...Map.groupBy(own, ({ epoch }) => epoch)];
    const shown = epochs.filter(
      ([, each], at) => all || at === epochs.length - 1 || !each.every(isUneventful),
    );
    const folded = epochs.filter((epoch) => !shown.includes(epoch));
    if (folded.length > 0) {
      const hidden = folded.flatMap(([, each]) => each);
      rows.push(
        sumRow(`  ${folded.length} earlier ${folded.length === 1 ? "epoch" : "epochs"}, whole`, hidden),
      );
    }
    for (const [epoch, each] of shown) {
      rows.push(`  epoch ${printable(epoch)}${spanText(each)}`, ...each.map(streamRow));
    }
  }
  return aligned(rows);
}

/** Nothing about it needs to be looked at. */
function isUneventful(stream: StreamReport): boolean {
  return isSound(stream) && stream.missing === 0 && stream.pending === 0;
}

function streamRow(stream: StreamReport): Row {
  const { topic, first, last, counts } = stream;
  return [
    `    ${printable(topic)}`,
    first === 0 ? "-" : String(first),
    String(last),
    ...countsOf([stream]),
    String(counts.announced),
    String(counts.unannounced),
    String(counts.expired),
    String(stream.lag),
    String(stream.pending),
  ];
}

function sumRow(name: string, streams: readonly StreamReport[]): Row {
  return [name, "", "", ...countsOf(streams), "0", "0", "0", String(sumOf(streams, ({ lag }) => lag)), "0"];
}

function countsOf(streams: readonly StreamReport[]): string[] {
  return (["records", "missing", "repeated", "reused"] as const).map((name) =>
    String(sumOf(streams, (stream) => stream[name])),
  );
}

function sumOf(streams: readonly StreamReport[], of: (stream: StreamReport) => number): number {
  return streams.reduce((sum, stream) => sum + of(stream), 0);
}

function spanText(streams: readonly StreamReport[]): string {
  const times = streams
    .flatMap(({ firstTime, lastTime }) => [firstTime, lastTime])
    .filter((time) => time !== null);
  const sorted = times.sort();
  return sorted.length === 0 ? "" : `, ${sorted[0]} to ${sorted.at(-1)}`;
}
