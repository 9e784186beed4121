/**
 * Headers that a rule may set or remove: names and values as HTTP has them, and as prox sends them.
 *
 * Names are kept in the form in which prox writes them (`x-tenant` as `X-Tenant`), so that what several rules say of one
 * header meets.
 */
import { z } from "zod";
import { printableName } from "./written.ts";

export type Headers = Readonly<Record<string, string>>;

const mostHeaders = 64;
const longestValue = 8192;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
/** A line end would begin another header, or the body (RFC 9110, 5.5). */
const valueForm = /^[\t\x20-\x7e]*$/;

const ofOneConnection = [
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "Te",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
];
const ofTheBody = ["Content-Length", "Content-Encoding"];

/** Whose headers, and which of them no rule touches: why, by name. */
type Untouchable = ReadonlyMap<string, string>;

const breaking = new Map([
  ...ofOneConnection.map((name) => [name, "which is about one connection alone"] as const),
  ...ofTheBody.map((name) => [name, "which is about the body, and would break it"] as const),
]);
/** prox answers a refusal by Go's http.Error, which sets these (net/http, server.go). */
const ofRefusal: Untouchable = new Map([
  ...breaking,
  ["Content-Type", "since prox sends every refusal as text/plain"],
  ["X-Content-Type-Options", "which prox sets itself"],
]);
/** Of these what a plugin says is not sent (prox 0.35 internal/action; Go's transport). */
const ofRequest: Untouchable = new Map([
  ...breaking,
  ["Host", "which prox does not take from a plugin"],
  ["Proxy-Authenticate", "which prox hands on to nobody"],
  ["Proxy-Authorization", "which prox hands on to nobody"],
  ...["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"].map(
    (name) => [name, "which prox sets itself"] as const,
  ),
]);

export const refusalHeaders = headersBut(ofRefusal);
export const requestHeaders = headersBut(ofRequest);
export const responseHeaders = headersBut(breaking);

/** Names, once each. What is wrong with one is told without it, since it is a value. */
export const removedHeaders = z.custom<readonly string[]>().transform((written: unknown, issues) => {
  const names = Array.isArray(written) ? written : [];
  const problem =
    names.length === 0 ? "must be a list of names of headers" : problemOf(names, breaking, () => "an entry");
  if (problem !== null) issues.addIssue(problem);
  return names.map(canonicalName);
});

function headersBut(untouchable: Untouchable): z.ZodType<Headers> {
  return z.custom<Headers>().transform((written: unknown, issues) => {
    const isObject = typeof written === "object" && written !== null && !Array.isArray(written);
    const entries = isObject ? Object.entries(written) : [];
    const names = entries.map(([name]) => name);
    const wrong = entries.find(([, value]) => !isValue(value))?.[0];
    const problem =
      entries.length === 0
        ? "must be an object of headers"
        : (problemOf(names, untouchable, shownName) ??
          (wrong && `has a value of ${wrong} that is not up to ${longestValue} printable ASCII characters`));
    if (problem) issues.addIssue(problem);
    return Object.fromEntries(entries.map(([name, value]) => [canonicalName(name), value as string]));
  });
}

/** @param shown a name, as it may be told */
function problemOf(
  names: readonly unknown[],
  untouchable: Untouchable,
  shown: (name: string) => string,
): string | null {
  if (names.length > mostHeaders) return `must not hold more than ${mostHeaders} headers`;
  const seen = new Set<string>();
  for (const name of names) {
    if (typeof name !== "string" || !token.test(name))
      return `has ${shown(String(name))}, which is no name of a header`;
    const canonical = canonicalName(name);
    const why = untouchable.get(canonical);
    if (why !== undefined) return `takes no ${canonical}, ${why}`;
    if (seen.has(canonical)) return `has ${shown(canonical)} twice`;
    seen.add(canonical);
  }
  return null;
}

/** Of a whole line, such as `Authorization: Bearer …`, that somebody wrote for a name, nothing of the value. */
function shownName(written: string): string {
  return printableName(written.split(":", 1)[0]!);
}

function isValue(value: unknown): boolean {
  return typeof value === "string" && value.length <= longestValue && valueForm.test(value);
}

/** As Go's textproto.CanonicalMIMEHeaderKey. */
function canonicalName(name: unknown): string {
  return String(name)
    .toLowerCase()
    .replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
