/** Decides from what was asked, answered, ruled and published whether a bridge kept its word. */
import { confirmedId, endId, overriddenId } from "../../src/events/ids.ts";
import type { LedgerReport } from "../../src/ledger/report.ts";
import type { Call } from "../app/call-mix.ts";
import { type Answer, idOf, type Unanswered } from "../app/load.ts";
import { misfiledOf, streamOfOp } from "./filing.ts";
import type { Rulings } from "./rulings.ts";
import { unendedOf } from "./session-ends.ts";
import type { Seen } from "./witness.ts";

export const crimes = {
  lost: "answered, not there, and not named in a gap or a dead letter",
  phantom: "there, but never asked",
  changed: "the same id with another content: a duplicate that its id does not make harmless",
  order: "of one key, a later event appeared before an earlier one",
  sequence: "numbers missing that nothing announces, or given twice",
  stale: "decided by a rule older than the bound",
  baseless: "refused without a rule that says so",
  contradiction: "the event says another decision than the answer",
  misfiled: "on another topic, key or partition than its call's, or telling of another user or op",
  leak: "a run id stands in an event",
  unended: "a CloseUserConn was answered, and the session that it must have ended has no end",
  unpaired: "a session's event without its start, its close or its end, or one that contradicts another",
  silent: "rules came into force, and no event tells of it",
  unanswered:
    "an HTTP error, or none at all though the bridge was never down: frps takes either for a refusal",
} as const;

export type Crime = keyof typeof crimes;

export interface Finding {
  readonly crime: Crime;
  readonly count: number;
  /** The first of them. */
  readonly example: string;
}

export interface Verdict {
  readonly answered: number;
  readonly unanswered: number;
  /** Of the answered ones. */
  readonly delivered: number;
  /** Of the answered ones: not delivered, but named in a gap or a dead letter. */
  readonly named: number;
  /** Records that repeat one which is there already. */
  readonly duplicates: number;
  readonly lost: number;
  readonly phantom: number;
  readonly findings: readonly Finding[];
}

export interface Evidence {
  readonly answers: readonly Answer[];
  /** Calls that got no answer: their events may be there or not. */
  readonly unanswered: readonly Unanswered[];
  /** Whether the bridge was down for some time. */
  readonly wasDown: boolean;
  readonly seen: readonly Seen[];
  readonly report: LedgerReport;
  readonly rulings: Rulings;
  /** When the fault began, and when all had been healed; by performance.now(). */
  readonly struckMs: number;
  readonly healedMs: number;
  /** How old a rule may be that an answer follows, in milliseconds: until all had been healed, and behind that. */
  readonly boundMs: { readonly before: number; readonly healed: number };
  /** Reasons of refusals that this fault may cause by itself, until all had been healed. */
  readonly causes: readonly RegExp[];
  readonly topicPrefix: string;
}

export function judge(evidence: Evidence): Verdict {
  const { answers, seen } = evidence;
  const there = new Set(seen.map(({ id }) => id));
  const absent = answers.filter(({ call }) => !there.has(idOf(call)));
  const named = namedOf(absent, evidence);
  const lost = absent.length - named;
  const phantoms = phantomsOf(evidence);
  return {
    answered: answers.length,
    unanswered: evidence.unanswered.length,
    delivered: answers.length - absent.length,
    named,
    duplicates:
      seen.length - new Set(seen.map(({ id, epoch, sequence }) => `${id} ${epoch} ${sequence}`)).size,
    lost,
    phantom: phantoms.length,
    findings: [
      ...found("lost", lost > 0 ? absent.slice(0, lost) : [], ({ call }) => `${call.op} ${idOf(call)}`),
      ...found("phantom", phantoms, ({ type, id }) => `${type} ${id}`),
      ...found("changed", changedOf(seen), ({ type, id }) => `${type} ${id}`),
      ...found("order", disorderOf(seen), ({ topic, key, journalseq }) => `${topic} ${key} ${journalseq}`),
      ...found("sequence", sequenceFaultsOf(evidence.report), (text) => text),
      ...decisionFindings(evidence),
      ...found("contradiction", contradictionsOf(evidence), ({ call }) => `${call.op} ${idOf(call)}`),
      ...found(
        "misfiled",
        misfiledOf(seen, callsOf(evidence), evidence.topicPrefix),
        ({ type, id }) => `${type} ${id}`,
      ),
      ...found(
        "leak",
        seen.filter(({ leaks }) => leaks),
        ({ type, id }) => `${type} ${id}`,
      ),
      ...found("unended", unendedOf(evidence), ({ call }) => `${call.op} ${idOf(call)}`),
      ...found("unpaired", unpairedOf(evidence.report), (text) => text),
      ...found("silent", unheardOf(evidence), (user) => `of ${user}`),
      ...found("unanswered", wronglyUnanswered(evidence), ({ call, problem }) => `${call.op}: ${problem}`),
    ],
  };
}

/** A dead letter names an id, a gap numbers of a topic: as many answers may be missing from it. */
function namedOf(absent: readonly Answer[], { seen, report, struckMs, topicPrefix }: Evidence): number {
  const buried = new Set(seen.map(({ standsFor }) => standsFor));
  const rest = absent.filter(({ call }) => !buried.has(idOf(call)));
  let named = absent.length - rest.length;
  for (const [topic, answers] of Map.groupBy(rest, ({ call }) => topicPrefix + streamOfOp[call.op])) {
    // Up to a kill that nobody saw: of what was answered since the fault began it may name anything.
    const open = hasOpenGap(topic, report) ? answers.filter(({ atMs }) => atMs >= struckMs).length : 0;
    named += Math.min(answers.length, Math.max(open, namedNumbers(topic, report)));
  }
  return named;
}

