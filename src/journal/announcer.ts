/**
 * Tells of losses until the telling is itself on disk.
 *
 *   idle ──announce──▶ telling ──all told──▶ idle
 *                        └──some could not be──▶ idle, again after a second
 */
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import type { Kept, Loss } from "./journal.ts";
import type { Log } from "./log.ts";
import type { Losses } from "./losses.ts";
import type { Shortfall } from "./shortfall.ts";

const againMs = 1000;

export interface AnnouncerParts {
  readonly losses: Losses;
  readonly shortfall: Shortfall;
  readonly announce: (loss: Loss) => Promise<Kept>;
  readonly clock: Clock;
  readonly log: Log;
}

export class Announcer {
  readonly #parts: AnnouncerParts;
  #telling = false;
  #stopped = false;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  /** Never while failing: the record of a loss would wait with the others. */
  async announce(): Promise<void> {
    const { losses, shortfall, clock, log } = this.#parts;
    if (losses.pending.length === 0 || this.#telling || this.#stopped || !shortfall.over) return;
    this.#telling = true;
    const told: Loss[] = [];
    for (const loss of losses.pending) if (await this.#told(loss)) told.push(loss);
    for (const loss of told) losses.announced(loss);
    this.#telling = false;
    if (this.#stopped) return;
    await shortfall.save();
    if (told.length > 0) log.warn({ losses: told }, "journal: losses are announced");
    if (losses.pending.length > 0) clock.after(againMs, () => void this.announce());
  }

  stop(): void {
    this.#stopped = true;
  }

  async #told(loss: Loss): Promise<boolean> {
    try {
      return (await this.#parts.announce(loss)).ok;
    } catch (thrown) {
      this.#parts.log.error({ problem: textOf(thrown), loss }, "journal: a loss could not be announced");
      return false;
    }
  }
}
