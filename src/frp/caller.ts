/**
 * Who calls: the node's name from path and password.
 *
 * A node with an `auth` of its own is fixed by it. Undeclared names are taken as they come, but only so many,
 * since each becomes a label of metrics and a source of events.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { nodeName } from "../config/setting.ts";

export interface CallerSettings {
  readonly node: string;
  readonly auth: string | undefined;
  readonly nodes: Readonly<
    Record<string, { readonly auth?: string | undefined; readonly subdomainHost?: string | undefined }>
  >;
}

export type Caller =
  | { readonly ok: true; readonly node: string; readonly subdomainHost: string | undefined }
  | { readonly ok: false; readonly status: 401 | 404; readonly problem: string };

const mostUndeclared = 100;

export class Callers {
  #settings: CallerSettings;
  /** Digest of the Authorization header that each node, or everybody (null), must send. */
  #expected: readonly { readonly node: string | null; readonly digest: Buffer }[];
  readonly #undeclared = new Set<string>();

  constructor(settings: CallerSettings) {
    this.#settings = settings;
    this.#expected = expectedOf(settings);
  }

  /** From the next call on. */
  change(settings: CallerSettings): void {
    this.#settings = settings;
    this.#expected = expectedOf(settings);
  }

  /** @param named the node in the path, if it has one */
  identify(named: string | undefined, authorization: string | undefined): Caller {
    if (named !== undefined && !nodeName.safeParse(named).success) return refused(404, "not a node name");
    const matches = this.#matches(authorization);
    const fixed = matches.find((node) => node !== null);
    const node = named ?? fixed ?? this.#settings.node;
    const own = Object.hasOwn(this.#settings.nodes, node) ? this.#settings.nodes[node] : undefined;
    const admitted =
      own?.auth !== undefined
        ? matches.includes(node)
        : this.#settings.auth === undefined
          ? fixed === undefined
          : matches.includes(null);
    if (!admitted) return refused(401, "wrong user or password for this node");
    if (own === undefined && !this.#admitUndeclared(node)) return refused(404, "too many undeclared nodes");
    return { ok: true, node, subdomainHost: own?.subdomainHost };
  }

  #matches(authorization: string | undefined): readonly (string | null)[] {
    if (authorization === undefined || this.#expected.length === 0) return [];
    const digest = digestOf(authorization);
    return this.#expected.filter((e) => timingSafeEqual(e.digest, digest)).map((e) => e.node);
  }

  #admitUndeclared(node: string): boolean {
    if (node === this.#settings.node || this.#undeclared.has(node)) return true;
    if (this.#undeclared.size >= mostUndeclared) return false;
    this.#undeclared.add(node);
    return true;
  }
}

function expectedOf({ auth, nodes }: CallerSettings): { node: string | null; digest: Buffer }[] {
  const each = Object.entries(nodes).map(([node, own]) => [node, own.auth] as const);
  return [[null, auth] as const, ...each].flatMap(([node, password]) =>
    password === undefined ? [] : [{ node, digest: digestOf(basic(password)) }],
  );
}

function basic(userAndPassword: string): string {
  return `Basic ${Buffer.from(userAndPassword).toString("base64")}`;
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function refused(status: 401 | 404, problem: string): Caller {
  return { ok: false, status, problem };
}
