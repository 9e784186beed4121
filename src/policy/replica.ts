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
 *   - Rules never vanish silently. A resync that finds nothing at all where there were rules keeps them, and so
 *     does one that finds only what was written after all had been flushed. Each stays until a rule of its key is
 *     pushed over it or its TTL ends, all until the source has a `default` rule or acceptEmpty() is called, over a
 *     restart too. What names its keys counts as meant and takes effect: a DEL, even of the last rule, and a resync
 *     that finds some older keys and not the others. Bans, which the bridge writes, say nothing of that, and go as
 *     they came. What prox is told says nothing of the rules either, and is kept with them where nothing of it is found.
 */
import type { Clock } from "../clock.ts";
import { Freshness, type FreshnessSettings } from "./freshness.ts";
import { type Cause, type Change, type Entry, HeldRules } from "./held-rules.ts";
import type { PolicyMemory } from "./last-known-good.ts";
import type { PolicyLog, PolicyNote, PolicySettings, PolicyView } from "./policy.ts";
import { PolicyNotes } from "./policy-notes.ts";
import type { Held } from "./rule.ts";
import type { RuleSet } from "./rule-set.ts";
import { putSaved, savedRules } from "./saved-rules.ts";
import { isBan, isPush } from "./store.ts";

/** One reading of the whole source. A newer one supersedes it, and then it changes nothing any more. */
export interface Resync {
  readonly superseded: boolean;
  offer(entries: Iterable<Entry>): void;
  /**
   * All has been offered: what was not found goes, or is kept when nothing was found.
   * @param flushed all had gone at once, and what was found has been written since
   */
  finish(flushed?: boolean): Promise<void>;
}

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
  #available = false;
  /** Number of the newest resync; a saved rule has 1, or 0 when it was kept. */
  #round = 1;
  #resyncing = false;
  /** Rules, which bans and what prox is told are not, that the source has had since the newest resync began. */
  #found = 0;
  /** As many keys of what prox is told. */
  #pushesFound = 0;
  #onPushes = (): void => {};
  #endedPushes: readonly string[] = [];

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.settings = options.settings;
    this.#freshness = new Freshness(options.settings, options.clock, options.log);
    this.#held = new HeldRules(options.clock, (change) => this.#changed(change));
    this.#notes = new PolicyNotes({ ...options, rules: this.#held.rules });
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
    for (const entry of entries) this.#put(entry, "written");
    if (!this.#resyncing) void this.#acceptIfDefault();
  }

  /** The source says: this key is gone. */
  remove(key: string): void {
    const held = this.#held.get(key);
    if (held) this.#held.remove(key, this.#held.endsSoon(held) ? "expired" : "deleted");
  }

  /** Begins to read the whole source. */
  resync(): Resync {
    this.#round += 1;
    this.#found = 0;
    this.#pushesFound = 0;
    this.#resyncing = true;
    const round = this.#round;
    const superseded = (): boolean => round !== this.#round;
    return {
      get superseded() {
        return superseded();
      },
      offer: (entries) => {
        if (!superseded()) for (const entry of entries) this.#put(entry, "resync");
      },
      finish: async (flushed = false) => {
        if (!superseded()) await this.#finish(round, flushed);
      },
    };
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
  async acceptEmpty(): Promise<number> {
    const count = this.#held.kept;
    if (count > 0) {
      this.#options.log.warn({ rulesKept: count }, "the kept policy rules end: an empty policy was accepted");
      await this.#held.sweep((held) => (this.#held.isKept(held) ? "accepted" : null));
    }
    return count;
  }

  /** Stops its timers; the last known good set is written. */
  async close(): Promise<void> {
    this.#held.close();
    this.#freshness.close();
    await this.#options.lastKnownGood.close();
  }

  async #finish(round: number, flushed: boolean): Promise<void> {
    const held = this.#held;
    // A default rule found now says that the others are meant to be gone.
    const meant = (held.get("default")?.round ?? 0) >= round;
    const vanished = this.#found === 0 || (flushed && !meant);
    const staysWhenGone = (key: string): boolean =>
      vanished && !isBan(key) && (flushed || !isPush(key) || this.#pushesFound === 0);
    await held.sweep((rule) => {
      if (rule.round >= round || held.isKept(rule) || staysWhenGone(rule.key.text)) return null;
      return held.endsSoon(rule) ? "expired" : "resync";
    });
    if (round !== this.#round) return;
    if (vanished) this.#keepWhatVanished(round);
    this.#resyncing = false;
    await this.#acceptIfDefault();
    if (!this.#available) {
      this.#available = true;
      this.#options.log.info({ rules: held.size, revision: this.rules.revision }, "policy loaded");
      this.#saveSoon();
      this.#onPushes();
    }
    this.confirmed();
  }

  #keepWhatVanished(round: number): void {
    const held = this.#held;
    // What ends in a moment by its TTL may have ended in the source already, and that is no vanishing.
    const vanished = (rule: Held): boolean =>
      rule.round < round && !held.isKept(rule) && !held.endsSoon(rule);
    if (!held.some(vanished)) return;
    held.keepAll(round - 1);
    this.#notes.emptied(held.kept);
    this.#saveSoon();
  }

  async #acceptIfDefault(): Promise<void> {
    const held = this.#held.kept > 0 ? this.#held.get("default") : undefined;
    if (held && !this.#held.isKept(held)) await this.acceptEmpty();
  }

  #put(entry: Entry, cause: Cause): void {
    if (entry.leftMs !== null && entry.leftMs <= 0) {
      this.#held.remove(entry.key, "expired");
      return;
    }
    if (isPush(entry.key)) this.#pushesFound += 1;
    else if (!isBan(entry.key)) this.#found += 1;
    this.#held.put(entry, this.#round, cause);
    this.#saveSoon();
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
