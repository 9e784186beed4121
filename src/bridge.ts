/**
 * The bridge: one operation in, one answer out, one event kept.
 *
 *   decide ──▶ record ──▶ answer      decide never waits; record waits for the disk, never for Kafka or Redis
 *
 * With events.pseudonyms, what records is told of the op and its decision by pseudonyms; who decides, who answers and the
 * log have the true names.
 *
 * Guarantee: when handle() resolves, the op's event is durable, or events.publish leaves it out, or journal.onFailure
 * has said what happens instead: `answer` gives the decided answer while the record waits in memory, `refuse` refuses.
 */
import type { Clock } from "./clock.ts";
import type { Decision } from "./decision.ts";
import type { Draft, Origin } from "./events/draft.ts";
import type { Redact } from "./events/redact.ts";
import { eventIdOf, eventTypeOf, type OpContext, opDraft } from "./events/render.ts";
import type { Volume } from "./events/volume.ts";
import type { Journal, Kept } from "./journal/journal.ts";
import type { Answer, Op } from "./op.ts";
import { decide } from "./policy/decide.ts";
import type { ConnectionCounts, Facts, ProxyCounts } from "./policy/facts.ts";
import type { PolicyView } from "./policy/policy.ts";
import type { Pseudonyms } from "./pseudonyms/pseudonyms.ts";

/** What the bridge tells of each op; counters and log lines are made of it. */
export interface BridgeObserver {
  answered(op: Op, decision: Decision, about: Answered): void;
}

export interface Answered {
  readonly durationMs: number;
  /** Of the event that tells what was answered. */
  readonly eventId: string;
  /** Why the event was not durable when the answer left; null where it was, or was to be left out. */
  readonly unkept: Unkept | null;
  readonly answer: Answer;
}

type Unkept = Exclude<Kept, { ok: true }>;

/** What the ops before this one tell of it, and what it tells of those to come. */
export interface BridgeSessions {
  readonly counts: ConnectionCounts;
  readonly proxies: ProxyCounts;
  /** @param eventId of the op's event to be */
  begin(op: Op, eventId: string): OpContext;
  /** Whether what is told of this op would not stand without its event, which then may not be left out. */
  needs(op: Op, monotonicMs: number): boolean;
  /** In the same turn in which the op's event was appended. */
  record(op: Op, decision: Decision, eventId: string, context: OpContext, monotonicMs: number): void;
  /** The op was refused after all. */
  takeBack(op: Op, eventId: string, context: OpContext): void;
}

export interface BridgeParts {
  readonly policy: PolicyView;
  readonly sessions: BridgeSessions;
  readonly journal: Journal;
  readonly origin: Origin;
  readonly redact: Redact;
  readonly clock: Clock;
  readonly observer: BridgeObserver;
  readonly onFailure: "answer" | "refuse";
  /** Null where every event is published. */
  readonly volume: Volume | null;
  /** Null where events bear true names. */
  readonly pseudonyms: Pick<Pseudonyms, "op" | "decision" | "countsFor"> | null;
}

/** An op and its decision as they are told of. */
interface Told {
  readonly op: Op;
  readonly decision: Decision;
}

/** Ops that came within this time and are written together have one timer: one for each costs more than its decision. */
const togetherMs = 1;

/** A record that is waited for, with those that are written with it. */
interface Awaited {
  readonly kept: Promise<Kept>;
  readonly deadlineMs: number;
  readonly sinceMs: number;
  readonly inTime: Promise<Kept>;
}

const allow: Answer = { kind: "allow" };
const notRecordedReason = "could not be recorded";

