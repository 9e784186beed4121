/**
 * Who takes part: a client, its proxies, and the sessions of users through them.
 *
 * Glossary
 *   session    one user's connection through a proxy; its id is the event id of its start
 *   start      an allowed NewUserConn
 *   close      a CloseUserConn: frps says that a connection is over
 *   end        what becomes of a session, once: announced by a close, or inferred from a sign
 *   sign       an op that lets us think that sessions are over (departures.ts)
 *   kind       a node and a proxy type: what is known of its ends (kind.ts)
 *   key        what a start and its close have in common (events/render.ts)
 *   late       inferred to be over, while its close may still come (late-ends.ts)
 */
import type { EndReason, Pairing } from "../events/data.ts";
import type { ClientInfo, Protocol, ProxyFacts, Remote, Traffic } from "../op.ts";
import type { Kind } from "./kind.ts";
import { type Passing, Row } from "./row.ts";
import type { Places } from "./tally.ts";

/** That a client got in: frps asks about its ops. */
export interface Confirmation {
  readonly by: { readonly id: string; readonly op: string };
  readonly atMs: number;
  readonly pairing: Pairing;
  /** The event id of its Login; null where it is not known for sure. */
  readonly login: string | null;
}

export class Client {
  readonly node: string;
  readonly id: string;
  readonly user: string | null;
  info: ClientInfo | null = null;
  /** Whether an op has shown that it got in. */
  confirmed = false;
  /** Set between the op that confirms it and the event that says so. */
  confirming: Confirmation | null = null;
  readonly proxies = new Map<string, OpenProxy>();
  seenMs: number;
  /** When it was confirmed anew, by this process's clock. */
  returnedMs = Number.NEGATIVE_INFINITY;
  /** Proxies that it had when it was confirmed anew; frps may still tell of their end. */
  readonly left = new Set<string>();

  constructor(node: string, id: string, user: string | null, seenMs: number) {
    this.node = node;
    this.id = id;
    this.user = user;
    this.seenMs = seenMs;
  }
}

/** Who opened a session; shared by those of one proxy. */
export interface Setting {
  readonly protocol: Protocol;
  readonly node: string;
  readonly user: string | null;
  readonly client: string | null;
  readonly clientInfo: ClientInfo | null;
  readonly proxy: ProxyFacts;
  /** Of its users and addresses (Roster); left out where they have their names. */
  readonly naming?: string;
}

/** Where sessions of one setting are counted. */
export interface CountedAt {
  readonly setting: Setting;
  /** Those that are open, by kind. */
  readonly open: Places;
  /** Those that began within the minute. */
  readonly begun: Places;
}

/** Why a session was admitted. */
export interface Grounds {
  readonly reason: string;
  readonly code: string;
  readonly rule: string | null;
  readonly revision: string;
}

export class OpenProxy {
  readonly client: Client;
  readonly name: string;
  readonly kind: Kind;
  /** Of the sessions to come; made anew when more is known. */
  setting: Setting;
  /** Between its NewProxy, or its first connection, and its CloseProxy. */
  open = false;
  /** Whether its name takes a place of those that are limited. */
  counted = false;
  /** Whether a connection came through it since it was opened: a NewProxy alone frps may have turned away. */
  used = false;
  readonly sessions = new Row<Session>();
  /** Closes that were paired with its sessions. */
  closes = 0;
  /** Signs of its end that wait for the grace to pass. */
  departures = 0;
  /** The last of them. */
  leaving: { readonly reason: EndReason; readonly throughOrder: number } | null = null;
  /** Of the session that began last. */
  lastOrder = 0;
  #grounds: Grounds | null = null;
  #countedAt: CountedAt | null = null;

  constructor(client: Client, kind: Kind, setting: Setting) {
    this.client = client;
    this.name = setting.proxy.name;
    this.kind = kind;
    this.setting = setting;
  }

  /** Most sessions of a proxy are admitted for the same reason, and share it. */
  grounds({ reason, code, rule, revision }: Grounds): Grounds {
    const last = this.#grounds;
    const same =
      last?.revision === revision && last.rule === rule && last.code === code && last.reason === reason;
    if (!same) this.#grounds = { reason, code, rule, revision };
    return this.#grounds!;
  }

  countedAt(setting: Setting): CountedAt {
    if (this.#countedAt?.setting !== setting) this.#countedAt = { setting, open: {}, begun: {} };
    return this.#countedAt;
  }

  /** Whether nothing is left that has to be remembered of it. */
  get idle(): boolean {
    return !this.open && this.sessions.size === 0 && this.departures === 0;
  }
}

/** The close that belongs to a session. */
export interface Close {
  /** The event id of the session.closed. */
  readonly id: string;
  readonly atMs: number;
  readonly monotonicMs: number;
  readonly traffic: Traffic | null;
  readonly pairing: Pairing;
}

export class Session implements Passing {
  readonly id: string;
  readonly key: string;
  readonly remote: Remote | null;
  readonly setting: Setting;
  readonly grounds: Grounds;
  /** The proxy it came through; the one of that name may be another by now. */
  readonly through: OpenProxy;
  readonly places: CountedAt;
  /** Wall clock. */
  readonly startedMs: number;
  /** By this process's clock; of a session that began before the process, reckoned from the wall clock. */
  readonly startedMonotonicMs: number;
  /** Whether it began in this process, so that its duration can be measured. */
  readonly measured: boolean;
  /** Rises from session to session. */
  readonly order: number;
  over = false;
  counted: boolean;
  /** Set once its close has been recorded; its end follows in the same breath, or at the next start. */
  close: Close | null = null;

  /** @param order rises from session to session */
  constructor(start: Start, order: number) {
    this.id = start.id;
    this.key = start.key;
    this.remote = start.remote;
    this.setting = start.setting;
    this.grounds = start.grounds;
    this.through = start.through;
    this.places = start.through.countedAt(start.setting);
    this.startedMs = start.startedMs;
    this.startedMonotonicMs = start.startedMonotonicMs;
    this.measured = start.measured;
    this.order = order;
    this.counted = start.measured;
  }
}

/** What a session is from its start on. */
export type Start = Omit<Session, "places" | "order" | "over" | "counted" | "close">;
