/**
 * How current the rules are, and the log lines that say so.
 *
 *   current ──away()──▶ away ──maxStaleMs after the last confirmation──▶ stale
 *      ▲                 │                                                 │
 *      └──confirmed()────┴─────────────────────────────────────────────────┘
 *
 * Each step is logged once; a source that stays away is logged again only when it is for another reason.
 */
import type { Clock } from "../clock.ts";
import type { PolicyLog } from "./policy.ts";

export interface FreshnessSettings {
  /** policy.maxStaleMs and policy.whenStale */
  readonly maxStaleMs: number;
  readonly whenStale: "serve" | "deny";
}

export class Freshness {
  readonly #settings: FreshnessSettings;
  readonly #clock: Clock;
  readonly #log: PolicyLog;
  #confirmedAtMs: number;
  #problem: string | null = null;
  #cancelStale = (): void => {};

  constructor(settings: FreshnessSettings, clock: Clock, log: PolicyLog) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#confirmedAtMs = clock.monotonic();
  }

  /** Milliseconds since the source last confirmed the rules; since the start when it never did. */
  get ageMs(): number {
    return this.#clock.monotonic() - this.#confirmedAtMs;
  }

  /** Why the source is away; null while it is there. */
  get problem(): string | null {
    return this.#problem;
  }

  get stale(): boolean {
    return this.ageMs > this.#settings.maxStaleMs;
  }

  get refuses(): boolean {
    return this.#settings.whenStale === "deny" && this.stale;
  }

  /** The rules come from an earlier process, to which the source confirmed them `ageMs` ago. */
  inherited(ageMs: number): void {
    this.#confirmedAtMs = this.#clock.monotonic() - ageMs;
  }

  confirmed(): void {
    this.#confirmedAtMs = this.#clock.monotonic();
    if (this.#problem === null) return;
    this.#problem = null;
    this.#cancelStale();
    this.#log.info({}, "the policy's source is back");
  }

  /** @param serving whether there are rules to go on by */
  away(problem: string, serving: boolean): void {
    if (this.#problem === problem) return;
    const outcome = serving ? "going on by the rules it gave before" : "no policy yet, everything is refused";
    this.#log.warn({ problem, ageMs: Math.round(this.ageMs) }, `the policy's source is away: ${outcome}`);
    if (this.#problem === null) this.#cancelStale = this.#warnWhenStale();
    this.#problem = problem;
  }

  close(): void {
    this.#cancelStale();
  }

  #warnWhenStale(): () => void {
    const { maxStaleMs, whenStale } = this.#settings;
    return this.#clock.after(maxStaleMs - this.ageMs, () => {
      const outcome = whenStale === "deny" ? "everything is refused" : "its rules stay in force";
      this.#log.error({ maxStaleMs }, `the policy is stale: ${outcome} (policy.whenStale = ${whenStale})`);
    });
  }
}
