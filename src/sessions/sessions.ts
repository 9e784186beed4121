/**
 * User sessions from start to end, made of the ops that pass by.
 *
 *                ┌─ the client's first op: login.confirmed
 *   begin(op) ─▶ append(op's event) ─▶ record(op) ─┬─ NewUserConn: open ─┬─ CloseUserConn ─▶ session.ended, announced
 *   what is known                                  │                     └─ a sign, age, too many ─▶ … inferred
 *                                                  └─ CloseProxy, a client back: a sign (departures.ts)
 *
 * Guarantees
 * - Each session that was opened gets one announced end, or one inferred end, or an inferred one and an announced one
 *   that supersedes it; never two with different ids of the same sort.
 * - What is derived from an op is journaled right behind it, in the same turn; what a crash left out there is
 *   derived again from the journal, under the same id (recovery.ts).
 * - Nothing here waits, and nothing keeps an op from being answered.
 */
import type { Clock } from "../clock.ts";
import type { Decision } from "../decision.ts";
import type { Pairing } from "../events/data.ts";
import type { Draft, Origin } from "../events/draft.ts";
import { isUserConnection, type OpContext, sessionKeyOf } from "../events/render.ts";
import type { Kept } from "../journal/journal.ts";
import type { Op, Traffic } from "../op.ts";
import { requestedDomains } from "../policy/domains.ts";
import type { ConnectionCounts, ProxyCounts } from "../policy/facts.ts";
import { Begun, type Subjects } from "./begun.ts";
import { Departures } from "./departures.ts";
import { confirmedDraft, type End } from "./drafts.ts";
import { Endings, subjectsOf } from "./endings.ts";
import { Inference } from "./inference.ts";
import type { Kind } from "./kind.ts";
import { LateEnds } from "./late-ends.ts";
import { metasDigest } from "./logins.ts";
import { knownFacts } from "./nodes.ts";
import { OpenSessions } from "./open-sessions.ts";
import { Roster } from "./roster.ts";
import type { Client, OpenProxy, Session } from "./session.ts";
import { Told } from "./told.ts";

export interface SessionsOptions {
  readonly maxOpen: number;
  readonly maxAgeMs: number;
  readonly endGraceMs: number;
  /** Proxy types of which a node is said to send CloseUserConn. */
  readonly announcedTypes: (node: string) => readonly string[];
  readonly origin: Origin;
  readonly clock: Clock;
  /** Journals a derived event; numbered before it returns. */
  readonly publish: (draft: Draft) => Promise<Kept>;
  readonly observer: SessionsObserver;
}

/** What is counted and logged. */
export interface SessionsObserver {
  opened(): void;
  ended(end: End, traffic: Traffic | null): void;
  /** A close that belongs to no session. */
  unpaired(): void;
  confirmed(pairing: Pairing): void;
  /** A node is found to tell the ends of a proxy type, or not to any more. */
  endsAnnounced(kind: Pick<Kind, "node" | "type">, are: boolean): void;
}

