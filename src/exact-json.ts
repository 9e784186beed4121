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
  return mayHoldWideNumber.test(text) ? JSON.parse(text, keepWide) : JSON.parse(text);
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
