/**
 * A link: two connections to one Redis that live and die together.
 *
 *   opening ──▶ open ──▶ lost        lost for good: whoever wants Redis again opens another link
 *
 * RESP2 tells a connection of changed keys only through a subscription, and a subscribed connection can do
 * nothing else: so one subscribes to `__redis__:invalidate`, and the other reads and has its tracking redirected
 * there. When the subscribed one dies the server goes on tracking into nothing and says so to nobody; hence
 * neither outlives the other.
 *
 * Guarantees
 *   - While a link is open, every change to a key with one of its prefixes that comes after `open` resolved is
 *     told by `onInvalidated`, or the link is lost. (Redis tells no one of SWAPDB.)
 *   - Silence is noticed: both connections are asked PING all the time, and one that does not answer in time
 *     ends the link, be it a cut line or a stopped server.
 *   - No error holds a credential.
 *
 * Rights it needs: `+auth +ping +subscribe +select +client|id +client|tracking +scan +get +mget +pttl`, the channel
 * `&__redis__:invalidate` and the keys `%R~<prefix>policy:* %R~<prefix>ban:* %R~<prefix>prox:*`.
 */
import { type Redis, ReplyError } from "ioredis";
import type { Clock } from "../clock.ts";
import { SluiceError, textOf } from "../errors.ts";
import type { RedisAddress } from "./redis-address.ts";
import {
  connect,
  cutConnection,
  onComplaint,
  redisConnection,
  redisDenied,
  redisError,
  signIn,
} from "./redis-connection.ts";
import { keyName, type ManyRead, type Reading, readKeys, readMany, scanKeys } from "./redis-reading.ts";

export interface LinkTiming {
  /** Until the TCP connection stands. Short: a SYN lost just before the network returns must not cost a second. */
  readonly connectWithinMs: number;
  /** Until both connections are set up, TLS and all. */
  readonly openWithinMs: number;
  readonly pingEveryMs: number;
  readonly pingWithinMs: number;
}

export interface LinkOptions {
  readonly address: RedisAddress;
  /** Whole prefixes of the keys to be told of. */
  readonly prefixes: readonly string[];
  readonly timing: LinkTiming;
  readonly clock: Clock;
  /** Ends the link, or the opening of it. */
  readonly signal: AbortSignal;
  /** Whole names of keys that changed; null when all keys went at once (FLUSHALL, FLUSHDB). */
  readonly onInvalidated: (keys: readonly string[] | null) => void;
  /** Told of a new certificate that cannot be used, while the old one stays in force. */
  readonly warn: (problem: string) => void;
  /** Both connections have just answered, so nothing said before is still on its way. */
  readonly onAlive: () => void;
}

export class RedisLink {
  /** Resolves with the reason when the link is lost. */
  readonly lost: Promise<SluiceError>;
  readonly #options: LinkOptions;
  readonly #subscribed: Redis;
  readonly #reading: Redis;
  readonly #resolveLost: (reason: SluiceError) => void;
  #reason: SluiceError | null = null;
  /** What the socket complained of; ioredis only says afterwards that the connection is closed. */
  #complaint: unknown = null;
  #cancelTimer = (): void => {};
  readonly #end = (): unknown => this.lose(new Error("the link was closed"));