export class Sessions {
  readonly open = new OpenSessions();
  readonly late = new LateEnds();
  readonly departures = new Departures();
  readonly roster: Roster;
  readonly #options: SessionsOptions;
  readonly inference: Inference;
  readonly #endings: Endings;
  readonly #begun: Begun;
  readonly #logins: Begun;
  readonly #told = new Told();
  /** While recovering: refused after all, and the end that says so has not been read yet. */
  readonly overridden = new Set<Session>();
  /** While the journal is read again: what is derived is in it already, or is derived at the end. */
  #recovering = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    const { clock, observer } = options;
    this.#begun = new Begun(clock);
    this.#logins = new Begun(clock);
    this.roster = new Roster(options);
    const { open, late, departures, roster } = this;
    this.#endings = new Endings({ ...options, open, late, roster, begun: this.#begun });
    this.inference = new Inference({
      ...options,
      open,
      departures,
      roster,
      end: (session, end) => this.#endings.infer(session, end),
      doubt: (kind) => observer.endsAnnounced(kind, false),
    });
  }

  /** How many there are, for rules that limit them. */
  readonly counts: ConnectionCounts = {
    open: (by, id) => this.roster.sumOfAnnounced((kind) => kind.openOf(by, id)),
    begun: (by, id) => this.#begun.of(by, id),
    logins: (by, id) => this.#logins.of(by, id),
    endsAnnounced: (node, type) => this.roster.kind(node, type)?.announced ?? false,
  };

  readonly proxies: ProxyCounts = {
    others: (node, user, name) => this.roster.nodes.get(node)?.othersOf(user, name) ?? 0,
  };

  /** What is known of an op before it is decided; for its event. */
  begin(op: Op, eventId: string): OpContext {
    const client = this.roster.find(op);
    const proxy =
      op.proxy && (op.name === "NewProxy" ? op.proxy : knownFacts(op.proxy, this.roster.factsOf(op, client)));
    const clientInfo = op.clientInfo ?? client?.info ?? null;
    if (!isUserConnection(op)) return { clientInfo, proxy, session: null };
    const key = sessionKeyOf(op);
    const id = op.name === "CloseUserConn" ? this.#endedBy(key, eventId) : null;
    return { clientInfo, proxy, session: { key, id } };
  }

  /** The first op of a client, and the first after it logged in anew: its login.confirmed is derived from the event. */
  needs(op: Op, monotonicMs: number): boolean {
    return op.known && op.protocol === "frp" && this.roster.confirms(op, monotonicMs);
  }

  /**
   * Takes an op, in the turn in which its event was appended or left out.
   * @param eventId of its event
   * @param monotonicMs when it reached us
   */
  record(op: Op, decision: Decision, eventId: string, context: OpContext, monotonicMs: number): void {
    if (!op.known || op.protocol !== "frp") return;
    const allowed = decision.effect === "allowed";
    if (op.name === "Login") {
      if (!allowed) return;
      const metas = this.#recovering ? null : metasDigest(op.metas);
      this.roster.admit(op, eventId, metas, monotonicMs);
      if (!this.#recovering) this.#logins.add(loginSubjectsOf(op), monotonicMs);
      return;
    }
    const client = this.roster.meet(op, monotonicMs);
    if (op.name === "CloseUserConn") this.#closed(op, eventId, context, monotonicMs);
    else if (op.name === "CloseProxy") this.#proxyClosed(op, client, monotonicMs);
    else if (op.name === "NewUserConn") {
      if (allowed) this.#start(op, decision, eventId, context, client, monotonicMs);
      else this.roster.handOver(op, client, (lost, reason) => this.#sign(lost, reason, op.atMs));
    } else {
      this.#confirm(op, client, eventId, monotonicMs);
      if (op.name === "NewProxy" && allowed) {
        this.roster.openProxy(op, client, asSet(this.begin(op, eventId), decision.set), (lost, reason) =>
          this.#sign(lost, reason, op.atMs),
        );
      }
    }
  }

  /** The op was refused after all: what it brought about is taken back. */
  takeBack(op: Op, eventId: string, context: OpContext): void {
    if (op.name === "Login") this.#takeBackLogin(op, eventId);
    if (op.name === "NewProxy") this.roster.forgetProxy(op);
    const key = context.session?.key;
    const session = key === undefined ? undefined : this.open.findNewest(key, eventId);
    if (!session) return;
    if (this.#recovering) this.overridden.add(session);
    else this.#endings.override(session);
  }

  /** Ends the inferring; what is open stays so. */
  stop(): void {
    this.inference.stop();
  }

  /** What was is about to be told: snapshot, then journal. Nothing is derived until endRecovery. */
  beginRecovery(): void {
    this.#recovering = true;
    this.roster.naming = null;
  }

  /**
   * What comes now knows users and addresses by this naming. What was open before bears the names that it began with,
   * and whatever tells of its end will have others: it is inferred to be over.
   */
  nameBy(naming: string): void {
    const { roster, open, inference } = this;
    if (roster.naming !== null && roster.naming !== naming) {
      const proxies = new Set(open.all().map(({ through }) => through));
      for (const proxy of proxies) inference.sign(proxy, "client_gone", this.#options.clock.now());
      roster.rename(naming);
    }
    roster.naming = naming;
  }

  /** The wall clock's time of a moment of this process's clock. */
  wallMs(monotonicMs: number): number {
    const { clock } = this.#options;
    return clock.now() - (clock.monotonic() - monotonicMs);
  }

  /** Until endRecovery(): what is known has no place yet for what is still to be derived. */
  get recovering(): boolean {
    return this.#recovering;
  }

  /** Derives what the journal does not hold, though it should. */
  endRecovery(): void {
    this.#recovering = false;
    for (const node of this.roster.nodes.values()) node.uncount();
    for (const client of [...this.roster.confirming()]) this.#publishConfirmed(client);
    for (const session of this.overridden) this.#endings.override(session);
    this.overridden.clear();
    for (const session of [...this.late.all(), ...this.open.all()]) {
      const { over, through } = session;
      const next = over || !through.kind.byConnection ? undefined : this.open.after(session);
      if (session.close) this.#endings.announce(session);
      else if (next) this.#endings.replace(session, next.startedMs);
    }
    this.nameBy(this.#options.origin.naming ?? "");
    this.inference.run();
  }

  /** The session that a close of this key ends. */
  #endedBy(key: string, eventId: string): string | null {
    const told = this.#told.of(eventId);
    if (told !== undefined) return told;
    return (this.open.of(key).session ?? this.late.of(key).session)?.id ?? null;
  }

  #start(
    op: Op,
    decision: Decision,
    id: string,
    context: OpContext,
    client: Client,
    monotonicMs: number,
  ): void {
    const key = context.session!.key;
    if (this.#told.of(id) !== undefined) return;
    this.#told.add(id, id);
    const before = this.open.of(key).session;
    const through = this.roster.proxyOf(op, client, context, (lost, reason) =>
      this.#sign(lost, reason, op.atMs),
    );
    if (through.kind.byConnection) {
      if (before && !this.#recovering) this.#endings.replace(before, op.atMs);
      this.late.forget(key);
    }
    const session = this.open.add({
      id,
      key,
      remote: op.remote,
      setting: through.setting,
      grounds: through.grounds(decision),
      through,
      startedMs: op.atMs,
      startedMonotonicMs: monotonicMs,
      measured: !this.#recovering,
    });
    if (this.#recovering) return;
    this.#begun.add(subjectsOf(session), monotonicMs, session.places.begun);
    this.#options.observer.opened();
    const oldest = this.open.size > this.#options.maxOpen ? this.open.oldest : undefined;
    if (oldest) void this.#endings.infer(oldest, { reason: "max_open", atMs: op.atMs, notAfterMs: null });
    this.inference.schedule();
  }

  #takeBackLogin(op: Op, eventId: string): void {
    const { logins } = this.roster.node(op.node);
    const login = logins.remove(eventId);
    if (login && !this.#recovering) this.#logins.takeBack(loginSubjectsOf(op), login.monotonicMs);
  }

  #closed(op: Op, id: string, { session: about }: OpContext, monotonicMs: number): void {
    this.#announced(op, monotonicMs);
    if (this.#told.of(id) !== undefined) return;
    const { key, id: named } = about!;
    this.#told.add(id, named);
    const session = named === null ? undefined : (this.open.find(key, named) ?? this.late.find(key, named));
    if (!session) {
      if (!this.#recovering) this.#options.observer.unpaired();
      return;
    }
    const others = this.open.of(key).count + this.late.of(key).count - 1;
    const pairing = session.through.kind.byConnection ? "exact" : others > 0 ? "ambiguous" : "likely";
    session.close = { id, atMs: op.atMs, monotonicMs, traffic: op.traffic, pairing };
    session.through.closes++;
    if (!this.#recovering) this.#endings.announce(session);
  }

  #announced(op: Op, monotonicMs: number): void {
    const kind = this.roster.node(op.node).kindOf(op.proxy?.type ?? null);
    const { announced } = kind;
    kind.toldMs = Math.max(kind.toldMs, monotonicMs);
    kind.proof = "told";
    if (!announced && !this.#recovering) this.#options.observer.endsAnnounced(kind, true);
  }

  #proxyClosed(op: Op, client: Client, monotonicMs: number): void {
    const { returns } = this.roster.node(op.node);
    if (returns.takesClose(client, op.proxy?.name ?? "", monotonicMs)) return;
    const proxy = this.roster.closeProxy(op);
    if (proxy) this.#sign(proxy, "proxy_closed", op.atMs);
  }

  /** frps asks about these ops only for clients that got in. */
  #confirm(op: Op, client: Client, id: string, monotonicMs: number): void {
    const confirmation = this.roster.confirm(op, client, id, monotonicMs, (proxy) =>
      this.#sign(proxy, "client_gone", op.atMs),
    );
    if (confirmation && !this.#recovering) this.#publishConfirmed(client);
  }

  #publishConfirmed(client: Client): void {
    const confirmation = client.confirming!;
    client.confirming = null;
    this.#options.observer.confirmed(confirmation.pairing);
    const { publish, origin } = this.#options;
    void publish(confirmedDraft(client, confirmation, this.roster.naming ?? "", origin));
  }

  #sign(proxy: OpenProxy, reason: "proxy_closed" | "client_gone", atMs: number): void {
    this.inference.sign(proxy, reason, atMs);
    if (!this.#recovering) this.inference.run();
  }
}

function loginSubjectsOf({ user, remote }: Op): Subjects {
  return { user, proxy: null, ip: remote?.ip ?? null };
}

/** What frps was told to open instead of what was asked for. */
function asSet(context: OpContext, set: Decision["set"]): OpContext {
  const { proxy } = context;
  if (set === undefined || proxy === null) return context;
  const { remote_port: port, custom_domains: domains } = set;
  const remotePort = typeof port === "number" ? port || null : proxy.remotePort;
  const names = Array.isArray(domains) ? requestedDomains(domains as string[], "", null) : proxy.domains;
  return { ...context, proxy: { ...proxy, remotePort, domains: names } };
}
