/**
 * Sessions with a clock that the test moves and a journal in memory, and a frps that the test plays.
 *
 * Every event is judged by its schema as it is made.
 */
import type { Decision } from "../../src/decision.ts";
import type { Draft, Origin } from "../../src/events/draft.ts";
import { redactor } from "../../src/events/redact.ts";
import { eventIdOf, opDraft } from "../../src/events/render.ts";
import type { Kept } from "../../src/journal/journal.ts";
import type { Op } from "../../src/op.ts";
import { retell } from "../../src/sessions/journaled.ts";
import { Sessions, type SessionsOptions } from "../../src/sessions/sessions.ts";
import { snapshotLines } from "../../src/sessions/snapshot.ts";
import { SnapshotLoading } from "../../src/sessions/snapshot-loading.ts";
import { anyEvent } from "../events/strict.ts";
import { FakeClock } from "../fake-clock.ts";

// biome-ignore lint/suspicious/noExplicitAny: read as any consumer would, whatever its type
export type AnyEvent = any;

const kept = Promise.resolve<Kept>({ ok: true });
const redact = redactor("mask");

export const allowed: Decision = {
  effect: "allowed",
  reason: "allowed by rule",
  code: "rule_allow",
  rule: "user:alice",
  revision: "r1",
  checks: [],
};
const recorded: Decision = { ...allowed, effect: "recorded", code: "not_refusable", rule: null };
const refused: Decision = { ...allowed, effect: "refused", reason: "refused by rule", code: "rule_deny" };

/** What lies on disk beside the journal. */
interface Snapshot {
  readonly lines: string[];
  readonly through: number;
  /** None: that of true names. */
  readonly naming?: string | null;
}

export class World {
  readonly clock = new FakeClock();
  /** As it was journaled. */
  readonly journal: string[] = [];
  readonly told = { opened: 0, unpaired: 0, announcements: [] as string[] };
  /** Whether heartbeats are left out where they may be; none is published then, nor journaled. */
  leavesOut = false;
  readonly #options: Partial<SessionsOptions>;
  #origin: Origin = { instance: "i_test", epoch: "019b76da-a800-7000-8000-000000000000" };
  sessions: Sessions;
  #calls = 0;

  constructor({ naming, ...options }: Partial<SessionsOptions> & Pick<Origin, "naming"> = {}) {
    this.#options = options;
    this.#origin = { ...this.#origin, naming: naming || undefined };
    this.sessions = this.#make();
  }

  get events(): AnyEvent[] {
    return this.journal.map((json) => JSON.parse(json));
  }

  /** Events of a type without its prefix; of a session where one is given. */
  of(type: string, session?: string): AnyEvent[] {
    return this.events.filter(
      (event) =>
        event.type === `sluice.${type}` && (session ?? event.data.session?.id) === event.data.session?.id,
    );
  }

  /** frps asks; returns the event of the op, whether it is journaled or left out. */
  ask(op: Op, effect: "allowed" | "refused" = "allowed"): AnyEvent {
    this.#calls++;
    const asked = {
      ...op,
      reqid: op.reqid ?? this.#calls.toString(16).padStart(16, "0"),
      atMs: this.clock.now(),
    };
    const decision = !op.refusable ? recorded : effect === "allowed" ? allowed : refused;
    const context = this.sessions.begin(asked, eventIdOf(asked));
    const draft = opDraft(asked, decision, this.#origin, redact, context);
    const nowMs = this.clock.monotonic();
    const isLeftOut =
      this.leavesOut && draft.type === "heartbeat.allowed" && !this.sessions.needs(asked, nowMs);
    const json = isLeftOut ? draft.render({ sequence: 1, journalseq: 1 }) : this.#append(draft);
    this.sessions.record(asked, decision, draft.id, context, nowMs);
    return JSON.parse(json);
  }

  /** Refused after all, as the bridge does when an op cannot be recorded. */
  override(op: Op, event: AnyEvent): void {
    const context = { clientInfo: null, proxy: op.proxy, session: event.data.session };
    const draft = opDraft(
      { ...op, atMs: this.clock.now() },
      refused,
      this.#origin,
      redact,
      context,
      event.id,
    );
    this.#append(draft);
    this.sessions.takeBack(op, event.id, context);
  }

  /** What a snapshot would hold now. */
  snapshot(): Snapshot {
    const { naming } = this.sessions.roster;
    return { lines: [...snapshotLines(this.sessions)], through: this.journal.length, naming };
  }

  /**
   * The process is killed and started again.
   * @param torn how many of the last records had not come to disk
   * @param naming what users and addresses are told by from now on
   */
  restart(snapshot: Snapshot = { lines: [], through: 0 }, torn = 0, naming = this.#origin.naming): void {
    this.sessions.stop();
    this.#origin = { ...this.#origin, naming: naming || undefined };
    this.journal.splice(Math.max(snapshot.through, this.journal.length - torn));
    this.sessions = this.#make();
    this.sessions.beginRecovery();
    this.sessions.roster.naming = snapshot.naming ?? (snapshot.through === 0 ? null : "");
    const loading = new SnapshotLoading(this.sessions, this.clock);
    for (const line of snapshot.lines) loading.take(line);
    for (const json of this.journal.slice(snapshot.through)) retell(this.sessions, json, this.clock);
    this.sessions.endRecovery();
  }

  #make(): Sessions {
    return new Sessions({
      maxOpen: 1_000_000,
      maxAgeMs: 86_400_000,
      endGraceMs: 60_000,
      announcedTypes: () => [],
      origin: this.#origin,
      clock: this.clock,
      publish: (draft) => {
        this.#append(draft);
        return kept;
      },
      observer: {
        opened: () => this.told.opened++,
        ended: () => {},
        unpaired: () => this.told.unpaired++,
        confirmed: () => {},
        endsAnnounced: ({ type }, are) => this.told.announcements.push(`${type} ${are}`),
      },
      ...this.#options,
    });
  }

  #append(draft: Draft): string {
    const number = this.journal.length + 1;
    const json = draft.render({ sequence: number, journalseq: number });
    const read = anyEvent.safeParse(JSON.parse(json));
    if (!read.success) throw new Error(`${read.error.message}\n${json}`);
    this.journal.push(json);
    return json;
  }
}