export class Bridge {
  readonly #parts: BridgeParts;
  #awaited: Awaited | null = null;

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  /** @param deadlineMs longest wait for the record, in milliseconds; the edge that asks sets it */
  async handle(op: Op, deadlineMs: number): Promise<Answer> {
    const { policy, sessions, clock, pseudonyms } = this.#parts;
    const startedMs = clock.monotonic();
    const id = eventIdOf(op);
    const toldOp = pseudonyms === null ? op : pseudonyms.op(op);
    const context = sessions.begin(toldOp, id);
    const decided = decide(policy, op, this.#factsFor(op, toldOp));
    const told = { op: toldOp, decision: this.#asTold(decided, op, toldOp) };
    if (this.#leavesOut(told, id, context, startedMs)) {
      sessions.record(toldOp, told.decision, id, context, startedMs);
      return this.#answer(op, decided, id, null, startedMs);
    }
    const isUnrecorded = this.#mustRefuseUnrecorded(op, decided);
    const decision = isUnrecorded ? notRecorded(decided) : decided;
    const kept = isUnrecorded ? { op: toldOp, decision: notRecorded(told.decision) } : told;
    const keeping = this.#record(this.#draft(kept, context, undefined, id), startedMs, deadlineMs);
    sessions.record(toldOp, kept.decision, id, context, startedMs);
    const outcome = await keeping;
    const { answered, eventId } = outcome.ok
      ? { answered: decision, eventId: id }
      : this.#unrecorded(op, decision, kept, id, context, outcome);
    return this.#answer(op, answered, eventId, outcome.ok ? null : outcome, startedMs);
  }

  #answer(op: Op, decision: Decision, eventId: string, unkept: Unkept | null, startedMs: number): Answer {
    const { clock, observer } = this.#parts;
    const answer = answerTo(decision);
    observer.answered(op, decision, { durationMs: clock.monotonic() - startedMs, eventId, unkept, answer });
    return answer;
  }

  #factsFor({ atMs }: Op, toldOp: Op): Facts {
    const { policy, sessions, pseudonyms } = this.#parts;
    const { counts: connections, proxies } = sessions;
    const facts = { nowMs: atMs, tokenMeta: policy.settings.tokenMeta, connections, proxies };
    return pseudonyms === null ? facts : { ...facts, ...pseudonyms.countsFor(toldOp, facts) };
  }

  #asTold(decision: Decision, op: Op, toldOp: Op): Decision {
    const { pseudonyms } = this.#parts;
    return pseudonyms === null ? decision : pseudonyms.decision(decision, op, toldOp);
  }

  /** Refusals are kept, and what would be one, were all rules enforced. */
  #leavesOut({ op, decision }: Told, id: string, { request }: OpContext, startedMs: number): boolean {
    const { volume, sessions } = this.#parts;
    if (volume === null || decision.wouldRefuse) return false;
    const type = eventTypeOf(op, decision);
    if (volume.publishes(type, request?.id ?? id) || sessions.needs(op, startedMs)) return false;
    volume.leaveOut(type);
    return true;
  }

  /** A journal that is known to fail now will not keep this op either: its event then says refused at once. */
  #mustRefuseUnrecorded(op: Op, decision: Decision): boolean {
    const { journal, onFailure } = this.#parts;
    return onFailure === "refuse" && journal.failing && op.refusable && decision.effect === "allowed";
  }

  #draft({ op, decision }: Told, context: OpContext, supersedes?: string, id?: string): Draft {
    return opDraft(op, decision, this.#parts.origin, this.#parts.redact, context, supersedes, id);
  }

  #record(draft: Draft, startedMs: number, deadlineMs: number): Promise<Kept> {
    const kept = this.#parts.journal.append(draft.stream, draft.key, draft.render);
    const last = this.#awaited;
    if (last?.kept === kept && last.deadlineMs === deadlineMs && startedMs - last.sinceMs < togetherMs)
      return last.inTime;
    const inTime = this.#inTime(kept, deadlineMs);
    this.#awaited = { kept, deadlineMs, sinceMs: startedMs, inTime };
    return inTime;
  }

  #inTime(keeping: Promise<Kept>, deadlineMs: number): Promise<Kept> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(deadlineMs, () =>
        resolve({ ok: false, failure: "journal_slow", queued: true }),
      );
      keeping.then((kept) => {
        cancel();
        resolve(kept);
      });
    });
  }

  /** What is answered instead: the decision itself, or a refusal whose event takes the place of the first. */
  #unrecorded(
    op: Op,
    decision: Decision,
    told: Told,
    id: string,
    context: OpContext,
    kept: Unkept,
  ): { answered: Decision; eventId: string } {
    const { onFailure, journal, sessions } = this.#parts;
    const override = onFailure === "refuse" && op.refusable && decision.effect === "allowed";
    const answered = override ? notRecorded(decision) : decision;
    if (override) sessions.takeBack(told.op, id, context);
    if (!override || !kept.queued) return { answered, eventId: id };
    const refused = { op: told.op, decision: notRecorded(told.decision) };
    const second = this.#draft(refused, context, id);
    void journal.append(second.stream, second.key, second.render);
    return { answered, eventId: second.id };
  }
}

/** The answer that a decision asks for; ops that cannot be refused are answered unchanged. */
export function answerTo(decision: Decision): Answer {
  const { effect, reason, set, prox } = decision;
  if (effect === "refused") return { kind: "refuse", reason, ...(prox && { prox }) };
  if (set !== undefined) return { kind: "rewrite", set };
  return prox === undefined ? allow : { kind: "allow", prox };
}

function notRecorded(decision: Decision): Decision {
  const { set: _dropped, prox: _neither, ...rest } = decision;
  return { ...rest, effect: "refused", reason: notRecordedReason, code: "not_recorded", rule: null };
}
