/** An operator who changes rules all the time, and remembers when each change was made. */
import { Redis } from "ioredis";
import { closeWithFile } from "../hosts/open.ts";
import { Rulings } from "./rulings.ts";

/**
 * Whose rules change all the time. alice is refused throughout, bob has no rule; carol is allowed soon after the
 * beginning and dave refused, and both stay so, which shows whether a change ever comes into force.
 */
const changing = ["erin", "frank"] as const;
/** The number of the change before which those two are written. */
const onceAt = 2;
const everyMs = 150;

export class Ruler implements AsyncDisposable {
  readonly rulings = new Rulings();
  readonly #redis: Redis;
  readonly #timer: NodeJS.Timeout;
  #count = 0;
  #writing = false;
  /** Until the bridge runs: what it loads at first it tells of nobody. */
  #resting = true;
  #last: Promise<void> = Promise.resolve();

  private constructor(redis: Redis) {
    this.#redis = redis;
    this.#timer = setInterval(() => this.#changes(), everyMs);
    closeWithFile(this);
  }

  /** Resolves when the first rules are there. */
  static async of(url: string): Promise<Ruler> {
    // Past any link: what this operator writes reaches Redis even when the bridge does not.
    const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    redis.on("error", () => {});
    const ruler = new Ruler(redis);
    await ruler.#write("alice", "moved away");
    await ruler.#write("carol", "not yet");
    await ruler.#write("dave", null);
    for (const user of changing) await ruler.#write(user, null);
    return ruler;
  }

  /** Writes no more until `go`; resolves when what was being written has been. */
  async rest(): Promise<void> {
    this.#resting = true;
    await this.#last;
  }

  go(): void {
    this.#resting = false;
  }

  async flush(): Promise<void> {
    await this.#redis.flushall();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#redis.disconnect();
  }

  #changes(): void {
    if (this.#resting || this.#writing) return;
    this.#count += 1;
    const user = changing[this.#count % changing.length]!;
    // Every second change of each allows again.
    const denies = Math.floor(this.#count / changing.length) % 2 === 0;
    this.#writing = true;
    const once = this.#count === onceAt;
    this.#last = (once ? this.#writeOnce() : Promise.resolve())
      .then(() => this.#write(user, denies ? `rule ${this.#count}` : null))
      .catch(() => {})
      .finally(() => {
        this.#writing = false;
      });
  }

  async #writeOnce(): Promise<void> {
    await this.#write("carol", null);
    await this.#write("dave", "no more");
  }

  /** The other of what each changing user has now. To be called at rest. */
  async lastWords(): Promise<void> {
    const refused = this.rulings.refusedNow();
    for (const user of changing) await this.#write(user, refused.has(user) ? null : "last word");
  }

  async #write(user: string, reason: string | null): Promise<void> {
    const { confirmed } = this.rulings.writes(user, reason);
    await this.#redis.set(`sluice:policy:user:${user}`, reason === null ? "allow" : `deny ${reason}`);
    confirmed();
  }
}
