/**
 * A look over one whole segment: where its good part ends, what is damaged within it, how far numbering came.
 *
 * Two things can stand behind the last line that checks out. What a crash leaves, an unfinished line or zeros, was
 * never durable and is nobody's loss. Anything else is damage, also where it may have been a crash after all: a
 * loss that is named and was none does less harm than one that is not named.
 */

import type { OpenFile } from "./files.ts";
import type { Loss } from "./journal.ts";
import { declaredBytes, journalseqOf, parseLine } from "./line.ts";
import { SegmentScan, type Span } from "./scan.ts";
import { headerStream, parseHeader, type SegmentHeader, type SegmentName } from "./segment.ts";

/** Bytes that are no record any more, and what was lost by it. */
export interface Damage extends Span {
  /** Path of the segment. */
  readonly segment: string;
  readonly loss: Loss;
}

export interface Survey {
  /** null when the first line is damaged. */
  readonly header: SegmentHeader | null;
  readonly records: number;
  /** The last journalseq that stands in it, or that stood before it. */
  readonly last: number;
  /** Per topic the last sequence of its epoch that stands in it or stood before it. */
  readonly sequences: Readonly<Record<string, number>>;
  /** Behind the last line that checks out. */
  readonly end: number;
  readonly tail: "none" | "torn" | "damaged";
  /** Every damage that lost numbers, that of the tail last. */
  readonly damages: readonly Damage[];
}

/**
 * @param after the header of the segment that follows, where there is one: it says which numbers must be here
 * @throws SluiceError journal_damaged when the segment is of an unknown format
 */
export async function survey(
  file: OpenFile,
  name: SegmentName,
  after: SegmentHeader | null,
): Promise<Survey> {
  const scan = new SegmentScan(file);
  const damages: Damage[] = [];
  let header: SegmentHeader | null = null;
  let sequences: Record<string, number> = {};
  let last = name.first - 1;
  let records = 0;
  let end = 0;

  const damaged = (span: Span, lastLost: number): void => {
    if (lastLost <= last) return;
    const journalseq = { first: last + 1, last: lastLost };
    const loss: Loss = {
      epoch: header?.epoch ?? "",
      cause: "journal_damaged",
      journalseq,
      topics: {},
      count: lastLost - last,
    };
    damages.push({ segment: name.path, ...span, loss });
  };
  const reached = (topic: string, sequence: number): void => {
    const before = sequences[topic] ?? 0;
    const hit = damages.at(-1);
    if (hit && sequence > before + 1 && header) {
      (hit.loss.topics as Record<string, Range>)[topic] = { first: before + 1, last: sequence - 1 };
    }
    sequences[topic] = Math.max(before, sequence);
  };

  do {
    while (scan.take()) {
      const line = parseLine(scan.bytes, scan.start, scan.end);
      if (line.stream === headerStream) {
        header = parseHeader(line.event, name.path);
        sequences = { ...header.sequences };
      } else {
        if (scan.garbage) damaged(scan.garbage, line.journalseq - 1);
        reached(header?.topics[line.stream] ?? line.stream, line.sequence);
        last = Math.max(last, line.journalseq);
        records++;
      }
      end = scan.offset + scan.end - scan.start;
    }
  } while (await scan.more());

  const rest = scan.rest();
  const torn = rest.lines === 0 && !isWhole(rest.unfinished);
  const tail = rest.span.bytes === 0 ? "none" : torn ? "torn" : "damaged";
  if (after) {
    damaged(rest.span, after.previous);
    if (after.epoch === header?.epoch) {
      for (const [topic, sequence] of Object.entries(after.sequences)) reached(topic, sequence + 1);
      sequences = { ...after.sequences };
    }
  } else if (tail === "damaged") {
    const lines =
      rest.lines + (rest.unfinished.length > 0 ? 1 : 0) - (header === null && records === 0 ? 1 : 0);
    damaged(rest.span, Math.max(last + lines, lastNumberIn(rest.unfinished, last)));
  }
  return { header, records, last, sequences, end, tail, damages };
}

type Range = Loss["topics"][string];

/** An unfinished line that is as long as it says lacks nothing but a good newline. */
function isWhole(unfinished: Buffer): boolean {
  return declaredBytes(unfinished, 0) === unfinished.length;
}

function lastNumberIn(unfinished: Buffer, last: number): number {
  const number = journalseqOf(unfinished, 0);
  return number > last && number <= last + 1000 ? number : 0;
}
