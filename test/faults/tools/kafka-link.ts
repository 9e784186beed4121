/**
 * A line before one broker that knows the protocol well enough to lose an answer.
 *
 * A frame is four bytes of length and what they count. A request begins with api_key (int16; 0 is Produce),
 * api_version (int16) and correlation_id (int32), in every version; a response begins with correlation_id.
 * https://kafka.apache.org/protocol.html#protocol_messages
 */
import { type Passage, Relay, type RelayedConnection } from "./relay.ts";

const produce = 0;

/** Produce requests whose answers are to be lost. */
interface Wish {
  left: number;
  readonly done: PromiseWithResolvers<void>;
  /** Still to be found among requests. */
  toMark: number;
}

export class KafkaLink implements AsyncDisposable {
  readonly #relay: Relay;
  readonly #wishes: Wish[];

  static async open(targetPort: number): Promise<KafkaLink> {
    const wishes: Wish[] = [];
    const relay = await Relay.open(targetPort, (connection) => new Wire(connection, wishes));
    return new KafkaLink(relay, wishes);
  }

  private constructor(relay: Relay, wishes: Wish[]) {
    this.#relay = relay;
    this.#wishes = wishes;
  }

  get port(): number {
    return this.#relay.port;
  }

  /**
   * The next `count` Produce requests go to the broker; when it has answered one, the answer is dropped and the
   * connection reset. Resolves when all have been. A request whose connection ended before the broker answered
   * does not count: the next one takes its place. Requests with acks=0, which have no answer, are not for this.
   */
  cutAfterAppend(count = 1): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#wishes.push({ left: count, toMark: count, done });
    return done.promise;
  }

  cut(): Promise<void> {
    return this.#relay.cut();
  }

  heal(): Promise<void> {
    return this.#relay.heal();
  }

  /** Wishes that were not fulfilled are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    for (const { done, left } of this.#wishes.splice(0)) {
      done.reject(new Error(`the link was closed before ${left} Produce requests came`));
    }
  }
}

/** One connection's frames. */
class Wire implements Passage {
  readonly #connection: RelayedConnection;
  readonly #wishes: Wish[];
  readonly #requests = new Frames();
  readonly #responses = new Frames();
  /** By correlation_id. */
  readonly #marked = new Map<number, Wish>();

  constructor(connection: RelayedConnection, wishes: Wish[]) {
    this.#connection = connection;
    this.#wishes = wishes;
  }

  up(chunk: Buffer): Buffer {
    const frames = this.#requests.take(chunk);
    for (const frame of frames) {
      const wish = this.#wishes.find(({ toMark }) => toMark > 0);
      if (!wish || frame.readInt16BE(4) !== produce) continue;
      wish.toMark -= 1;
      this.#marked.set(frame.readInt32BE(8), wish);
    }
    return Buffer.concat(frames);
  }

  down(chunk: Buffer): Buffer {
    const frames = this.#responses.take(chunk);
    for (const [at, frame] of frames.entries()) {
      const id = frame.readInt32BE(4);
      const wish = this.#marked.get(id);
      if (!wish) continue;
      this.#marked.delete(id);
      wish.left -= 1;
      this.#connection.reset();
      if (wish.left === 0) {
        this.#wishes.splice(this.#wishes.indexOf(wish), 1);
        wish.done.resolve();
      }
      return Buffer.concat(frames.slice(0, at));
    }
    return Buffer.concat(frames);
  }

  ended(): void {
    for (const wish of this.#marked.values()) wish.toMark += 1;
    this.#marked.clear();
  }
}

/** Whole frames, their lengths included, out of chunks as they come. */
export class Frames {
  #kept: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): Buffer[] {
    let left = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    const frames: Buffer[] = [];
    while (left.length >= 4 && left.length >= 4 + left.readInt32BE(0)) {
      const end = 4 + left.readInt32BE(0);
      frames.push(left.subarray(0, end));
      left = left.subarray(end);
    }
    this.#kept = left;
    return frames;
  }
}
