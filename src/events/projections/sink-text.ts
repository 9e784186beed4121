/** Text that every sink can store. PostgreSQL takes no NUL, and what is not well-formed Unicode is no UTF-8. */

const replacement = "\uFFFD";

/** NUL characters and lone surrogates become U+FFFD. */
export function sinkText(text: string): string {
  const formed = text.toWellFormed();
  return formed.includes("\0") ? formed.replaceAll("\0", replacement) : formed;
}

/** A value of any depth with sinkText() in place of each text, names of fields included; without what is undefined. */
export function forSinks<T>(value: T): T {
  return cleaned(value) as T;
}

function cleaned(value: unknown): unknown {
  if (typeof value === "string") return sinkText(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, held]) => held !== undefined);
  return Object.fromEntries(fields.map(([name, held]) => [sinkText(name), cleaned(held)]));
}
