import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type JournalReader, openReader } from "../../src/journal/reader.ts";
import { closeWithFile } from "./open.ts";

const LOOK_EVERY_MS = 10;
const MOST_BYTES_AT_ONCE = 1024 * 1024;

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it is about
type Event = any;

/** Reads a bridge's journal while it is being written, and waits for events that a test names. */
export class JournalEvents implements AsyncDisposable {
  /** In the order of their journalseq. */
  readonly events: Event[] = [];
  readonly #came = new EventEmitter<{ event: [] }>().setMaxListeners(0);
  readonly #reading: Promise<void>;
  #closed = false;

  private constructor(reader: JournalReader) {
    this.#reading = this.#read(reader);
    closeWithFile(this);
  }

  static async read(dataDir: string): Promise<JournalEvents> {
    return new JournalEvents(await openReader({ dir: dataDir, from: 1 }));
  }

  /** The first event that matches of those from index `from` on, read already or still to come. */
  async saw(
    is: (event: Event) => boolean,
    what: string,
    { from = 0, timeoutMs = 30_000 } = {},
  ): Promise<Event> {
    const found = (): Event => this.events.slice(from).find(is);
    if (found() !== undefined) return found();
    const { promise, resolve, reject } = Promise.withResolvers<Event>();
    const look = (): void => {
      if (found() !== undefined) resolve(found());
    };
    this.#came.on("event", look);
    const timer = setTimeout(
      () => reject(new Error(`${what} did not come within ${timeoutMs} ms of ${this.events.length} events`)),
      timeoutMs,
    );
    return promise.finally(() => {
      clearTimeout(timer);
      this.#came.off("event", look);
    });
  }

  async #read(reader: JournalReader): Promise<void> {
    while (!this.#closed) {
      const items = await reader.next(MOST_BYTES_AT_ONCE, Number.POSITIVE_INFINITY);
      for (const item of items) if ("record" in item) this.events.push(JSON.parse(item.record.event));
      if (items.length > 0) this.#came.emit("event");
      else await delay(LOOK_EVERY_MS);
    }
    await reader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#reading;
  }
}
