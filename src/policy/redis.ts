/**
 * The policy's Redis source: opens links, one after the other, and has each mirrored into the replica.
 *
 *   away ──open──▶ loading ──▶ current
 *    ▲                │           │
 *    └── a pause ◀────┴── lost ◀──┘        close() ends it from anywhere
 *
 * Guarantees
 *   - start() never fails because Redis does: it waits a little for the first load, then goes on with what the
 *     replica has. Refused credentials are retried as well, since the server's side can be mended; the log
 *     names the setting.
 *   - Tracking ends with its connection, so each new link begins with reading everything.
 *   - The pause is short and bounded: a change made while Redis was out of reach is in force within a second of
 *     its return.
 */
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { PolicySource, SourceState } from "./policy.ts";
import { type RedisAddress, type RedisSettings, redisAddress } from "./redis-address.ts";
import { RedisKeys } from "./redis-keys.ts";
import { type LinkTiming, RedisLink } from "./redis-link.ts";
import { RedisMirror } from "./redis-mirror.ts";
import type { Replica } from "./replica.ts";

export interface RedisTiming extends LinkTiming {
  /** How long start() waits for the first load. */
  readonly startWithinMs: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

const defaultTiming: RedisTiming = {
  startWithinMs: 3000,
  connectWithinMs: 600,
  openWithinMs: 2000,
  pingEveryMs: 500,
  pingWithinMs: 1000,
  firstPauseMs: 25,
  longestPauseMs: 250,
};

export interface RedisSourceOptions {
  readonly redis: RedisSettings;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly timing?: Partial<RedisTiming>;
  /** Why a link could not be opened, or was lost: each time. */
  readonly onAway?: (reason: SluiceError) => void;
  /** Told of a new certificate that cannot be used, while the old one stays in force. */
  readonly warn?: (problem: string) => void;
}

export class RedisSource implements PolicySource {
  readonly #address: RedisAddress;
  readonly #keys: RedisKeys;
  readonly #replica: Replica;
  readonly #clock: Clock;
  readonly #timing: RedisTiming;
  readonly #onAway: (reason: SluiceError) => void;
  readonly #warn: (problem: string) => void;
  readonly #closing = new AbortController();
  readonly #loaded = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  #mirror: RedisMirror | null = null;
  #failures = 0;
  #endPause = (): void => {};

  constructor({ redis, replica, clock, timing, onAway = () => {}, warn = () => {} }: RedisSourceOptions) {
    this.#address = redisAddress(redis);
    this.#keys = new RedisKeys(redis.prefix);
    this.#replica = replica;
    this.#clock = clock;
    this.#timing = { ...defaultTiming, ...timing };
    this.#onAway = onAway;
    this.#warn = warn;
  }

  async start(): Promise<void> {
    this.#running = this.#run();
    const cancel = this.#clock.after(this.#timing.startWithinMs, () => this.#loaded.resolve());
    await this.#loaded.promise;
    cancel();
  }

  state(): SourceState {
    const { ageMs, problem } = this.#replica;
    return { kind: "redis", connected: this.#mirror?.current === true, ageMs, lastError: problem };
  }

  /** Ends the link and waits until nothing of it is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#endPause();
    this.#loaded.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const reason = await this.#liveOnce();
      this.#mirror = null;
      if (this.#closing.signal.aborted) return;
      this.#replica.away(reason.message);
      this.#onAway(reason);
      await this.#pause();
      this.#failures += 1;
    }
  }

  /** One link from beginning to end; resolves with what ended it. */
  async #liveOnce(): Promise<SluiceError> {
    try {
      const link = await RedisLink.open({
        address: this.#address,
        prefixes: this.#keys.prefixes,
        timing: this.#timing,
        clock: this.#clock,
        signal: this.#closing.signal,
        warn: this.#warn,
        // What is told before there is a mirror is read by its load.
        onInvalidated: (keys) => this.#mirror?.told(keys),
        onAlive: () => {
          if (this.#mirror?.current) this.#replica.confirmed();
        },
      });
      this.#mirror = new RedisMirror(link, this.#keys, this.#replica, () => this.#arrived());
      void this.#mirror.load();
      return await link.lost;
    } catch (thrown) {
      if (thrown instanceof SluiceError) return thrown;
      // A TLS file that cannot be read, for one.
      return new SluiceError("redis_unavailable", `Redis at ${this.#address.text}: ${String(thrown)}`, {
        cause: thrown,
      });
    }
  }

  #arrived(): void {
    this.#failures = 0;
    this.#loaded.resolve();
  }

  /** Doubles from failure to failure up to its bound; a quarter is left to chance, so that bridges do not come in step. */
  async #pause(): Promise<void> {
    const { firstPauseMs, longestPauseMs } = this.#timing;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures, 20));
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(pauseMs * (0.75 + Math.random() / 4), resolve);
    this.#endPause = () => {
      cancel();
      resolve();
    };
    await promise;
  }
}
