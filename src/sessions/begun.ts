/** Connections begun within the minute, per user, proxy and address. The minute starts anew every 60 s for all. */
import type { Clock } from "../clock.ts";
import { type CountedBy, subscriberOf } from "../policy/facts.ts";
import type { Session } from "./session.ts";

const windowMs = 60_000;

export class Begun {
  readonly #clock: Clock;
  readonly #counts: Readonly<Record<CountedBy, Map<string, number>>> = {
    user: new Map(),
    proxy: new Map(),
    ip: new Map(),
  };
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonic();
  }

  of(by: CountedBy, id: string): number {
    return this.#clock.monotonic() - this.#sinceMs < windowMs ? (this.#counts[by].get(id) ?? 0) : 0;
  }

  add(session: Session): void {
    const { startedMonotonicMs } = session;
    if (startedMonotonicMs - this.#sinceMs >= windowMs) {
      for (const counts of Object.values(this.#counts)) counts.clear();
      this.#sinceMs = startedMonotonicMs;
    }
    this.#change(session, 1);
  }

  /** One that began before the process was never counted. */
  takeBack(session: Session): void {
    if (session.measured && session.startedMonotonicMs >= this.#sinceMs) this.#change(session, -1);
  }

  #change({ setting: { user, proxy }, remote }: Session, change: 1 | -1): void {
    const add = (by: CountedBy, id: string): void => {
      this.#counts[by].set(id, (this.#counts[by].get(id) ?? 0) + change);
    };
    if (user !== null) add("user", user);
    add("proxy", proxy.name);
    if (remote?.ip) add("ip", subscriberOf(remote.ip));
  }
}