function hasOpenGap(topic: string, { gaps }: LedgerReport): boolean {
  return gaps.some(({ topics, count }) => count === null && (topics[topic] ?? { last: null }).last === null);
}

function namedNumbers(topic: string, { streams }: LedgerReport): number {
  const spans = streams.filter((stream) => stream.topic === topic).flatMap(({ announced }) => announced);
  const ofGaps = spans.filter(({ cause }) => cause !== "dead_letter");
  return ofGaps.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** By the id of its event. */
function callsOf({ answers, unanswered }: Evidence): Map<string, Call> {
  return new Map([...answers, ...unanswered].map(({ call }) => [idOf(call), call]));
}

/** An event may take the place of another one only under the id made for that, and of a call that it can be about. */
function phantomsOf(evidence: Evidence): Seen[] {
  const asked = callsOf(evidence);
  return evidence.seen.filter(({ isOp, type, id, supersedes, derivedFrom, closedBy }) => {
    if (derivedFrom !== undefined) {
      return (
        !asked.has(derivedFrom) ||
        !idsOf(type, derivedFrom).includes(id) ||
        !asked.has(closedBy ?? derivedFrom)
      );
    }
    if (!isOp) return false;
    return supersedes === undefined
      ? !asked.has(id)
      : !asked.has(supersedes) || id !== overriddenId(supersedes);
  });
}

/** Of an event that is derived. */
function idsOf(type: string, from: string): string[] {
  return type === "sluice.session.ended" ? [endId(from, false), endId(from, true)] : [confirmedId(from)];
}

function unpairedOf({ sessions, gaps }: LedgerReport): string[] {
  return sessions.flatMap(({ findings, pending }) => [
    ...findings.flatMap(({ fault, epoch, count, examples }) =>
      Array.from({ length: count }, (_, at) => `${fault} ${examples[at]?.session ?? ""} in epoch ${epoch}`),
    ),
    // All that was given has been seen: nothing is on its way.
    ...(gaps.length === 0 ? Array.from({ length: pending }, () => "closed, and never seen to end") : []),
  ]);
}

/** Whose rule changed before all was healed, though nothing was ever told of this user's rule. */
function unheardOf({ rulings, seen, healedMs }: Evidence): string[] {
  const told = new Set(seen.filter(({ type }) => type === "sluice.policy.changed").map(({ key }) => key));
  return rulings.changedBefore(healedMs).filter((user) => !told.has(`user:${user}`));
}

function wronglyUnanswered({ unanswered, wasDown }: Evidence): Unanswered[] {
  return unanswered.filter(({ problem }) => !wasDown || /^\d{3} /.test(problem));
}

function changedOf(seen: readonly Seen[]): Seen[] {
  const first = new Map<string, string>();
  return seen.filter(({ id, digest }) => {
    const before = first.get(id) ?? digest;
    first.set(id, before);
    return before !== digest;
  });
}

/** First appearances within each key of a topic stand in the order of their numbers. */
function disorderOf(seen: readonly Seen[]): Seen[] {
  const last = new Map<string, string>();
  const known = new Set<string>();
  return seen.filter((record) => {
    if (known.has(record.id) || record.standsFor !== undefined) return false;
    known.add(record.id);
    const name = `${record.topic} ${record.key}`;
    const before = last.get(name) ?? "";
    if (record.journalseq > before) last.set(name, record.journalseq);
    return record.journalseq < before;
  });
}

function sequenceFaultsOf({ streams }: LedgerReport): string[] {
  return streams.flatMap(({ epoch, topic, unannounced, reused, pending }) => [
    ...(pending > 0 ? [`${topic}: ${pending} numbers of epoch ${epoch} given, and never seen`] : []),
    ...unannounced.map(({ first, last }) => `${topic} ${first} to ${last} of epoch ${epoch} missing`),
    ...Array.from({ length: reused }, () => `${topic}: a number of epoch ${epoch} given twice`),
  ]);
}

function decisionFindings({ answers, rulings, boundMs, causes, struckMs, healedMs }: Evidence): Finding[] {
  const wrong = answers.flatMap((answer) => {
    const { refused, sentMs, atMs } = answer;
    const fault = rulings.faultOf(answer, sentMs > healedMs ? boundMs.healed : boundMs.before);
    const during = atMs >= struckMs && sentMs <= healedMs;
    const caused = during && refused !== null && causes.some((cause) => cause.test(refused));
    return fault === null || caused ? [] : [{ fault, answer }];
  });
  const example = ({ answer: { call, refused } }: (typeof wrong)[number]): string =>
    `${call.op} of ${call.user} ${refused === null ? "allowed" : `refused: ${refused}`}`;
  return [
    ...found(
      "stale",
      wrong.filter(({ fault }) => fault === "stale"),
      example,
    ),
    ...found(
      "baseless",
      wrong.filter(({ fault }) => fault === "baseless"),
      example,
    ),
  ];
}

/** The last word where one event takes the place of another. */
function contradictionsOf({ answers, seen }: Evidence): Answer[] {
  const byId = new Map(seen.map((record) => [record.id, record]));
  const overriding = new Map(seen.map((record) => [record.supersedes, record]));
  return answers.filter(({ call, refused }) => {
    const id = idOf(call);
    const told = overriding.get(id) ?? byId.get(id);
    return told !== undefined && told.refused !== refused;
  });
}

function found<T>(crime: Crime, all: readonly T[], example: (of: T) => string): Finding[] {
  return all.length === 0 ? [] : [{ crime, count: all.length, example: example(all[0]!) }];
}
