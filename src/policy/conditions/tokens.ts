/** `tokens`: SHA-256 of tokens that a client brings in its metas. Several at once, so that they can be rotated. */
import { hash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import type { Op } from "../../op.ts";
import type { Facts } from "../facts.ts";
import { listOf } from "../written.ts";
import type { Answered, Condition } from "./condition.ts";

const prefix = "sha256:";
const shownDigits = 8;
const digestBytes = 32;
export const noToken = "no token";

const form = "sha256:<64 hex digits>";
const digest = z
  .string({ error: `must each be ${form}` })
  .regex(/^sha256:[0-9a-f]{64}$/i, `must each be ${form}`);

export const tokensSchema = listOf(digest, form, 64);

/**
 * Asked at every frp op that can be refused: frps sends the metas along with each of them. Every hash is compared, each in
 * the same time, whichever matches.
 */
export function oneOfTokens(hashes: z.infer<typeof tokensSchema>): Condition {
  return new OneOfTokens(hashes);
}

/** A class, as a million users may have tokens of their own, and a closure for each takes more. */
class OneOfTokens implements Condition {
  readonly name = "tokens";
  readonly code = "token_rejected";
  readonly reason = "token missing or wrong";
  /** Their bytes, one after the other, as text with a character for each: a third of what Buffers take. */
  readonly #known: string;

  constructor(hashes: readonly string[]) {
    const digits = hashes.map((text) => text.slice(prefix.length)).join("");
    this.#known = Buffer.from(digits, "hex").toString("latin1");
  }

  ask(op: Op, { tokenMeta, recorded }: Facts): Answered {
    if (op.protocol !== "frp") return { result: "skip" };
    const known = Buffer.from(this.#known, "latin1");
    if (recorded?.hiddenToken !== undefined) return shownBefore(recorded.hiddenToken, known);
    const token = op.metas?.[tokenMeta];
    if (typeof token !== "string" || token === "") return { result: "fail", seen: noToken };
    const digest = hash("sha256", token, "buffer");
    let matches = false;
    for (const one of digestsIn(known)) matches = timingSafeEqual(one, digest) || matches;
    return { result: matches ? "pass" : "fail", seen: shownDigest(prefix + digest.toString("hex")) };
  }
}

function digestsIn(known: Buffer): Buffer[] {
  return Array.from({ length: known.length / digestBytes }, (_, at) =>
    known.subarray(at * digestBytes, (at + 1) * digestBytes),
  );
}

/**
 * By what a check showed of a token that is hidden now. The digits shown stand for the whole hash: one in four thousand
 * million of other tokens would be taken for a listed one.
 */
function shownBefore(shown: string | null, known: Buffer): Answered {
  if (shown === null) return { result: "unknown", seen: "hidden in the event" };
  const matches = digestsIn(known).some((digest) => shownDigest(prefix + digest.toString("hex")) === shown);
  return { result: matches ? "pass" : "fail", seen: shown };
}

/** Of a token only this much of its hash, `sha256:` and 64 digits, is ever shown. */
export function shownDigest(digest: string): string {
  return digest.slice(0, prefix.length + shownDigits).toLowerCase();
}
