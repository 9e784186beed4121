/** What an answer to prox changed, as it may be published. */
import { hash } from "node:crypto";
import type { Op, ProxChanges } from "../op.ts";
import type { OpData } from "./data.ts";
import type { Redact } from "./redact.ts";

/** By field. Of a body only length and SHA-256 stand in an event; of the rest redaction takes out what is secret. */
export function shownChanges({ body, ...changes }: ProxChanges): Readonly<Record<string, unknown>> {
  if (body === undefined) return { ...changes };
  return { ...changes, body: { length: Buffer.byteLength(body), sha256: hash("sha256", body) } };
}

/** `from` is what came, where the op tells it. */
export function rewriteOfProx({ prox }: Op, changes: ProxChanges, redact: Redact): OpData["rewrite"] {
  const came: Readonly<Record<string, unknown>> = { rewritePath: prox?.path, status: prox?.status };
  return Object.fromEntries(
    Object.entries(redact(shownChanges(changes))).map(([name, to]) => [
      name,
      { from: came[name] ?? null, to },
    ]),
  );
}
