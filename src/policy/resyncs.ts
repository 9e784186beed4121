/**
 * The readings of the whole source, what is put between them and counts as found, and what they mean for rules that they
 * do not find.
 *
 *   between ──begin()──▶ reading ──finish()──▶ between      begun again while reading: the earlier one is superseded
 *
 * Guarantee: rules never vanish silently. A resync that finds nothing at all where there were rules keeps them, and so
 * does one that finds only what was written after all had been flushed. Each stays until a rule of its key is put over
 * it or its TTL ends, all until the source has a `default` rule or acceptEmpty() is called, over a restart too. What
 * names its keys counts as meant and takes effect: a DEL, even of the last rule, and a resync that finds some older keys
 * and not the others. Bans, which the bridge writes, say nothing of that, and go as they came. What prox is told says
 * nothing of the rules either, and is kept with them where nothing of it is found.
 */
import type { Cause, Entry, HeldRules } from "./held-rules.ts";
import type { PolicyLog } from "./policy.ts";
import type { PolicyNotes } from "./policy-notes.ts";
import type { Held } from "./rule.ts";
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

export interface ResyncsParts {
  readonly held: HeldRules;
  readonly log: PolicyLog;
  readonly notes: PolicyNotes;
  /** What is to be saved may be another. */
  readonly onTouched: () => void;
  /** One has been finished that was not superseded. */
  readonly onFinished: () => void;
}

export class Resyncs {
  readonly #parts: ResyncsParts;
  /** Number of the newest; a saved rule has 1, or 0 when it was kept. */
  #round = 1;
  #reading = false;
  /** Rules, which bans and what prox is told are not, that the source has had since the newest began. */
  #found = 0;
  /** As many keys of what prox is told. */
  #pushesFound = 0;

  constructor(parts: ResyncsParts) {
    this.#parts = parts;
  }

  begin(): Resync {
    this.#round += 1;
    this.#found = 0;
    this.#pushesFound = 0;
    this.#reading = true;
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

  /** The source has said so by itself, be it while it is read or between. */
  put(entries: Iterable<Entry>): void {
    for (const entry of entries) this.#put(entry, "written");
    if (!this.#reading) void this.#acceptIfDefault();
  }

  /** Ends the kept rules; returns how many there were. */
  async acceptEmpty(): Promise<number> {
    const { held, log } = this.#parts;
    const count = held.kept;
    if (count > 0) {
      log.warn({ rulesKept: count }, "the kept policy rules end: an empty policy was accepted");
      await held.sweep((rule) => (held.isKept(rule) ? "accepted" : null));
    }
    return count;
  }

  #put(entry: Entry, cause: Cause): void {
    const { held, onTouched } = this.#parts;
    if (entry.leftMs !== null && entry.leftMs <= 0) {
      held.remove(entry.key, "expired");
      return;
    }
    if (isPush(entry.key)) this.#pushesFound += 1;
    else if (!isBan(entry.key)) this.#found += 1;
    held.put(entry, this.#round, cause);
    onTouched();
  }

  async #finish(round: number, flushed: boolean): Promise<void> {
    const { held } = this.#parts;
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
    this.#reading = false;
    await this.#acceptIfDefault();
    this.#parts.onFinished();
  }

  #keepWhatVanished(round: number): void {
    const { held, notes, onTouched } = this.#parts;
    // What ends in a moment by its TTL may have ended in the source already, and that is no vanishing.
    const vanished = (rule: Held): boolean =>
      rule.round < round && !held.isKept(rule) && !held.endsSoon(rule);
    if (!held.some(vanished)) return;
    held.keepAll(round - 1);
    notes.emptied(held.kept);
    onTouched();
  }

  async #acceptIfDefault(): Promise<void> {
    const { held } = this.#parts;
    const rule = held.kept > 0 ? held.get("default") : undefined;
    if (rule && !held.isKept(rule)) await this.acceptEmpty();
  }
}
