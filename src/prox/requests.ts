/**
 * Which request a response, or the end of a request, belongs to: prox gives none of them an id.
 *
 *   on_request, allowed ──▶ open ──on_response──▶ answered ──on_disconnect──▶ forgotten
 *                             └── on_disconnect, refused after all, `longestMs`, or too many ──▶ forgotten
 *
 * They share the route and the visitor's address and port. One that is open alone is the one (`exact`). Of several the
 * likeliest is taken, and it is said to be `ambiguous`: of a response the oldest that asked for the same; of an end the
 * one whose age is nearest to the duration. One that is younger than the duration is not it, so that the end of a
 * request from before a restart belongs to none.
 *
 * prox drops ends beyond its queue of 256, so some never come. What came over HTTP/1 came one after the other: with the
 * end of one, those before it are over too, and what follows is exact again.
 *
 * A refused one that goes to the fallback is open too: prox tells of its response and its end.
 *
 * Memory: at most `mostOpen` requests, and `mostAtOnce` of one address; of too many the oldest is forgotten.
 */
import { hash } from "node:crypto";
import type { BridgeSessions } from "../bridge.ts";
import type { Clock } from "../clock.ts";
import type { Decision } from "../decision.ts";
import type { Pairing } from "../events/data.ts";
import { type OpContext, sessionKeyOf } from "../events/render.ts";
import type { Op } from "../op.ts";

const mostOpen = 100_000;
const mostAtOnce = 256;
const longestMs = 86_400_000;
/** prox counts from before it asks, so that a request may seem a little younger than its duration. */
const leewayMs = 2_000;

interface Open {
  readonly id: string;
  readonly key: string;
  readonly asked: string;
  readonly startedMs: number;
  /** Whether its connection carries one request at a time. */
  readonly oneByOne: boolean;
  answered: boolean;
}

/** With what it found, so that it need not be sought again. */
interface Context extends OpContext {
  readonly request?: { readonly id: string | null; readonly pairing: Pairing };
}

const nothing: OpContext = Object.freeze({ clientInfo: null, proxy: null, session: null });

/** What the bridge asks of sessions, for prox: it tells the end of no connection, so that none is ever counted. */
export class Requests implements BridgeSessions {
  readonly counts = { open: () => 0, begun: () => 0, logins: () => 0, endsAnnounced: () => false };
  readonly proxies = { others: () => 0 };
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #open = new Map<string, Open>();
  readonly #byKey = new Map<string, Open[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  begin(op: Op): Context {
    if (!op.known) return nothing;
    if (op.name === "on_connect") return { ...nothing, session: { key: sessionKeyOf(op), id: null } };
    if (op.name === "on_response") return { ...nothing, request: this.#answeredBy(op) };
    if (op.name === "on_disconnect") return { ...nothing, request: this.#endedBy(op) };
    return nothing;
  }

  /** They are kept in memory alone. */
  needs(): boolean {
    return false;
  }

  record(op: Op, decision: Decision, eventId: string, { request }: Context, monotonicMs: number): void {
    if (!op.known) return;
    const goesOn = decision.effect === "allowed" || decision.prox?.fallback;
    if (op.name === "on_request" && goesOn) this.#add(op, eventId, monotonicMs);
    const found = request?.id ? this.#open.get(request.id) : undefined;
    if (found === undefined) return;
    if (op.name === "on_response") found.answered = true;
    else this.#end(found);
  }

  takeBack(_op: Op, eventId: string): void {
    const refused = this.#open.get(eventId);
    if (refused) this.#forget(refused);
  }

  #add(op: Op, id: string, startedMs: number): void {
    const key = keyOf(op);
    const oneByOne = op.prox?.version?.startsWith("HTTP/1") ?? false;
    const request: Open = { id, key, asked: askedIn(op), startedMs, oneByOne, answered: false };
    const others = this.#byKey.get(key);
    this.#open.set(id, request);
    if (others === undefined) this.#byKey.set(key, [request]);
    else if (others.push(request) > mostAtOnce) this.#forget(others[0]!);
    for (const oldest of this.#open.values()) {
      const kept = this.#open.size <= mostOpen && this.#clock.monotonic() - oldest.startedMs <= longestMs;
      if (kept) break;
      this.#forget(oldest);
    }
  }

  #answeredBy(op: Op): NonNullable<Context["request"]> {
    const asked = askedIn(op);
    const those = this.#of(op).filter((one) => !one.answered && one.asked === asked);
    return matched(those[0], those.length);
  }

  #endedBy(op: Op): NonNullable<Context["request"]> {
    const nowMs = this.#clock.monotonic();
    const durationMs = op.prox?.durationMs ?? 0;
    const off = (one: Open): number => Math.abs(nowMs - one.startedMs - durationMs);
    const those = this.#of(op).filter((one) => nowMs - one.startedMs + leewayMs >= durationMs);
    const nearest = those.reduce<Open | undefined>(
      (best, one) => (best === undefined || off(one) < off(best) ? one : best),
      undefined,
    );
    return matched(nearest, those.length);
  }

  #end(ended: Open): void {
    const those = this.#byKey.get(ended.key)!;
    if (ended.oneByOne) for (const before of those.slice(0, those.indexOf(ended))) this.#forget(before);
    this.#forget(ended);
  }

  #forget(request: Open): void {
    this.#open.delete(request.id);
    const left = this.#byKey.get(request.key)!.filter((one) => one !== request);
    if (left.length === 0) this.#byKey.delete(request.key);
    else this.#byKey.set(request.key, left);
  }

  #of(op: Op): readonly Open[] {
    return this.#byKey.get(keyOf(op)) ?? [];
  }
}

function matched(request: Open | undefined, of: number): NonNullable<Context["request"]> {
  if (request === undefined) return { id: null, pairing: "none" };
  return { id: request.id, pairing: of === 1 ? "exact" : "ambiguous" };
}

function keyOf({ prox, remote }: Op): string {
  return `${prox?.route ?? ""}\n${remote?.ip ?? ""}\n${remote?.port ?? ""}`;
}

/** Short, however long the path is that a visitor chose. */
function askedIn({ prox }: Op): string {
  return hash("sha1", `${prox?.method}\n${prox?.path}\n${prox?.query}`, "base64");
}
