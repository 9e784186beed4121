/**
 * Ends that nobody announced.
 *
 *   idle ──a sign is due, or a session is too old──▶ inferring ──nothing is due──▶ idle, until a timer
 *                                                       │ 256 ends at once
 *                                                       └─ waits until they are on disk
 *
 * Guarantees: the sessions of a proxy get their grace where their closes are known to come; however many are over at
 * once, the journal's queue holds a bounded number of their ends.
 */
import type { Clock } from "../clock.ts";
import type { EndReason } from "../events/data.ts";
import type { Kept } from "../journal/journal.ts";
import type { Departure, Departures } from "./departures.ts";
import type { Kind } from "./kind.ts";
import type { OpenSessions } from "./open-sessions.ts";
import { settleMs } from "./returns.ts";
import type { Roster } from "./roster.ts";
import type { OpenProxy, Session } from "./session.ts";

/** Where nothing is known yet, a first close may still be on its way. */
const unknownGraceMs = 2_000;
const mostAtOnce = 256;
const pauseMs = 1_000;
/** Timers need not be finer. */
const sweepMs = 60_000;

export interface InferredEnd {
  readonly reason: EndReason;
  /** Wall clock, when the sign was seen. */
  readonly atMs: number;
  readonly notAfterMs: number | null;
}

interface InferenceParts {
  readonly maxOpen: number;
  readonly maxAgeMs: number;
  readonly endGraceMs: number;
  readonly clock: Clock;
  readonly open: OpenSessions;
  readonly departures: Departures;
  readonly roster: Roster;
  readonly end: (session: Session, end: InferredEnd) => Promise<Kept>;
  /** The ends of this kind do not come any more. */
  readonly doubt: (kind: Kind) => void;
}

export class Inference {
  readonly #parts: InferenceParts;
  #running = false;
  #stopped = false;
  #cancel: (() => void) | null = null;
  #timerMs = Number.POSITIVE_INFINITY;
  #sweptMs = 0;

  constructor(parts: InferenceParts) {
    this.#parts = parts;
  }

