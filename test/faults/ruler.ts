/** An operator who changes rules all the time, and remembers when each change was made. */
import { Redis } from "ioredis";
import { closeWithFile } from "../hosts/open.ts";
import { Rulings } from "./rulings.ts";

/** Whose rules change; alice is refused throughout, the others have no rule. */
const changing = ["erin", "frank"] as const;
const everyMs = 150;

export class Ruler implements AsyncDisposable {
  readonly rulings = new Rulings();
  readonly #redis: Redis;
  readonly #timer: NodeJS.Timeout;
  #count = 0;
  #writing = false;
  #resting = false;
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
    this.#last = this.#write(user, denies ? `rule ${this.#count}` : null)
      .catch(() => {})
      .finally(() => {
        this.#writing = false;
      });
  }

  async #write(user: string, reason: string | null): Promise<void> {
    const { confirmed } = this.rulings.writes(user, reason);
    await this.#redis.set(`sluice:policy:user:${user}`, reason === null ? "allow" : `deny ${reason}`);
    confirmed();
  }
}
