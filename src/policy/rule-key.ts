import { clientId as publicId } from "../events/ids.ts";
import { hint, nearest } from "../spelling.ts";
import { parseNetwork } from "./addresses.ts";
import { canonicalDomain } from "./domains.ts";
import { misspeltOp } from "./op-names.ts";

const scopes = [
  "default",
  "op",
  "node",
  "user",
  "client",
  "proxy",
  "route",
  "ip",
  "domain",
  "group",
  "ban",
  "prox",
] as const;
export type Scope = (typeof scopes)[number];

export interface RuleKey {
  /** As written, without prefix: `user:alice`, `default`. What `DEL` needs. */
  readonly text: string;
  /** Null for a key that nothing can match (`usr:alice`, `ip:10.0.0.999`): it is listed, and refuses nothing. */
  readonly scope: Scope | null;
  /** Canonical: `10.0.0.0/8`, `*.example.com`. Two keys can be written differently and have the same one. */
  readonly id: string;
}

export interface ReadKey {
  readonly key: RuleKey;
  /** Why no value under this key could be right; null when the key is fine. */
  readonly problem: string | null;
}

/** The public id of a client; anything else may be a run id, which is a credential. */
const clientId = /^c_[0-9a-f]{16}$/;

/** Reads `<scope>:<id>`, or `default`; an id may itself hold colons. */
export function readKey(text: string): ReadKey {
  if (text === "default") return { key: { text, scope: "default", id: "" }, problem: null };
  const colon = text.indexOf(":");
  const scope = colon < 0 ? text : text.slice(0, colon);
  if (!isScope(scope)) {
    return matchesNothing(text, `no scope has this name${hint(scope, scopes)}`);
  }
  if (colon < 0) return matchesNothing(text, `the key lacks an id: ${scope}:<id>`);
  const id = text.slice(colon + 1);
  // Bytes that are not UTF-8 reach us as U+FFFD, from a rule's key as from an op: the rule may be about others too.
  const problem = id.includes("\ufffd") ? "the key is not valid UTF-8" : null;
  switch (scope) {
    case "default":
      return matchesNothing(text, "default takes no id and no colon");
    case "user":
      return { key: { text, scope, id }, problem };
    case "node":
    case "group":
    case "proxy":
    case "route":
      if (id === "") return matchesNothing(text, `the id of a ${scope} is never empty`);
      return { key: { text, scope, id }, problem };
    case "op": {
      const meant = misspeltOp(id);
      if (id === "" || meant !== null)
        return matchesNothing(text, `not an op${meant ? `, did you mean ${meant}?` : ""}`);
      return { key: { text, scope, id }, problem };
    }
    case "client":
      if (!clientId.test(id))
        return matchesNothing(
          text,
          "a client id is c_ and 16 lower-case hex digits; shown here is the one that a run id would have",
        );
      return { key: { text, scope, id }, problem };
    case "ip":
    case "ban": {
      const network = parseNetwork(id);
      if (network === null) return matchesNothing(text, "not an address and not a CIDR");
      return { key: { text, scope, id: network.text }, problem };
    }
    case "prox":
      if (!/^(?:targets|speed):./s.test(id))
        return matchesNothing(text, "what prox is told is prox:targets:<route> or prox:speed:<route>");
      return { key: { text, scope, id }, problem };
    case "domain": {
      const domain = canonicalDomain(id);
      if (domain === null)
        return matchesNothing(text, "not a domain and not a wildcard such as *.example.com");
      return { key: { text, scope, id: domain }, problem };
    }
  }
}

/** A key fit for logs and events: where a client's public id belongs, a run id may stand by mistake. */
export function shownKey(text: string): string {
  const colon = text.indexOf(":");
  const [scope, id] = [text.slice(0, colon), text.slice(colon + 1)];
  const meant =
    colon >= 0 && (scope === "client" || (!isScope(scope) && nearest(scope, scopes) === "client"));
  return !meant || id === "" || clientId.test(id) ? text : `${scope}:${publicId(id)}`;
}

function matchesNothing(text: string, problem: string): ReadKey {
  return { key: { text, scope: null, id: text }, problem };
}

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}
