/**
 * JSON that keeps what JavaScript numbers cannot hold: such a number is parsed into a JSON.rawJSON object,
 * which JSON.stringify writes back as it stood in the source.
 */
declare global {
  interface JSON {
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/**
 * Only a number of 16 characters or more, or with a three-digit exponent, can be one that a double does not hold.
 * What must stand before it keeps most run ids, which are hexadecimal, from looking like one.
 */
const mayHoldWideNumber = /[:,[\s]-?\d(?:[\d.]{15}|[\d.]*[eE][+-]?\d{3})/;

/** @throws SyntaxError where JSON.parse does */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // A look at what was parsed takes a tenth of the search in the text.
  return mayBeWide(value, 0) && mayHoldWideNumber.test(text) ? JSON.parse(text, keepWide) : value;
}

const deepest = 64;

/** Whether a number is no integer that a double holds, or what holds it is nested too deep to look. */
function mayBeWide(value: unknown, depth: number): boolean {
  if (typeof value === "number") return !Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return false;
  if (depth > deepest) return true;
  if (Array.isArray(value)) return value.some((item) => mayBeWide(item, depth + 1));
  for (const name in value) {
    if (mayBeWide((value as Record<string, unknown>)[name], depth + 1)) return true;
  }
  return false;
}

/** Every number keeps its source text: for an answer that must give back all it was given. */
export function parseKeepingSource(text: string): unknown {
  return JSON.parse(text, (_key, value, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined ? JSON.rawJSON(context.source) : value,
  );
}

function keepWide(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined) return value;
  return Number.isSafeInteger(value) || sameValue(value, context.source)
    ? value
    : JSON.rawJSON(context.source);
}

/** A fraction is kept as a number if printing it gives its digits back; integers beyond 2^53 never are. */
function sameValue(value: number, source: string): boolean {
  return Number.isFinite(value) && !Number.isInteger(value) && String(value) === source;
}
