/**
 * Takes secrets out of an op's content, before it reaches an event or a log line.
 *
 * One table of wire fields (frp v0.70 msg.go and server/plugin types) and a pattern for names that the table
 * does not know, at any depth. A run id becomes the client's public id in every mode: it is a credential.
 */
import { createHmac } from "node:crypto";
import { clientId } from "./ids.ts";

export type RedactMode = "mask" | "hmac" | "off";

type Treatment = "plain" | "secret" | "runId";

const table: Readonly<Record<string, Treatment>> = {
  privilege_key: "secret",
  sk: "secret",
  http_user: "secret",
  http_pwd: "secret",
  group_key: "secret",
  metas: "secret",
  run_id: "runId",
  always_auth_pass: "plain",
};

const secretName = /pass|pwd|secret|token|key|auth|cookie|credential/i;
const deepest = 64;
const tooDeep = "[too deep]";

/** Names are few and come again: each is judged once. Bounded, since a stranger may invent names. */
const judged = new Map<string, Treatment>(Object.entries(table));
const mostJudged = 4096;

function treatmentOf(name: string): Treatment {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const treatment = secretName.test(name) ? "secret" : "plain";
  if (judged.size < mostJudged) judged.set(name, treatment);
  return treatment;
}

export type Redact = (content: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/** @param hmacKey needed for mode `hmac`; the same value then always gives the same text */
export function redactor(mode: RedactMode, hmacKey?: string): Redact {
  const hide = hiderFor(mode, hmacKey);
  return (content) => objectOf(content, hide, false, 0);
}

type Hide = (value: unknown) => unknown;

function hiderFor(mode: RedactMode, hmacKey: string | undefined): Hide {
  if (mode === "off") return (value) => value;
  if (mode === "mask") return () => "***";
  if (hmacKey === undefined) throw new Error("redaction by hmac needs a key");
  return (value) =>
    `hmac:${createHmac("sha256", hmacKey)
      .update(typeof value === "string" ? value : JSON.stringify(value))
      .digest("hex")
      .slice(0, 32)}`;
}

/**
 * Plain objects, which JSON.stringify writes in half the time that it takes for ones without a prototype; a field
 * named `__proto__` is made a field like any other.
 */
function objectOf(from: object, hide: Hide, secret: boolean, depth: number): Record<string, unknown> {
  const to: Record<string, unknown> = {};
  for (const name in from) {
    const treatment = secret ? "secret" : treatmentOf(name);
    const value = redactedValue((from as Record<string, unknown>)[name], hide, treatment, depth + 1);
    if (name !== "__proto__") to[name] = value;
    else Object.defineProperty(to, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return to;
}

function redactedValue(value: unknown, hide: Hide, treatment: Treatment, depth: number): unknown {
  if (value === null || value === "") return value;
  if (treatment === "runId" && typeof value === "string") return clientId(value);
  const secret = treatment !== "plain";
  if (typeof value !== "object" || JSON.isRawJSON(value)) return secret ? hide(value) : value;
  if (depth > deepest) return tooDeep;
  if (Array.isArray(value))
    return value.map((item) => redactedValue(item, hide, secret ? "secret" : "plain", depth + 1));
  return objectOf(value, hide, secret, depth);
}
