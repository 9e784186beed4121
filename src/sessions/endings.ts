/**
 * How sessions end: each way takes the session out of the open ones, counts it, and journals its session.ended.
 */
import type { Clock } from "../clock.ts";
import type { Draft, Origin } from "../events/draft.ts";
import type { Kept } from "../journal/journal.ts";
import type { Traffic } from "../op.ts";
import type { Begun, Subjects } from "./begun.ts";
import { type End, endedDraft } from "./drafts.ts";
import type { InferredEnd } from "./inference.ts";
import type { LateEnds } from "./late-ends.ts";
import type { OpenSessions } from "./open-sessions.ts";
import type { Roster } from "./roster.ts";
import type { Session } from "./session.ts";

interface EndingsParts {
  readonly open: OpenSessions;
  readonly late: LateEnds;
  readonly roster: Roster;
  readonly begun: Begun;
  readonly origin: Origin;
  readonly clock: Clock;
  readonly publish: (draft: Draft) => Promise<Kept>;
  readonly observer: { ended(end: End, traffic: Traffic | null): void };
}

export class Endings {
  readonly #parts: EndingsParts;

  constructor(parts: EndingsParts) {
    this.#parts = parts;
  }

  /** The end that a close announces. */
  announce(session: Session): void {
    const { open, late: lateEnds } = this.#parts;
    const late = session.over;
    const { atMs, monotonicMs, pairing, traffic } = session.close!;
    if (late) lateEnds.remove(session);
    else open.remove(session);
    const elapsedMs = session.measured ? monotonicMs - session.startedMonotonicMs : atMs - session.startedMs;
    const end: End = {
      reason: "closed",
      inferred: false,
      atMs,
      notBeforeMs: atMs,
      notAfterMs: atMs,
      durationMs: Math.max(0, Math.round(elapsedMs)),
      pairing,
      late,
    };
    void this.#publish(session, end, traffic);
  }

  /** Nobody told of it; a close may still come. */
  infer(session: Session, { reason, atMs, notAfterMs }: InferredEnd): Promise<Kept> {
    this.#parts.open.remove(session);
    // What comes of a replaced one's address is about the one that took its place.
    if (reason !== "replaced") this.#parts.late.add(session);
    const times = { atMs, notBeforeMs: session.startedMs, notAfterMs, durationMs: null };
    return this.#publish(session, { reason, inferred: true, pairing: "none", late: false, ...times });
  }

  /** Its address began another connection. */
  replace(session: Session, atMs: number): void {
    void this.infer(session, { reason: "replaced", atMs, notAfterMs: atMs });
  }

  /** Its start was refused after all. */
  override(session: Session): void {
    const { begun, open, clock } = this.#parts;
    // One that began before the process was never counted.
    if (session.measured) begun.takeBack(subjectsOf(session), session.startedMonotonicMs);
    open.remove(session);
    const { startedMs } = session;
    const times = { notBeforeMs: startedMs, notAfterMs: startedMs, durationMs: null };
    const sort = { reason: "overridden", inferred: false, pairing: "none", late: false } as const;
    void this.#publish(session, { ...sort, atMs: clock.now(), ...times });
  }

  #publish(session: Session, end: End, traffic: Traffic | null = null): Promise<Kept> {
    const { roster, observer, publish, origin } = this.#parts;
    roster.node(session.setting.node).dropIfIdle(session.through);
    observer.ended(end, traffic);
    return publish(endedDraft(session, notBeforeStart(end, session), origin));
  }
}

/** The wall clock may have been set back meanwhile. */
function notBeforeStart(end: End, { startedMs }: Session): End {
  if (end.atMs >= startedMs) return end;
  const notAfterMs = end.notAfterMs === null ? null : startedMs;
  return { ...end, atMs: startedMs, notBeforeMs: startedMs, notAfterMs };
}

export function subjectsOf({ setting: { user, proxy }, remote }: Session): Subjects {
  return { user, proxy: proxy.name, ip: remote?.ip ?? null };
}
