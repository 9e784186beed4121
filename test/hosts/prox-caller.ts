/**
 * prox's side of a plugin's socket: a pool of connections, each with one question at a time.
 *
 *   dialled ──▶ asking ──answer──▶ idle ──▶ asking …      at most 16 idle; one more is closed instead
 *                  └──error or deadline──▶ closed
 *
 * Nothing ties an answer to its question but the order: what a connection holds unread when it goes back to the pool
 * is the answer to the next question. A disconnect is written and not waited for.
 */
import { connect, type Socket } from "node:net";

const IDLE_CONNECTIONS = 16;
const FIRE_WITHIN_MS = 100;
const LENGTH_BYTES = 4;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** A real prox takes a nil connection out of a closed pool and panics. */
export class PoolClosed extends Error {}

export class Caller {
  readonly #path: string;
  readonly #idle: Connection[] = [];
  closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** The answer to `frame`; rejects on any error, also when there is none at `deadline` of performance.now(). */
  async call(frame: Buffer, deadline: number): Promise<Buffer> {
    const connection = await this.#take();
    try {
      const answer = await connection.ask(frame, deadline - performance.now());
      this.#give(connection);
      return answer;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async fire(frame: Buffer): Promise<void> {
    const connection = await this.#take();
    try {
      await connection.write(frame, FIRE_WITHIN_MS);
      this.#give(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  close(): void {
    this.closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  async #take(): Promise<Connection> {
    if (this.closed) throw new PoolClosed("the plugin's pool is closed");
    return this.#idle.shift() ?? (await Connection.dial(this.#path));
  }

  #give(connection: Connection): void {
    if (this.closed || this.#idle.length >= IDLE_CONNECTIONS) connection.close();
    else this.#idle.push(connection);
  }
}

class Connection {
  readonly #socket: Socket;
  #kept = Buffer.alloc(0);
  #look = (): void => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#kept = Buffer.concat([this.#kept, chunk]);
      this.#look();
    });
    socket.on("error", () => {}).on("close", () => this.#look());
  }

  static dial(path: string): Promise<Connection> {
    const socket = connect(path);
    return new Promise((resolve, reject) => {
      socket.once("connect", () => resolve(new Connection(socket))).once("error", reject);
    });
  }

  /** The length and the rest go as two writes, as prox does it. */
  async write(frame: Buffer, withinMs: number): Promise<void> {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(frame.length);
    await within<void>(withinMs, (done, fail) => {
      this.#socket.write(length);
      this.#socket.write(frame, (error) => (error ? fail(error) : done()));
    });
  }

  async ask(frame: Buffer, withinMs: number): Promise<Buffer> {
    const until = performance.now() + withinMs;
    await this.write(frame, withinMs);
    return within<Buffer>(until - performance.now(), (done, fail) => {
      this.#look = () => {
        const length = this.#kept.length < LENGTH_BYTES ? undefined : this.#kept.readUInt32BE(0);
        if (length !== undefined && length > MAX_ANSWER_BYTES)
          fail(new Error(`frame too large: ${length} bytes`));
        else if (length !== undefined && this.#kept.length >= LENGTH_BYTES + length) done(this.#cut(length));
        else if (this.#socket.closed) fail(new Error("read frame: EOF"));
      };
      this.#look();
    }).finally(() => {
      this.#look = () => {};
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #cut(length: number): Buffer {
    const answer = this.#kept.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    this.#kept = this.#kept.subarray(LENGTH_BYTES + length);
    return answer;
  }
}

/** What has arrived by then counts, even if this process was too busy to look. */
function within<T>(
  ms: number,
  start: (done: (value: T) => void, fail: (error: Error) => void) => void,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const fail = (): void => reject(new Error("i/o timeout"));
  const timer = setTimeout(() => setImmediate(fail), Math.max(0, ms));
  start(resolve, reject);
  return promise.finally(() => clearTimeout(timer));
}
