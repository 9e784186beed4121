/** What events tell of rules: their keys and their values, with pseudonyms in the place of users and addresses. */
import { parseJson } from "../exact-json.ts";
import { isScope, readKey, type Scope } from "../policy/rule-key.ts";
import { ContentNames, type ContentParts, proxyName } from "./content.ts";
import type { Names } from "./names.ts";
import { withoutAddresses, withoutUsers } from "./own-words.ts";

/** Of whom an op's event tells. */
export interface Told {
  /** "" is nobody. */
  readonly user: string;
  /** Its proxy's name, and that by its pseudonym. */
  readonly proxy: readonly [name: string, told: string] | null;
}

const nobody: Told = { user: "", proxy: null };

/** Fields of a rule's value that hold neither users nor addresses. What says who wrote it names an operator. */
const plainFields: ReadonlySet<string> = new Set([
  "effect",
  "ops",
  "notBefore",
  "expiresAt",
  "enforce",
  "groups",
  "tokens",
  "limits",
  "hours",
  "proxies",
  "by",
]);
const networkFields: ReadonlySet<string> = new Set(["clientFrom", "visitorFrom"]);

export class RuleNames {
  readonly #names: Names;
  readonly #users: boolean;
  readonly #addresses: boolean;
  readonly #parts: ContentParts;

  constructor(parts: ContentParts) {
    const { names, kinds } = parts;
    this.#parts = parts;
    this.#names = names;
    this.#users = kinds.has("user");
    this.#addresses = kinds.has("ip");
  }

  /** `user:alice`, `ip:203.0.113.0/24`. Whatever is no key, such as the name of a built-in check, stays. */
  key(text: string, told: Told = nobody): string {
    const colon = text.indexOf(":");
    if (colon < 0) return text;
    const [scope, id] = [text.slice(0, colon), text.slice(colon + 1)];
    const read = readKey(text).key.scope;
    return `${scope}:${read === null ? this.#names.text(id) : this.#id(read, id, told)}`;
  }

  /** Of the policy: what has no known scope before it may have been meant for anything, such as a user's name alone. */
  writtenKey(text: string): string {
    const [scope = "", ...ids] = text.split(":");
    if (text === "" || isScope(scope)) return this.key(text);
    return [scope, ids.join(":")].map((part) => this.#names.text(part)).join(ids.length > 0 ? ":" : "");
  }

  /**
   * What people wrote into a rule: it may name whom the rule is about, and any address.
   * @param user whom the rule was asked about
   */
  words(text: string, rule: string | null, user = ""): string {
    const users = this.#users ? [user, ...usersIn(rule ?? "")] : [];
    const told = withoutUsers(text, users, this.#names);
    return this.#addresses ? withoutAddresses(told, this.#names) : told;
  }

  /** As it may be published (policy/shown-value.ts). Of what no rule has, and of its note, only a keyed hash is told. */
  value(key: string, shown: string): string {
    if (readKey(key).key.scope === "prox") return shown;
    const object = shown.startsWith("{") ? (parseJson(shown) as Readonly<Record<string, unknown>>) : null;
    if (object === null) return this.words(shown, key);
    return JSON.stringify(
      Object.fromEntries(Object.entries(object).map(([name, held]) => [name, this.#field(name, held, key)])),
    );
  }

  /** Every text in it as what people wrote. */
  allWords(value: unknown, rule: string | null, user = ""): unknown {
    return mapped(value, (text) => this.words(text, rule, user));
  }

  #field(name: string, held: unknown, key: string): unknown {
    if (plainFields.has(name)) return held;
    if (networkFields.has(name))
      return this.#addresses ? mapped(held, (text) => this.#names.network(text)) : held;
    if (name === "reason" || name === "prox") return this.allWords(held, key);
    return name === "set" ? this.#set(held) : this.#hidden(held);
  }

  /** Fields of frp's ops; what is secret in them has been masked. */
  #set(held: unknown): unknown {
    if (typeof held !== "object" || held === null) return this.#hidden(held);
    const about = { protocol: "frp", known: true, user: null, remote: null } as const;
    const content = new ContentNames({ ...this.#parts, redact: "mask" }, about);
    return Object.fromEntries(Object.entries(held).map(([op, fields]) => [op, content.content(fields)]));
  }

  #hidden(held: unknown): unknown {
    return typeof held === "string" && held !== "***" ? this.#names.text(held) : held;
  }

  #id(scope: Scope, id: string, { proxy }: Told): string {
    switch (scope) {
      case "user":
        return this.#users ? this.#names.user(id) : id;
      case "proxy":
        if (!this.#users) return id;
        return proxy && proxy[0] === id ? proxy[1] : proxyName(id, "", this.#names);
      case "ip":
      case "ban":
        return this.#addresses ? this.#names.network(id) : id;
      default:
        return id;
    }
  }
}

/** Whom a rule's key names: of a proxy each that may be its user, of a key that nothing matches whatever it says. */
function usersIn(key: string): string[] {
  const id = key.slice(key.indexOf(":") + 1);
  const { scope } = readKey(key).key;
  if (scope === "user" || scope === null) return [id];
  return scope === "proxy" ? [...id.matchAll(/\./g)].map(({ index }) => id.slice(0, index)).reverse() : [];
}

function mapped(value: unknown, to: (text: string) => string): unknown {
  if (typeof value === "string") return to(value);
  if (Array.isArray(value)) return value.map((item) => mapped(item, to));
  if (typeof value !== "object" || value === null || JSON.isRawJSON(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, mapped(held, to)]));
}
