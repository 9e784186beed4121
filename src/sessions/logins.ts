/**
 * Logins that were admitted and that no op has confirmed yet, of one node.
 *
 *   admitted ──▶ waiting ──the first op of its client──▶ confirmed
 *                   └── 60 s, or 10,000 newer ones ──▶ forgotten: frps has turned it away
 *
 * A first Login brings no run id, and what its client asks later brings no address: they are paired by run id, else
 * by user and metas, and then only if nobody else fits.
 */
import { hash } from "node:crypto";
import type { Pairing } from "../events/data.ts";
import type { ClientInfo, Op } from "../op.ts";

const waitMs = 60_000;
const mostWaiting = 10_000;

/** What a Login said. */
export interface AdmittedLogin {
  /** Its event id. */
  readonly id: string;
  readonly user: string | null;
  /** Null at a client's first Login. */
  readonly client: string | null;
  /** What its metas are known by; null where they are not known any more, since they may hold secrets. */
  readonly metas: string | null;
  readonly info: ClientInfo | null;
  /** Wall clock. */
  readonly atMs: number;
  readonly monotonicMs: number;
  /** One that may have been this one has been confirmed. */
  readonly doubtful?: boolean;
  /** What all that it may be say alike. */
  readonly agreed?: ClientInfo | null;
}

export interface FoundLogin {
  readonly pairing: Pairing;
  /** Its event id, where it is known which one it was. */
  readonly login: string | null;
  readonly info: ClientInfo | null;
}

const nothing: FoundLogin = { pairing: "none", login: null, info: null };

interface Waiting extends AdmittedLogin {
  doubtful: boolean;
  agreed: ClientInfo | null;
}

export class AdmittedLogins {
  /** By event id, oldest first. */
  readonly #all = new Map<string, Waiting>();
  readonly #byClient = new Map<string, Waiting>();
  readonly #byUser = new Map<string, Set<Waiting>>();

  add(login: AdmittedLogin): void {
    this.remove(login.id);
    this.#forget(login.monotonicMs);
    const waiting = { doubtful: false, agreed: login.info, ...login };
    this.#all.set(login.id, waiting);
    if (login.client !== null) {
      const before = this.#byClient.get(login.client);
      if (before) this.remove(before.id);
      this.#byClient.set(login.client, waiting);
      return;
    }
    const user = login.user ?? "";
    const ofUser = this.#byUser.get(user) ?? new Set();
    this.#byUser.set(user, ofUser.add(waiting));
  }

  /** The one that was removed. */
  remove(id: string): AdmittedLogin | undefined {
    const login = this.#all.get(id);
    if (login === undefined) return undefined;
    this.#all.delete(id);
    if (login.client !== null) this.#byClient.delete(login.client);
    const ofUser = this.#byUser.get(login.user ?? "");
    ofUser?.delete(login);
    if (ofUser?.size === 0) this.#byUser.delete(login.user ?? "");
    return login;
  }

  /** Whether a client that had this run id before has logged in anew. */
  awaits(client: string, monotonicMs: number): boolean {
    const login = this.#byClient.get(client);
    return login !== undefined && monotonicMs - login.monotonicMs < waitMs;
  }

  /** Oldest first. */
  all(): Required<AdmittedLogin>[] {
    return [...this.#all.values()];
  }

  /** Takes the Login of the client that this op is the first of. */
  take(op: Op, monotonicMs: number): FoundLogin {
    this.#forget(monotonicMs);
    const own = this.#byClient.get(op.client ?? "");
    if (own) {
      this.remove(own.id);
      return { pairing: "exact", login: own.id, info: own.info };
    }
    const metas = metasDigest(op.metas);
    const candidates = [...(this.#byUser.get(op.user ?? "") ?? [])].filter(
      (login) => login.metas === null || login.metas === metas,
    );
    const [oldest, ...others] = candidates;
    if (oldest === undefined) return nothing;
    this.remove(oldest.id);
    if (others.length === 0 && !oldest.doubtful)
      return { pairing: "likely", login: oldest.id, info: oldest.info };
    const agreed = others.reduce<ClientInfo | null>((so, { agreed }) => alike(so, agreed), oldest.agreed);
    for (const other of others) {
      other.doubtful = true;
      other.agreed = agreed;
    }
    return { pairing: "ambiguous", login: null, info: agreed };
  }

  #forget(monotonicMs: number): void {
    for (const { id, monotonicMs: since } of this.#all.values()) {
      if (this.#all.size < mostWaiting && monotonicMs - since < waitMs) return;
      this.remove(id);
    }
  }
}

/** Metas may hold tokens: only this is kept of them, in memory alone. */
export function metasDigest(metas: Op["metas"]): string | null {
  try {
    return hash("sha256", JSON.stringify(metas ?? {}), "base64");
  } catch {
    // Nested too deep to be written: nobody can tell whose they are.
    return null;
  }
}

function alike(one: ClientInfo | null, other: ClientInfo | null): ClientInfo | null {
  if (one === null || other === null) return null;
  const same = <K extends keyof ClientInfo>(name: K): ClientInfo[K] | null =>
    one[name] === other[name] ? one[name] : null;
  return {
    address: same("address"),
    port: same("port"),
    hostname: same("hostname"),
    version: same("version"),
  };
}
