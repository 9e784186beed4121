/**
 * What was lost and has not been announced for good.
 *
 *   drop() ──▶ run: numbers in a row ──closeRun()──▶ pending ──announced()──▶ gone
 *
 * Guarantee: a loss stays pending until its announcement is itself durable. Where there are too many to keep, two
 * become one that covers both: more is named than was lost, never less.
 */
import type { Loss } from "./journal.ts";
import { type TopicCount, TopicSpans } from "./numbering.ts";

const pendingLimit = 32;

export class Losses {
  /** Records lost, as far as they can be counted. */
  records = 0;
  #pending: Loss[];
  #run: { cause: Loss["cause"]; first: number; last: number; spans: TopicSpans; count: number } | null = null;
  readonly #epoch: string;

  constructor(epoch: string, found: readonly Loss[]) {
    this.#epoch = epoch;
    this.#pending = [...found];
    for (const { count } of found) this.records += count ?? 0;
  }

  get pending(): readonly Loss[] {
    return this.#pending;
  }

  /** Counts a record that took its numbers and will never be written. */
  drop(cause: Loss["cause"], journalseq: number, count: TopicCount, sequence: number): void {
    if (this.#run && this.#run.last !== journalseq - 1) this.closeRun();
    this.#run ??= { cause, first: journalseq, last: journalseq, spans: new TopicSpans(), count: 0 };
    this.#run.last = journalseq;
    this.#run.count++;
    this.#run.spans.add(count, sequence);
    this.records++;
  }

  /** What was dropped so far is one loss. */
  closeRun(): void {
    if (!this.#run) return;
    const { cause, first, last, spans, count } = this.#run;
    this.#run = null;
    this.#pending.push({
      epoch: this.#epoch,
      cause,
      journalseq: { first, last },
      topics: spans.toLoss(),
      count,
    });
    if (this.#pending.length > pendingLimit) this.#pending = mergeOnce(this.#pending) ?? this.#pending;
  }

  announced(loss: Loss): void {
    this.#pending = this.#pending.filter((other) => other !== loss);
  }
}

/** Makes the last two losses of one epoch one; null when no two are of the same epoch. */
export function mergeOnce(losses: readonly Loss[]): Loss[] | null {
  const at = losses.findLastIndex((loss, i) => i > 0 && loss.epoch === losses[i - 1]!.epoch);
  if (at < 0) return null;
  return [...losses.slice(0, at - 1), merged(losses[at - 1]!, losses[at]!), ...losses.slice(at + 1)];
}

function merged(a: Loss, b: Loss): Loss {
  const topics: Record<string, Span> = { ...a.topics };
  for (const [topic, span] of Object.entries(b.topics)) {
    const other = topics[topic];
    topics[topic] = other ? covering(other, span) : span;
  }
  const count = a.count === null || b.count === null ? null : a.count + b.count;
  return { epoch: a.epoch, cause: a.cause, journalseq: covering(a.journalseq, b.journalseq), topics, count };
}

type Span = Loss["journalseq"];

function covering(a: Span, b: Span): Span {
  const last = a.last === null || b.last === null ? null : Math.max(a.last, b.last);
  return { first: Math.min(a.first, b.first), last };
}