  /**
   * The sessions that this proxy has now are over, or will be.
   * @param atMs wall clock of the sign
   * @param then how it was at the sign, where that is not now
   */
  sign(
    proxy: OpenProxy,
    reason: EndReason,
    atMs: number,
    then?: Pick<Departure, "throughOrder" | "closes">,
  ): void {
    const { clock, departures, open, roster } = this.#parts;
    const { kind, closes, sessions } = proxy;
    if (sessions.size === 0) {
      roster.node(proxy.client.node).dropIfIdle(proxy);
      return;
    }
    // Told already, and nothing has begun since.
    if (proxy.leaving?.reason === reason && proxy.lastOrder <= proxy.leaving.throughOrder) return;
    // Connections may outlive their proxy, but not their client: those keep nobody out while their closes may come.
    if (reason !== "proxy_closed") for (const session of sessions.all()) kind.release(session);
    const graceMs = Math.max(this.#graceMs(kind), reason === "client_gone" ? settleMs : 0);
    const sinceMs = clock.monotonic() - Math.max(0, clock.now() - atMs);
    const counts = { throughOrder: open.lastOrder, closes, ...then };
    departures.add({ proxy, reason, signMs: atMs, sinceMs, dueMs: sinceMs + graceMs, ...counts });
  }

  /** Infers what is due, and comes back for what is not. */
  run(): void {
    if (!this.#running && !this.#stopped) void this.#infer();
  }

  /** Comes back when the next sign or the next age is due. */
  schedule(): void {
    const dueMs = Math.min(this.#nextMs(), this.#sweptMs + sweepMs);
    if (this.#stopped || this.#running || dueMs >= this.#timerMs) return;
    this.#cancel?.();
    this.#timerMs = dueMs;
    this.#cancel = this.#parts.clock.after(dueMs - this.#parts.clock.monotonic(), () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#cancel = null;
      this.run();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #infer(): Promise<void> {
    const { clock, roster } = this.#parts;
    this.#running = true;
    let kept: Promise<Kept> | null = null;
    for (let count = 0; !this.#stopped; ) {
      const ended = this.#inferOne();
      if (ended === "nothing due") break;
      if (ended === "no session") continue;
      kept = ended;
      if (++count % mostAtOnce > 0) continue;
      // What is known to be lost, or waits for a disk that fails, is no reason to hurry.
      if (!(await kept).ok) await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
    }
    this.#running = false;
    if (clock.monotonic() - this.#sweptMs >= sweepMs) {
      this.#sweptMs = clock.monotonic();
      roster.forgetIdle(this.#sweptMs);
    }
    this.schedule();
  }

  #inferOne(): Promise<Kept> | "no session" | "nothing due" {
    const { clock, departures, open, maxAgeMs, maxOpen } = this.#parts;
    const nowMs = clock.monotonic();
    const departure = departures.next;
    if (departure && departure.dueMs <= nowMs) return this.#depart(departure);
    const { oldest } = open;
    if (oldest && oldest.startedMonotonicMs + maxAgeMs <= nowMs) {
      return this.#parts.end(oldest, { reason: "max_age", atMs: clock.now(), notAfterMs: null });
    }
    // More than there may be were taken up at the start.
    if (oldest && open.size > maxOpen) {
      return this.#parts.end(oldest, { reason: "max_open", atMs: clock.now(), notAfterMs: null });
    }
    return "nothing due";
  }

  #depart(departure: Departure): Promise<Kept> | "no session" {
    const { proxy, throughOrder, signMs, reason } = departure;
    const session = proxy.sessions.oldest;
    if (session === undefined || session.order > throughOrder) {
      this.#finish(departure);
      return "no session";
    }
    return this.#parts.end(session, {
      reason: this.#reasonOf(departure, session),
      atMs: signMs,
      // A connection may outlive its proxy, but not its client.
      notAfterMs: reason === "proxy_closed" ? null : signMs,
    });
  }

  #finish(departure: Departure): void {
    const { departures, roster, doubt } = this.#parts;
    const { proxy, reason, closes, sinceMs } = departure;
    departures.finish();
    roster.node(proxy.client.node).dropIfIdle(proxy);
    const { kind } = proxy;
    // A frps that was killed, or a client that was cut off, tells no ends either: only a closed proxy proves it.
    if (reason !== "proxy_closed" || proxy.closes > closes) return;
    // A connection may outlive its proxy, and whoever has one could have all limits lifted by it: what any other
    // proxy's connections were told since proves more.
    if (kind.toldMs >= sinceMs) return;
    const { announced } = kind;
    kind.proof = "doubted";
    if (announced) doubt(kind);
  }

  /** A client that came back may turn out to be one of many that did. */
  #reasonOf({ reason, proxy }: Departure, { startedMonotonicMs }: Session): EndReason {
    if (reason !== "client_gone") return reason;
    const node = this.#parts.roster.node(proxy.client.node);
    const restartedMs = node.returns.restartedMs(this.#parts.clock.monotonic());
    if (restartedMs === null || startedMonotonicMs >= restartedMs) return reason;
    // Whoever was not heard of since has not come back yet, and what it had is gone as well.
    const atMs = this.#parts.clock.now() - (this.#parts.clock.monotonic() - restartedMs);
    for (const lost of node.losesSince(restartedMs)) this.sign(lost, "frps_restarted", atMs);
    // It may be another release of frps that was started.
    for (const kind of node.unprovenSince(restartedMs)) this.#parts.doubt(kind);
    return "frps_restarted";
  }

  #graceMs({ announced, proof }: Kind): number {
    const { endGraceMs } = this.#parts;
    return announced ? endGraceMs : proof === "doubted" ? 0 : Math.min(endGraceMs, unknownGraceMs);
  }

  #nextMs(): number {
    const { departures, open, maxAgeMs } = this.#parts;
    const age = open.oldest ? open.oldest.startedMonotonicMs + maxAgeMs : Number.POSITIVE_INFINITY;
    return Math.min(departures.next?.dueMs ?? Number.POSITIVE_INFINITY, age);
  }
}
