/**
 * Numbers that an instance has said nobody will see: named by `bridge.gap`, or by a dead letter that stands for them.
 *
 * A gap names topics and numbers as far as it could place what was lost. What it could not place, it gives as a span
 * of journalseq and a count. A hole is then taken for announced if it may lie in that span, judged by seen numbers
 * around it, and only for as many numbers as the gap has left. So no loss beyond what was announced passes; but which
 * of several holes in that span was the announced one cannot be told, nor one hole's numbers from another's.
 *
 * A span without an end ends before the event that tells of it, and one without a count has room for no more numbers
 * than it is long.
 */
import type { Absence } from "./absences.ts";
import {
  type Buried,
  type Counted,
  countIn,
  dataOf,
  type OpenSpan,
  openSpanIn,
  openSpansIn,
} from "./event.ts";
import { type Span, sizeOf } from "./span.ts";

/** A `bridge.gap`. */
export interface Gap {
  readonly instance: string;
  /** Empty when it could not be told either. */
  readonly epoch: string;
  readonly cause: string;
  readonly journalseq: OpenSpan;
  readonly topics: Readonly<Record<string, OpenSpan>>;
  readonly count: number | null;
}

interface Told {
  readonly gap: Gap;
  /** journalseq of the event that told it first: what it tells of was lost before. */
  readonly at: number;
}

export interface Cause {
  readonly cause: string;
}

export class Announcements {
  /** By what they say: one may be told again after a restart. */
  readonly #gaps = new Map<string, Told>();
  /** By instance, epoch and topic. */
  readonly #buried = new Map<string, Set<number>>();

  get gaps(): Gap[] {
    return [...this.#gaps.values()].map(({ gap }) => gap);
  }

  /** null when it says nothing that can be understood. */
  add({ instance, journalseq: at }: Counted, value: string): Gap | null {
    const { epoch, cause, journalseq: named, topics, count } = dataOf(value);
    const journalseq = openSpanIn(named);
    if (typeof epoch !== "string" || typeof cause !== "string" || journalseq === null) return null;
    const spans = Object.fromEntries(openSpansIn(topics));
    const gap = { instance, epoch, cause, journalseq, topics: spans, count: countIn(count) };
    const name = JSON.stringify([instance, epoch, cause, journalseq]);
    this.#gaps.set(name, { gap, at: Math.min(at, this.#gaps.get(name)?.at ?? at) });
    return gap;
  }

  bury({ instance, epoch, topic, sequence }: Buried): void {
    const name = nameOf(instance, epoch, topic);
    const numbers = this.#buried.get(name) ?? new Set();
    numbers.add(sequence);
    this.#buried.set(name, numbers);
  }

  /** Numbers that are named, in the order of their firsts and none twice. */
  placed(instance: string, epoch: string, topic: string): (Span & Cause)[] {
    const named: (Span & Cause)[] = [];
    for (const { gap } of this.#gaps.values()) {
      const span = gap.topics[topic];
      if (gap.instance !== instance || gap.epoch !== epoch || span === undefined) continue;
      named.push({ first: span.first, last: span.last ?? Number.POSITIVE_INFINITY, cause: gap.cause });
    }
    for (const number of this.#buried.get(nameOf(instance, epoch, topic)) ?? []) {
      named.push({ first: number, last: number, cause: "dead_letter" });
    }
    return apart(named);
  }

  /** What gaps name, of a topic or of none. What had reached Kafka before the journal lost it is told too. */
  absences(instance: string, topic: string): Absence[] {
    return [...this.#gaps.values()].flatMap(({ gap, at }) => {
      if (gap.instance !== instance) return [];
      const { first, last } = gap.journalseq;
      const span = { first, last: last ?? at - 1 };
      const named = gap.topics[topic];
      const placed =
        named === undefined ? 0 : sizeOf({ ...named, last: named.last ?? Number.POSITIVE_INFINITY });
      const count = Math.min(sizeOf(span), placed + unplacedIn(gap, span));
      return count === 0 ? [] : [{ after: span.first - 1, before: span.last + 1, count }];
    });
  }

  /** What gaps could not place. To be made anew for each report: it is used up. */
  unplaced(): Unplaced {
    return new Unplaced([...this.#gaps.values()]);
  }
}

/** In order, each beginning behind the one before. */
function apart(spans: readonly (Span & Cause)[]): (Span & Cause)[] {
  const sorted = spans.toSorted((a, b) => a.first - b.first);
  const kept: (Span & Cause)[] = [];
  let end = 0;
  for (const { first, last, cause } of sorted) {
    if (last > end) kept.push({ first: Math.max(first, end + 1), last, cause });
    end = Math.max(end, last);
  }
  return kept;
}

/** Announced numbers that belong to no topic yet. */
export class Unplaced {
  readonly #gaps: { readonly gap: Gap; readonly span: Span; left: number }[];

  constructor(told: readonly Told[]) {
    this.#gaps = told
      .map(({ gap, at }) => {
        const { first, last } = gap.journalseq;
        const span = { first, last: last ?? at - 1 };
        return { gap, span, left: unplacedIn(gap, span) };
      })
      .filter(({ left }) => left > 0);
  }

  /**
   * How many numbers of a hole are announced, and by what.
   * @param between two journalseqs, the hole's own lie between them
   */
  take(
    instance: string,
    epoch: string,
    numbers: number,
    between: readonly [below: number, above: number],
  ): (Cause & { readonly count: number }) | null {
    for (const one of this.#gaps) {
      const { gap, span, left } = one;
      if (left === 0 || gap.instance !== instance || (gap.epoch !== epoch && gap.epoch !== "")) continue;
      if (span.first >= between[1] || span.last <= between[0]) continue;
      const count = Math.min(left, numbers);
      one.left -= count;
      return { cause: gap.cause, count };
    }
    return null;
  }
}

/** @param span in journalseq, which no two numbers share */
function unplacedIn({ topics, count }: Gap, span: Span): number {
  const spans = Object.values(topics);
  if (count === null) return spans.length === 0 ? sizeOf(span) : 0;
  const placed = spans.reduce(
    (sum, { first, last }) => sum + (last === null ? Number.POSITIVE_INFINITY : sizeOf({ first, last })),
    0,
  );
  return Math.max(0, count - placed);
}

function nameOf(instance: string, epoch: string, topic: string): string {
  return `${instance}\n${epoch}\n${topic}`;
}
