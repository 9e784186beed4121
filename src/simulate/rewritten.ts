/** The fields that an answer set, as its event tells them, beside those that a rule would set. */
import { isDeepStrictEqual } from "node:util";
import type { Decision } from "../decision.ts";
import type { OpData } from "../events/data.ts";
import { type Redact, redactor } from "../events/redact.ts";
import { isHidden } from "../policy/hidden-token.ts";

export interface Compared {
  /** Names of fields that differ for certain. */
  readonly changed: readonly string[];
  /** Those of which the event hides too much. */
  readonly hidden: readonly string[];
}

const none: Compared = { changed: [], hidden: [] };
/** Events never hold run ids, whatever else they show. */
const shown = redactor("off");
const masking = redactor("mask");

/** @param keyed hides as the events' redaction by hmac does, where it is in use: equal hashes tell equal values */
export function compareRewrites(
  rewrite: OpData["rewrite"],
  set: Decision["set"],
  keyed: Redact | null,
): Compared {
  if (rewrite === null && set === undefined) return none;
  const before = Object.fromEntries(Object.entries(rewrite ?? {}).map(([name, { to }]) => [name, to]));
  const given = set ?? {};
  const [plain, hashed, masked] = [shown(given), keyed?.(given) ?? {}, masking(given)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(plain)])];
  const found = names.map(
    (name) => [name, compared(before[name], plain[name], hashed[name], masked[name])] as const,
  );
  const of = (kind: "changed" | "hidden") => found.flatMap(([name, is]) => (is === kind ? [name] : []));
  return { changed: of("changed"), hidden: of("hidden") };
}

/** Redaction hides no value that is empty, so that what is hidden was none. */
function compared(
  before: unknown,
  plain: unknown,
  hashed: unknown,
  masked: unknown,
): "same" | "changed" | "hidden" {
  if (isHidden(before)) {
    if (plain === undefined || plain === null || plain === "") return "changed";
    return typeof before === "string" && before.startsWith("hmac:") && before === hashed ? "same" : "hidden";
  }
  if (!isFields(before) || !isFields(plain)) {
    if (isDeepStrictEqual(before, plain)) return "same";
    // Of an address only a part is hidden.
    if (typeof before !== "string") return "changed";
    return before === hashed ? "same" : before === masked ? "hidden" : "changed";
  }
  const names = [...new Set([...Object.keys(before), ...Object.keys(plain)])];
  const found = names.map((name) =>
    compared(before[name], plain[name], fieldOf(hashed, name), fieldOf(masked, name)),
  );
  return found.includes("changed") ? "changed" : found.includes("hidden") ? "hidden" : "same";
}

function fieldOf(value: unknown, name: string): unknown {
  return isFields(value) ? value[name] : undefined;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
