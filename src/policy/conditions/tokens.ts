/** `tokens`: SHA-256 of tokens that a client brings in its metas. Several at once, so that they can be rotated. */
import { hash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { listOf } from "../written.ts";
import type { Condition } from "./condition.ts";

const prefix = "sha256:";
const shownDigits = 8;

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
  const known = hashes.map((text) => Buffer.from(text.slice(prefix.length), "hex"));
  return {
    name: "tokens",
    code: "token_rejected",
    reason: "token missing or wrong",
    ask(op, { tokenMeta }) {
      if (op.protocol !== "frp") return { result: "skip" };
      const token = op.metas?.[tokenMeta];
      if (typeof token !== "string" || token === "") return { result: "fail", seen: "no token" };
      const digest = hash("sha256", token, "buffer");
      let matches = false;
      for (const one of known) matches = timingSafeEqual(one, digest) || matches;
      return { result: matches ? "pass" : "fail", seen: shownDigest(prefix + digest.toString("hex")) };
    },
  };
}

/** Of a token only this much of its hash, `sha256:` and 64 digits, is ever shown. */
export function shownDigest(digest: string): string {
  return digest.slice(0, prefix.length + shownDigits).toLowerCase();
}
