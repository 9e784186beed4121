/** Numbers in a row, and lists of them. */

/** Both ends belong to it. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export function sizeOf({ first, last }: Span): number {
  return Math.max(0, last - first + 1);
}

/** What of a span lies at or below a number, and what above it. */
export function cutAt({ first, last }: Span, number: number): [below: Span, above: Span] {
  return [
    { first, last: Math.min(last, number) },
    { first: Math.max(first, number + 1), last },
  ];
}

/**
 * What of a span lies in none of these, which stand in the order of their first numbers.
 * @param onInside told of each part that does
 */
export function without<S extends Span>(
  span: Span,
  others: readonly S[],
  onInside: (part: Span, other: S) => void,
): Span[] {
  const left: Span[] = [];
  let next = span.first;
  for (const other of others) {
    if (other.first > span.last) break;
    if (other.last < next) continue;
    if (other.first > next) left.push({ first: next, last: other.first - 1 });
    const part = { first: Math.max(next, other.first), last: Math.min(span.last, other.last) };
    onInside(part, other);
    next = part.last + 1;
    if (next > span.last) break;
  }
  if (next <= span.last) left.push({ first: next, last: span.last });
  return left;
}

/** Where every second number is missing nobody reads the millionth span; the count stays exact. */
const listedSpans = 1_000;

/** Spans as they are found, those that touch as one. */
export class SpanList<Note extends object = object> {
  readonly spans: (Span & Note)[] = [];
  /** Numbers in all of them, listed or not. */
  count = 0;

  add(span: Span, note: Note): void {
    const size = sizeOf(span);
    if (size === 0) return;
    this.count += size;
    const before = this.spans.at(-1);
    if (before && before.last === span.first - 1 && sameNote(before, note)) {
      this.spans[this.spans.length - 1] = { ...before, last: span.last };
    } else if (this.spans.length < listedSpans) {
      this.spans.push({ first: span.first, last: span.last, ...note });
    }
  }
}

function sameNote(span: object, note: object): boolean {
  return Object.entries(note).every(([name, value]) => (span as Record<string, unknown>)[name] === value);
}
