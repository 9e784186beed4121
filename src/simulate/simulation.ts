/**
 * A simulation: recorded events in, what a candidate policy would have changed out.
 *
 * Memory: a group for each rule, user, op and cause of a change, of which there are `mostGroups` at most, the rest only
 * counted; and 5 bytes for each operation that may come again, which Kafka's may.
 */
import { parseEvent } from "../events/parse.ts";
import type { Redact } from "../events/redact.ts";
import { typePrefix } from "../events/schema.ts";
import { LeftOutEvents, leftOutByType } from "../ledger/left-out.ts";
import { Numbers } from "../ledger/numbers.ts";
import type { PolicyView } from "../policy/policy.ts";
import { judge, type Verdict } from "./judge.ts";
import { type Asked, askedBy } from "./naming.ts";
import {
  type LeftOut,
  type Outcome,
  operationIn,
  type ReadAs,
  type SimulatedEvent,
  simulatedTypes,
} from "./operation.ts";

export interface SimulationOptions {
  readonly policy: PolicyView;
  readonly subdomainHost: ReadAs["subdomainHost"];
  /** Redaction by hmac with the key in force, where there is one. */
  readonly keyed: Redact | null;
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly untilMs: number;
  /** Only of a user that is called one of these. */
  readonly users?: readonly string[] | undefined;
  /** Only these ops, by their native names. */
  readonly ops?: ReadonlySet<string> | undefined;
  readonly mostGroups?: number;
}

/** What changes in one way, by one rule, for one user and op. */
export interface Group {
  readonly change: "decision" | "rewrite" | "undecidable";
  readonly from: Outcome;
  /** Null where it is undecidable. */
  readonly to: Outcome | null;
  /** Null: no rule's doing. */
  readonly rule: string | null;
  /** The reason code of what it would be now; at worst, where it is undecidable. */
  readonly code: string | null;
  readonly user: string | null;
  readonly op: string;
  times: number;
  /** Of the latest. */
  last: string;
  readonly why: string;
}

export interface SimulationReport {
  readonly operations: number;
  /** Of the earliest and of the latest; null without any. */
  readonly first: string | null;
  readonly last: string | null;
  readonly asBefore: number;
  readonly changed: number;
  readonly undecidable: number;
  /** Refused because there was no policy, an old one, or no record of the op; or by a ban. */
  readonly notThePolicys: number;
  /** Events that take an earlier one's place, since what that one told could not be recorded in time. */
  readonly corrections: number;
  /** The same events again. */
  readonly repeated: number;
  /** Events that this release cannot read. */
  readonly unreadable: number;
  /** Operations whose events hold pseudonyms: rules of users, proxies or addresses cannot be asked about them. */
  readonly pseudonymous: number;
  /**
   * Of operations, by type of event: how many events.publish left out since the bridges started that tell of it in
   * this time. They are in none of the counts above.
   */
  readonly unpublished: Readonly<Record<string, number>>;
  /** The most frequent first. */
  readonly groups: readonly Group[];
  /** Changes and undecidable operations beyond the groups. */
  readonly ungrouped: number;
}

