/**
 * An op's content, with pseudonyms in the place of users' names and addresses, and keyed hashes in that of texts that may
 * hold either. Numbers, lengths and hashes stay, and so does what redaction hides anyway.
 */
import { hidesField, type RedactMode } from "../events/redact.ts";
import { frpProxyTypes, type Op } from "../op.ts";
import { parseRemote } from "../policy/addresses.ts";
import { type Fields, fieldsOf, headerFields, type Treatment } from "./fields.ts";
import type { PseudonymKind } from "./kinds.ts";
import type { Names } from "./names.ts";
import { withoutAddress, withoutAddresses, withoutUsers } from "./own-words.ts";

type Content = Readonly<Record<string, unknown>>;

const deepest = 64;
const tooDeep = "[too deep]";
const hidden = "***";
const types: ReadonlySet<string> = new Set(frpProxyTypes);

export interface ContentParts {
  readonly names: Names;
  readonly kinds: ReadonlySet<PseudonymKind>;
  /** What it hides need not be known here. */
  readonly redact: RedactMode;
}

/** Of an op what is needed to know whose words they are. */
type Whose = Pick<Op, "protocol" | "known" | "user" | "remote">;

/** About one op. */
export class ContentNames {
  readonly #names: Names;
  readonly #users: boolean;
  readonly #addresses: boolean;
  readonly #redact: RedactMode;
  readonly #op: Whose;
  readonly #fields: Fields;

  constructor({ names, kinds, redact }: ContentParts, op: Whose) {
    this.#names = names;
    this.#users = kinds.has("user");
    this.#addresses = kinds.has("ip");
    this.#redact = redact;
    this.#op = op;
    this.#fields = fieldsOf(op.protocol, op.known);
  }

  content(content: Content): Content {
    return this.#objectOf(content, this.#fields, 0);
  }

  type(type: string): string {
    return typeOf(type, this.#names);
  }

  user(user: string): string {
    return this.#users ? this.#names.user(user) : user;
  }

  address(ip: string): string {
    return this.#addresses ? this.#names.address(ip) : ip;
  }

  /** What stays as it came, but that the op's own address may stand in it. */
  plain(text: string): string {
    const ip = this.#addresses ? this.#op.remote?.ip : null;
    if (ip?.includes(":")) return text.includes(":") ? withoutAddress(text, ip, this.#names) : text;
    return ip && text.includes(ip) ? text.replaceAll(ip, this.#names.address(ip)) : text;
  }

  /**
   * frps puts the user's name before the proxy's. Where that is not so, and somebody may have put another user's there,
   * all up to the last dot is taken for a name.
   */
  proxy(name: string): string {
    return this.#users ? proxyName(name, this.#op.user ?? "", this.#names) : name;
  }

  #objectOf(from: object, fields: Fields, depth: number): Content {
    // Own properties alone, `__proto__` among them.
    return Object.fromEntries(
      Object.entries(from).map(([name, value]) => {
        const treatment = fields(name);
        if (treatment !== undefined) return [name, this.#value(value, treatment, depth + 1)];
        const toldName = this.#fieldName(name);
        return [toldName, this.#unknown(name, toldName, value, depth + 1)];
      }),
    );
  }

  /** A field that nobody knows, or that redaction knows better: by the name that it is told of. */
  #unknown(name: string, toldName: string, value: unknown, depth: number): unknown {
    if (!hidesField(toldName, this.#redact)) {
      // A field named after a user whose name reads like a secret's, as `monkey` does.
      return hidesField(name, this.#redact) ? hidden : this.#value(value, "text", depth);
    }
    if (!isObject(value)) return value;
    // Of a secret the names within are shown.
    return Object.fromEntries(Object.entries(value).map(([own, held]) => [this.#fieldName(own), held]));
  }

  /** Whoever made up a field may have put a name there. */
  #fieldName(name: string): string {
    const plain = this.#addresses && /[.:]/.test(name) ? withoutAddresses(name, this.#names) : name;
    return this.#users ? withoutUsers(plain, [this.#op.user ?? ""], this.#names) : plain;
  }

  #value(value: unknown, treatment: Treatment, depth: number): unknown {
    if (typeof value === "string") return this.#string(value, treatment);
    if (typeof value !== "object" || value === null || JSON.isRawJSON(value)) return value;
    if (depth > deepest) return tooDeep;
    if (Array.isArray(value)) return value.map((item) => this.#value(item, treatment, depth + 1));
    if (treatment === "text") return this.#objectOf(value, () => undefined, depth);
    return this.#objectOf(value, treatment === "headers" ? headerFields : this.#fields, depth);
  }

  #string(value: string, treatment: Treatment): string {
    const names = this.#names;
    switch (treatment) {
      case "plain":
        return this.plain(value);
      case "user":
        // frp's word for every user.
        return value === "*" ? value : this.user(value);
      case "proxy":
        return this.proxy(value);
      case "type":
        return this.type(value);
      case "address":
        return this.#addresses ? names.addressWithPort(value) : value;
      case "addresses":
        return this.#addresses ? value.replace(/[^,\s]+/g, (one) => names.addressWithPort(one)) : value;
      case "forwarded":
        return this.#addresses ? this.#forwarded(value) : value;
      case "headers":
      case "text":
        return names.text(value);
    }
  }

  /** `for=192.0.2.60;proto=http;by="[2001:db8::1]:80"` */
  #forwarded(value: string): string {
    // A quote that does not end goes on to the end of all.
    return value.replace(/(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^;,"])+/gs, (pair) => {
      if (/^\s*(?:host|proto)=(?:[^"\s]*|"[^"\s]*")\s*$/i.test(pair)) return this.plain(pair);
      const equals = pair.indexOf("=");
      const name = pair.slice(0, equals + 1);
      const node = pair
        .slice(equals + 1)
        .trim()
        .replace(/^"|"$/g, "");
      const { ip, port } = parseRemote(node);
      if (ip === null) return `${equals < 0 ? "" : name}${this.#names.text(node)}`;
      return `${name}"[${this.#names.address(ip)}]${port === null ? "" : `:${port}`}"`;
    });
  }
}

/** frp's own, or a keyed hash. */
export function typeOf(type: string, names: Names): string {
  return type === "" || types.has(type) ? type : names.text(type);
}

/** @param user whose it is said to be; "" is nobody's */
export function proxyName(name: string, user: string, names: Names): string {
  if (name === user) return names.user(user);
  if (user !== "" && name.startsWith(`${user}.`)) return names.user(user) + name.slice(user.length);
  const dot = name.lastIndexOf(".");
  return dot < 0 ? name : names.user(name.slice(0, dot)) + name.slice(dot);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}
