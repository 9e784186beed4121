/** What is still known of a token that an event hides. */
import { noToken } from "./conditions/tokens.ts";
import type { Recorded } from "./facts.ts";

/** What redaction puts in a secret's place is never taken for one: whoever brings such a token is told as hidden. */
export function isHidden(value: unknown): boolean {
  return typeof value === "string" && (value === "***" || value.startsWith("hmac:"));
}

/**
 * @param metas as the event has them
 * @param checks of its decision
 */
export function hiddenTokenIn(
  metas: Readonly<Record<string, unknown>> | null,
  tokenMeta: string,
  checks: readonly { readonly condition: string; readonly seen?: string | undefined }[],
): Recorded["hiddenToken"] {
  if (!isHidden(metas?.[tokenMeta])) return undefined;
  const check = checks.find(
    ({ condition, seen }) =>
      condition === "tokens" && (seen === noToken || /^sha256:[0-9a-f]{8}$/.test(seen ?? "")),
  );
  return check?.seen ?? null;
}