const defaultMostGroups = 10_000;
/** Of what a stranger may have chosen. */
const mostText = 256;
const types: ReadonlySet<string> = new Set(simulatedTypes.map((type) => typePrefix + type));
const bridgePrefix = `${typePrefix}bridge.`;

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #numbers = new Map<string, Numbers>();
  readonly #groups = new Map<string, Group>();
  readonly #unpublished = new LeftOutEvents();
  readonly #leftOut: Record<LeftOut, number> = { "not the policy's": 0, correction: 0, unreadable: 0 };
  #first: string | null = null;
  #last: string | null = null;
  #asBefore = 0;
  #changed = 0;
  #undecidable = 0;
  #repeated = 0;
  #unreadable = 0;
  #ungrouped = 0;
  #pseudonymous = 0;
  readonly #asked: Asked;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#asked = askedBy(options.policy.rules);
  }

  /**
   * @param event its JSON
   * @param topic where it may come again; null where it can't
   */
  add(event: string, topic: string | null): void {
    // The type stands among the first attributes: most of what takes no part need not be parsed.
    const type = /"type":"([^"]*)"/.exec(event)?.[1] ?? "";
    if (type.startsWith(bridgePrefix)) this.#listen(event);
    if (!types.has(type)) return;
    const parsed = parseEvent(event);
    if (!parsed.ok) {
      this.#unreadable++;
      return;
    }
    const recorded = parsed.event as SimulatedEvent;
    if (!this.#isMeant(recorded)) return;
    if (topic !== null && this.#isRepeated(recorded, topic)) {
      this.#repeated++;
      return;
    }
    const { policy, subdomainHost, keyed } = this.#options;
    const { tokenMeta } = policy.settings;
    const operation = operationIn(recorded, { tokenMeta, subdomainHost, asked: this.#asked });
    if (typeof operation === "string") {
      this.#leftOut[operation]++;
      return;
    }
    const { time, pseudonyms } = recorded;
    if (pseudonyms !== undefined) this.#pseudonymous++;
    if (this.#first === null || time < this.#first) this.#first = time;
    if (this.#last === null || time > this.#last) this.#last = time;
    const verdict = judge(policy, operation, keyed);
    if (verdict.kind === "same") this.#asBefore++;
    else this.#take(verdict, operation.outcome, recorded);
  }

  report(): SimulationReport {
    const groups = [...this.#groups.values()];
    return {
      operations: this.#asBefore + this.#changed + this.#undecidable + this.#leftOut["not the policy's"],
      first: this.#first,
      last: this.#last,
      asBefore: this.#asBefore,
      changed: this.#changed,
      undecidable: this.#undecidable,
      notThePolicys: this.#leftOut["not the policy's"],
      corrections: this.#leftOut.correction,
      repeated: this.#repeated,
      unreadable: this.#unreadable + this.#leftOut.unreadable,
      pseudonymous: this.#pseudonymous,
      unpublished: Object.fromEntries(
        [...leftOutByType(this.#unpublished.report())].filter(([type]) => types.has(typePrefix + type)),
      ),
      groups: groups.sort((a, b) => rank(a) - rank(b) || b.times - a.times || (a.last < b.last ? 1 : -1)),
      ungrouped: this.#ungrouped,
    };
  }

  /** What a bridge says of itself. */
  #listen(event: string): void {
    const parsed = parseEvent(event);
    if (!parsed.ok || !this.#isInTime(parsed.event.time)) return;
    this.#unpublished.add(parsed.event, parsed.event.data);
  }

  #isInTime(time: string): boolean {
    const { fromMs, untilMs } = this.#options;
    const ms = Date.parse(time);
    return ms >= fromMs && ms < untilMs;
  }

  #isMeant({ time, data }: SimulatedEvent): boolean {
    const { users, ops } = this.#options;
    if (!this.#isInTime(time)) return false;
    const isOfUser = users === undefined || (data.user !== null && users.includes(data.user));
    return isOfUser && (ops === undefined || ops.has(data.op));
  }

  #isRepeated({ id, instance, epoch, sequence }: SimulatedEvent, topic: string): boolean {
    const stream = `${instance} ${epoch} ${topic}`;
    const numbers = this.#numbers.get(stream) ?? new Numbers();
    this.#numbers.set(stream, numbers);
    return numbers.add(Number(sequence), id, 0, 0) === "same";
  }

  #take(verdict: Exclude<Verdict, { kind: "same" }>, from: Outcome, { time, data }: SimulatedEvent): void {
    if (verdict.kind === "undecidable") this.#undecidable++;
    else this.#changed++;
    const { kind: change, rule, code } = verdict;
    const why = short(verdict.why);
    const to = verdict.kind === "decision" ? verdict.to : verdict.kind === "rewrite" ? from : null;
    const [user, op] = [data.user === null ? null : short(data.user), short(data.op)];
    const key = JSON.stringify([change, from, to, rule, code, user, op, why]);
    const group = this.#groups.get(key);
    if (group !== undefined) {
      group.times++;
      if (time > group.last) group.last = time;
    } else if (this.#groups.size < (this.#options.mostGroups ?? defaultMostGroups)) {
      this.#groups.set(key, { change, from, to, rule, code, user, op, times: 1, last: time, why });
    } else this.#ungrouped++;
  }
}

/** Changes stand above what is undecidable. */
function rank({ change }: Group): number {
  return change === "undecidable" ? 1 : 0;
}

/** A part of a text keeps all of it in memory. */
function short(text: string): string {
  return text.length > mostText ? Buffer.from(text.slice(0, mostText)).toString() : text;
}
