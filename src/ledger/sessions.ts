/**
 * The user sessions of one instance: whether each end has its start and its close, and each close its end.
 *
 *   session.started ──▶ open ──┬─ session.closed ──▶ its session.ended must follow ──▶ ended
 *                              ├─ session.refused, which supersedes the start ──▶ an end must follow
 *                              └─ session.ended, inferred ──▶ ended, until an announced one takes its place
 *
 * Found: events that name a session, a close or an inferred end that is not there; closes without the end that they
 * announce; two ends that contradict each other. What is open is counted and not judged.
 *
 * What an event lacks may also be lost. It is explained, and no finding, where it may have expired, where it began
 * before anything that is left of its instance, or where a number is missing that may be it (absences.ts), whatever
 * became of that number: the ledger judges it by itself. A close whose end may be on its way is pending.
 *
 * What it cannot tell: which of several missing numbers an event had, so that a bridge which forgets as many ends as
 * numbers are missing behind their closes passes; a start that was lost with all its session, if its number was; and
 * whether an inferred end was right.
 *
 * Memory: 13 to 18 bytes a session (session-table.ts). Of at most 100,000 that lack something is kept what it is.
 */
import { type Absence, lackingBefore, lackingBehind } from "./absences.ts";
import type { Counted } from "./event.ts";
import type { SessionExample, SessionFault, SessionFinding, SessionsReport } from "./report.ts";
import { type SessionWord, sessionWordOf } from "./session-event.ts";
import { closeMark, faultsOf, sign } from "./session-signs.ts";
import { SessionTable } from "./session-table.ts";

const mostExamples = 20;

/** The event that shows that a session lacks something. */
interface Lacking {
  readonly session: string;
  readonly topic: string;
  readonly epoch: string;
  readonly journalseq: number;
  readonly ms: number;
  /** When the session began; NaN when it does not say so. */
  readonly startedMs: number;
}

/** What else the ledger knows. */
export interface SessionGrounds {
  /** Numbers of a topic that are not there. */
  readonly absences: (topic: string) => readonly Absence[];
  /** Whether what happened at this time may have expired, or be older than all that is left; NaN is any time. */
  readonly mayBeGone: (topic: string, ms: number) => boolean;
  /** Whether what is journaled right behind this must be there. */
  readonly isFollowed: (event: Lacking) => boolean;
}

export class SessionLedger {
  readonly #sessions = new SessionTable();
  readonly #lacking = new Map<string, Lacking>();
  readonly #mostKept: number;
  #refused = 0;
  #unpaired = 0;

  /** @param mostKept of how many that lack something is kept what it is */
  constructor(mostKept = 100_000) {
    this.#mostKept = mostKept;
  }

  /** Each number once. */
  add(event: Counted, topic: string, value: string): void {
    const word = sessionWordOf(event, value);
    if (word === null) return;
    if (word.says === "refused") this.#refused++;
    if (word.says === "closed" && word.session === null) this.#unpaired++;
    if (word.session !== null) this.#note(word, word.session, event, topic);
  }

  report(instance: string, grounds: SessionGrounds): SessionsReport {
    const counts = this.#counts();
    const all = [...this.#lacking.values()].flatMap((one) =>
      this.#faultsOf(one.session).map((fault) => ({ ...one, fault })),
    );
    const due = all.filter((one) => one.fault !== "unended" || grounds.isFollowed(one));
    const found = [...Map.groupBy(due, ({ topic }) => topic)].flatMap(([topic, own]) =>
      unexplained(own, topic, grounds),
    );
    return {
      instance,
      refused: this.#refused,
      unpaired: this.#unpaired,
      ...counts,
      pending: all.length - due.length,
      explained: due.length - found.length,
      findings: findingsOf(found),
    };
  }

