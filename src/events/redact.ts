/**
 * Takes secrets out of an op's content, before it reaches an event or a log line.
 *
 * One table of wire fields (frp v0.70 msg.go and server/plugin types; prox's hooks and the headers in them) and a
 * pattern for names that the table does not know, at any depth. A run id becomes the client's public id in every mode:
 * it is a credential. Of a query the names stay, in a header that holds an address too.
 */
import { createHmac } from "node:crypto";
import { clientId } from "./ids.ts";
import { hiddenInQuery, hiddenInUrl } from "./redact-url.ts";

export type RedactMode = "mask" | "hmac" | "off";

type Treatment = "plain" | "secret" | "runId" | "query" | "url";

const table: ReadonlyMap<string, Treatment> = new Map(
  Object.entries({
    privilege_key: "secret",
    sk: "secret",
    http_user: "secret",
    http_pwd: "secret",
    group_key: "secret",
    metas: "secret",
    run_id: "runId",
    always_auth_pass: "plain",
    q: "query",
    referer: "url",
    location: "url",
    "content-location": "url",
    link: "url",
    refresh: "url",
    "x-original-url": "url",
    "x-original-uri": "url",
    "x-rewrite-url": "url",
    "x-forwarded-uri": "url",
  } satisfies Record<string, Treatment>),
);

const runIdName = /run[-_]?id$/i;
const secretName = /pass|pwd|secret|token|key|auth|cookie|credential/i;
const deepest = 64;
const tooDeep = "[too deep]";

/** Names are few and come again: each is judged once. Bounded, since a stranger may invent names. */
const judged = new Map<string, Treatment>(table);
const mostJudged = 4096;

function treatmentOf(name: string): Treatment {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const treatment =
    table.get(name.toLowerCase()) ??
    (runIdName.test(name) ? "runId" : secretName.test(name) ? "secret" : "plain");
  if (judged.size < mostJudged) judged.set(name, treatment);
  return treatment;
}

/** Whether the values of a field of this name, and all within them, are hidden. A run id becomes a public id instead. */
export function hidesField(name: string, mode: RedactMode): boolean {
  return mode !== "off" && treatmentOf(name) === "secret";
}

export type Redact = (content: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/**
 * @param hmacKey needed for mode `hmac`; the same value then always gives the same text
 * @param onHidden told of each secret that was hidden
 */
export function redactor(mode: RedactMode, hmacKey?: string, onHidden: () => void = () => {}): Redact {
  const hideIt = hiderFor(mode, hmacKey);
  const hide: Hide =
    hideIt &&
    ((value) => {
      onHidden();
      return hideIt(value);
    });
  return (content) => objectOf(content, hide, false, 0);
}

/** Null: secrets stay as they came. */
type Hide = ((value: unknown) => unknown) | null;

function hiderFor(mode: RedactMode, hmacKey: string | undefined): Hide {
  if (mode === "off") return null;
  if (mode === "mask") return () => "***";
  if (hmacKey === undefined) throw new Error("redaction by hmac needs a key");
  return (value) => {
    const text = typeof value === "string" ? value : textOf(value);
    return `hmac:${createHmac("sha256", hmacKey).update(text).digest("hex").slice(0, 32)}`;
  };
}

/** JSON.stringify runs out of stack on what is nested thousands deep. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return tooDeep;
  }
}

/**
 * Plain objects, which JSON.stringify writes in half the time that it takes for ones without a prototype; a field
 * named `__proto__` is made a field like any other.
 */
function objectOf(from: object, hide: Hide, secret: boolean, depth: number): Record<string, unknown> {
  const to: Record<string, unknown> = {};
  for (const name in from) {
    const given = (from as Record<string, unknown>)[name];
    // Within a secret the names are shown, one level deep; what they hold is one secret each, whatever its shape.
    const value =
      secret && hide ? hidden(given, hide) : redactedValue(given, hide, treatmentOf(name), depth + 1);
    if (name !== "__proto__") to[name] = value;
    else Object.defineProperty(to, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return to;
}

function hidden(value: unknown, hide: NonNullable<Hide>): unknown {
  return value === null || value === "" ? value : hide(value);
}

function redactedValue(value: unknown, hide: Hide, treatment: Treatment, depth: number): unknown {
  if (treatment === "runId" && typeof value === "string" && value !== "") return clientId(value);
  if (hide !== null && typeof value === "string") {
    if (treatment === "query") return hiddenInQuery(value, hide);
    if (treatment === "url") return hiddenInUrl(value, hide);
  }
  if ((treatment === "secret" || treatment === "runId") && hide !== null) {
    return isFields(value) ? objectOf(value, hide, true, depth) : hidden(value, hide);
  }
  if (typeof value !== "object" || value === null || JSON.isRawJSON(value)) return value;
  if (depth > deepest) return tooDeep;
  if (Array.isArray(value)) return value.map((item) => redactedValue(item, hide, "plain", depth + 1));
  return objectOf(value, hide, false, depth);
}

function isFields(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}
