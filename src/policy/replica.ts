/**
 * The replica: the rules in force, pushed by one source and read by decide.
 *
 *            restore(), or the first resync            away()
 *   none ───────────────────────────────────▶ serving ────────▶ away: the same rules, ageing
 *    everything is refused                       ▲  confirmed()   │
 *                                                └────────────────┘
 *
 * Guarantees
 *   - Each rule has the value last pushed. While a resync runs, old and new rules stand side by side, each true
 *     by itself; a set of up to `partRules` is replaced within one turn of the event loop.
 *   - A rule with a TTL ends on time, source or no source. The TTL is a span on the monotonic clock, so that no
 *     step of the wall clock lengthens an access or cuts a ban short; only on disk is it a moment.
 *   - Rules never vanish silently: where a whole reading of the source finds none, the old ones stay; resyncs.ts says
 *     until when.
 */
import type { Clock } from "../clock.ts";
import { Freshness, type FreshnessSettings } from "./freshness.ts";
import { type Change, type Entry, HeldRules } from "./held-rules.ts";
import type { PolicyMemory } from "./last-known-good.ts";
import type { PolicyLog, PolicyNote, PolicySettings, PolicyView } from "./policy.ts";
import { PolicyNotes } from "./policy-notes.ts";
import { type Resync, Resyncs } from "./resyncs.ts";
import type { RuleSet } from "./rule-set.ts";
import { putSaved, savedRules } from "./saved-rules.ts";
import { isPush } from "./store.ts";

export interface ReplicaOptions {
  readonly settings: PolicySettings & FreshnessSettings;
  readonly clock: Clock;
  readonly log: PolicyLog;
  readonly onNote: (note: PolicyNote) => void;
  readonly lastKnownGood: PolicyMemory;
}

export class Replica implements PolicyView {
  /** May be put in place of those before at any time: the next op is decided by them. */
  settings: PolicySettings;
  readonly #options: ReplicaOptions;
  readonly #freshness: Freshness;
  readonly #held: HeldRules;
  readonly #notes: PolicyNotes;
  readonly #resyncs: Resyncs;
  #available = false;
  #onPushes = (): void => {};
  #endedPushes: readonly string[] = [];

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.settings = options.settings;
    this.#freshness = new Freshness(options.settings, options.clock, options.log);
    this.#held = new HeldRules(options.clock, (change) => this.#changed(change));
    this.#notes = new PolicyNotes({ ...options, rules: this.#held.rules });
    this.#resyncs = new Resyncs({
      held: this.#held,
      log: options.log,
      notes: this.#notes,
      onTouched: () => this.#saveSoon(),
      onFinished: () => this.#finished(),
    });
  }

  get rules(): RuleSet {
    return this.#held.rules;
  }

  get available(): boolean {
    return this.#available;
  }

  get refuseAsStale(): boolean {
    return this.#freshness.refuses;
  }

  /** Whether the source has been away longer than policy.maxStaleMs. */
  get stale(): boolean {
    return this.#freshness.stale;
  }

  /** Milliseconds since the source last confirmed the rules. */
  get ageMs(): number {
    return this.#freshness.ageMs;
  }

  /** Why the source is away; null while it is there. */
  get problem(): string | null {
    return this.#freshness.problem;
  }

  /** How many rules are in force although the source no longer has them. */
  get keptRules(): number {
    return this.#held.kept;
  }

  /** Keys of what an earlier process told prox that ended between the two. */
  get endedPushes(): readonly string[] {
    return this.#endedPushes;
  }

  /** Takes over the rules of an earlier process, less those that ended since. To be called before the source starts. */
  async restore(): Promise<void> {
    const { lastKnownGood, clock, log } = this.#options;
    const saved = await lastKnownGood.load();
    if (saved) {
      this.#endedPushes = await putSaved(this.#held, saved.rules, clock);
      this.#freshness.inherited(Math.max(0, clock.now() - saved.confirmedAtMs));
      this.#available = true;
      const fields = { rules: this.#held.size, keptRules: this.keptRules, ageMs: Math.round(this.ageMs) };
      log.info(fields, "policy taken over from the last known good");
    }
    lastKnownGood.keep(() => savedRules(this.#held, clock));
  }

  /** @param listener told when what prox is told may be another; to be read from `rules` */
  watchPushes(listener: () => void): void {
    this.#onPushes = listener;
  }

  /** The source says: these keys have these values now. */
  put(entries: Iterable<Entry>): void {
    this.#resyncs.put(entries);
  }

  /** The source says: this key is gone. */
  remove(key: string): void {
    const held = this.#held.get(key);
    if (held) this.#held.remove(key, this.#held.endsSoon(held) ? "expired" : "deleted");
  }

  /** Begins to read the whole source. */
  resync(): Resync {
    return this.#resyncs.begin();
  }

  /** The source says: what you have is current, now. */
  confirmed(): void {
    this.#freshness.confirmed();
    this.#options.lastKnownGood.confirmed();
  }

  /** The source is away; the rules stay. */
  away(problem: string): void {
    this.#freshness.away(problem, this.#available);
  }

  /** The source is there, but as a whole it cannot be understood; the rules stay. */
  unreadable(problem: string): void {
    if (problem !== this.problem) this.#notes.unreadable(problem);
    this.away(problem);
  }

  /** An operator says that the rules are meant to be gone. Returns how many kept ones that ended. */
  acceptEmpty(): Promise<number> {
    return this.#resyncs.acceptEmpty();
  }

  /** Stops its timers; the last known good set is written. */
  async close(): Promise<void> {
    this.#held.close();
    this.#freshness.close();
    await this.#options.lastKnownGood.close();
  }

  #finished(): void {
    if (!this.#available) {
      this.#available = true;
      this.#options.log.info({ rules: this.#held.size, revision: this.rules.revision }, "policy loaded");
      this.#saveSoon();
      this.#onPushes();
    }
    this.confirmed();
  }

  /** Half of a first load is no policy that a restart should find. */
  #saveSoon(): void {
    if (this.#available) this.#options.lastKnownGood.changed();
  }

  #changed(change: Change): void {
    this.#saveSoon();
    if (isPush(change.key)) this.#onPushes();
    this.#notes.changed(change, !this.#available);
  }
}