  #note(word: SessionWord, session: string, event: Counted, topic: string): void {
    const slot = this.#sessions.slotOf(session);
    const [signs, close] = [this.#sessions.signsOf(slot), this.#sessions.closeOf(slot)];
    const before = faultsOf(signs, close);
    const own = "close" in word ? closeMark(word.close) : 0;
    const now = signs | signsIn(word, signs, close, own);
    this.#sessions.set(slot, now, close || own);
    const faults = faultsOf(now, close || own);
    if (faults.length === 0) {
      if (before.length > 0) this.#lacking.delete(session);
      return;
    }
    if (faults.every((fault) => before.includes(fault))) return;
    if (this.#lacking.size >= this.#mostKept && !this.#lacking.has(session)) return;
    const { epoch, journalseq, ms } = event;
    const startedMs = word.says === "ended" ? Date.parse(word.startedAt) : Number.NaN;
    // A part of a text keeps all of it in memory.
    const id = Buffer.from(session).toString();
    this.#lacking.set(id, { session: id, topic, epoch, journalseq, ms, startedMs });
  }

  #faultsOf(session: string): readonly SessionFault[] {
    const slot = this.#sessions.slotOf(session);
    return faultsOf(this.#sessions.signsOf(slot), this.#sessions.closeOf(slot));
  }

  #counts() {
    let [started, closed, ended, announced, inferred, superseded, open, lacking] = [0, 0, 0, 0, 0, 0, 0, 0];
    this.#sessions.forEach((signs, close) => {
      const [isAnnounced, isInferred] = [(signs & sign.announced) !== 0, (signs & sign.inferred) !== 0];
      if (signs & sign.started) started++;
      if (signs & sign.closed) closed++;
      if (isAnnounced) announced++;
      if (isInferred) inferred++;
      if (isAnnounced && isInferred) superseded++;
      if (isAnnounced || isInferred) ended++;
      else if (signs & sign.started) open++;
      if (faultsOf(signs, close).length > 0) lacking++;
    });
    const unjudged = lacking - this.#lacking.size;
    return { started, closed, ended, announced, inferred, superseded, open, unjudged };
  }
}

/** What a word adds to the signs that a session has. */
function signsIn(word: SessionWord, signs: number, close: number, own: number): number {
  if (word.says === "started") return sign.started;
  if (word.says === "refused") return sign.refused;
  if (word.says === "ended" && word.inferred) return sign.inferred;
  // It was closed or announced before, and by another one.
  const isTold = (signs & (sign.closed | sign.announced)) !== 0;
  const torn = isTold && own !== close ? sign.torn : 0;
  if (word.says === "closed") return sign.closed | torn;
  return sign.announced | torn | (word.succeeds ? sign.succeeds : 0);
}

type Fault = Lacking & { readonly fault: SessionFault };

/** Those of one topic that nothing explains. */
function unexplained(all: readonly Fault[], topic: string, grounds: SessionGrounds): Fault[] {
  const absences = grounds.absences(topic);
  const isBehind = ({ fault }: Fault): boolean => fault === "unended";
  const before = all.filter((one) => !isBehind(one) && !isGone(one, grounds));
  return [...lackingBefore(before, absences), ...lackingBehind(all.filter(isBehind), absences)];
}

function isGone({ fault, topic, startedMs, ms }: Fault, { mayBeGone }: SessionGrounds): boolean {
  if (fault === "contradictory") return false;
  // A close is of the time that its end has.
  return mayBeGone(topic, fault === "unclosed" ? ms : startedMs);
}

function findingsOf(found: readonly Fault[]): SessionFinding[] {
  const groups = Map.groupBy(found, ({ fault, epoch, topic }) => JSON.stringify([fault, epoch, topic]));
  return [...groups.values()].map((own) => {
    const { fault, epoch, topic } = own[0]!;
    const sorted = own.toSorted((a, b) => a.journalseq - b.journalseq);
    return { fault, epoch, topic, count: own.length, examples: sorted.slice(0, mostExamples).map(exampleOf) };
  });
}

function exampleOf({ session, journalseq, ms }: Fault): SessionExample {
  return { session, journalseq, time: Number.isNaN(ms) ? null : new Date(ms).toISOString() };
}
