/**
 * What began within the minute, per user, proxy and address. The minute starts anew every 60 s for all.
 */
import type { Clock } from "../clock.ts";
import { type CountedBy, subscriberOf } from "../policy/facts.ts";
import { type Places, Tally } from "./tally.ts";

const windowMs = 60_000;

/** Whom one is counted for; null where there is none. */
export interface Subjects {
  readonly user: string | null;
  readonly proxy: string | null;
  readonly ip: string | null;
}

export class Begun {
  readonly #clock: Clock;
  readonly #counts: Readonly<Record<CountedBy, Tally>> = {
    user: new Tally(),
    proxy: new Tally(),
    ip: new Tally(),
  };
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonic();
  }

  of(by: CountedBy, id: string): number {
    return this.#clock.monotonic() - this.#sinceMs < windowMs ? this.#counts[by].of(id) : 0;
  }

  /**
   * @param atMs by the process's clock
   * @param places of this user and proxy, to be given each time
   */
  add(subjects: Subjects, atMs: number, places: Places = {}): void {
    if (atMs - this.#sinceMs >= windowMs) {
      for (const counts of Object.values(this.#counts)) counts.clear();
      this.#sinceMs = atMs;
    }
    this.#change(subjects, 1, places);
  }

  /** Only of what was added, at the same moment. */
  takeBack(subjects: Subjects, atMs: number): void {
    if (atMs >= this.#sinceMs) this.#change(subjects, -1, {});
  }

  #change({ user, proxy, ip }: Subjects, change: 1 | -1, places: Places): void {
    const counts = this.#counts;
    if (user !== null) places.user = counts.user.add(user, change, places.user);
    if (proxy !== null) places.proxy = counts.proxy.add(proxy, change, places.proxy);
    if (ip !== null) counts.ip.add(subscriberOf(ip), change);
  }
}