  /** @throws SluiceError redis_unavailable or redis_denied */
  static async open(options: LinkOptions): Promise<RedisLink> {
    const link = new RedisLink(options);
    try {
      await Promise.race([link.#setUp(), link.lost.then((reason) => Promise.reject(reason))]);
    } catch (thrown) {
      throw link.lose(thrown);
    }
    link.#cancelTimer();
    link.#watch();
    return link;
  }

  private constructor(options: LinkOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<SluiceError>();
    this.lost = promise;
    this.#resolveLost = resolve;
    this.#subscribed = this.#connection();
    this.#reading = this.#connection();
    const { clock, timing, signal } = options;
    const slow = (): unknown => this.lose(new Error(`no answer within ${timing.openWithinMs} ms`));
    this.#cancelTimer = clock.after(timing.openWithinMs, slow);
    signal.addEventListener("abort", this.#end);
    if (signal.aborted) this.#end();
  }

  /** Ends the link for this reason, unless it has ended already; returns the reason why it ended. */
  lose(thrown: unknown): SluiceError {
    if (this.#reason) return this.#reason;
    this.#reason = this.#errorOf(thrown);
    this.#cancelTimer();
    this.#options.signal.removeEventListener("abort", this.#end);
    for (const connection of [this.#subscribed, this.#reading]) cutConnection(connection);
    this.#resolveLost(this.#reason);
    return this.#reason;
  }

  /** All keys that a pattern of Redis fits, in parts; a key may come twice. Keys are named as `keyName` does. */
  scan(pattern: string): AsyncGenerator<readonly string[]> {
    return scanKeys(this.#reading, pattern);
  }

  /** What these keys hold. Reads are answered in the order in which they were asked. */
  read(keys: readonly string[]): Promise<Reading[]> {
    return readKeys(this.#reading, keys);
  }

  /** As read, in half the time; says of which keys it cannot tell. */
  readMany(keys: readonly string[]): Promise<ManyRead> {
    return readMany(this.#reading, keys);
  }

  /** Resolves when every change that Redis has made until now has been told by `onInvalidated`. */
  async heardAll(): Promise<void> {
    await this.#subscribed.ping();
  }

  async #setUp(): Promise<void> {
    const { address, prefixes } = this.#options;
    await Promise.all([this.#signIn(this.#subscribed), this.#signIn(this.#reading)]);
    if (address.db !== 0) await this.#reading.select(address.db);
    const id = await this.#subscribed.client("ID");
    // The Buffer form alone gives the list of keys; the other joins their names with commas.
    this.#subscribed.on("messageBuffer", (_channel: Buffer, keys: unknown) => this.#invalidated(keys));
    await this.#subscribed.subscribe("__redis__:invalidate");
    // A node of a Cluster, which has only some of the keys and says so of none of the others, refuses two at once that lie
    // in different slots.
    await this.#reading.mget(`${prefixes[0]}default`, `${prefixes[0]}default:`);
    const wanted = prefixes.flatMap((prefix) => ["PREFIX", prefix]);
    await this.#reading.call("CLIENT", "TRACKING", "ON", "REDIRECT", String(id), "BCAST", ...wanted);
  }

  async #signIn(connection: Redis): Promise<void> {
    await connect(connection);
    try {
      await signIn(connection, this.#options.address);
    } catch (thrown) {
      if (this.#reason) throw thrown;
      throw thrown instanceof ReplyError ? redisDenied(this.#options.address, textOf(thrown)) : thrown;
    }
  }

  #connection(): Redis {
    const { address, timing } = this.#options;
    const connectWithinMs = address.tls ? timing.openWithinMs : timing.connectWithinMs;
    const connection = redisConnection({ address, connectWithinMs, warn: this.#options.warn });
    onComplaint(connection, (complaint) => {
      this.#complaint ??= complaint;
    });
    connection.on("close", () => this.lose(new Error("the connection closed")));
    return connection;
  }

  #invalidated(keys: unknown): void {
    if (this.#reason) return;
    this.#options.onInvalidated(Array.isArray(keys) ? (keys as Buffer[]).map(keyName) : null);
  }

  #watch(): void {
    const { clock, timing, onAlive } = this.#options;
    const silent = (): void => {
      // The answer may lie in the socket, unread because this process itself was busy: one more look.
      setImmediate(
        () => answered || this.lose(new Error(`no answer to PING within ${timing.pingWithinMs} ms`)),
      );
    };
    let answered = false;
    this.#cancelTimer = clock.after(timing.pingEveryMs, () => {
      this.#cancelTimer = clock.after(timing.pingWithinMs, silent);
      Promise.all([this.#subscribed.ping(), this.#reading.ping()]).then(
        () => {
          answered = true;
          if (this.#reason) return;
          this.#cancelTimer();
          onAlive();
          this.#watch();
        },
        (thrown) => this.lose(thrown),
      );
    });
  }

  #errorOf(thrown: unknown): SluiceError {
    if (thrown instanceof SluiceError) return thrown;
    const answered = thrown instanceof ReplyError;
    return redisError(this.#options.address, answered ? thrown : (this.#complaint ?? thrown));
  }
}
