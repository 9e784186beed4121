import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { v7 as newId } from "uuid";
import { systemClock } from "../../src/clock.ts";
import { SluiceError } from "../../src/errors.ts";
import type { Stream } from "../../src/events/streams.ts";
import type { DeadLetter } from "../../src/forwarder/dead-letters.ts";
import { type Forwarder, startForwarder } from "../../src/forwarder/handle.ts";
import type { Limits } from "../../src/forwarder/limits.ts";
import type { ForwarderState, Progress, Trouble } from "../../src/forwarder/report.ts";
import { FileJournal } from "../../src/journal/file-journal.ts";
import type { Loss } from "../../src/journal/journal.ts";
import type { KafkaSettings } from "../../src/kafka/settings.ts";
import { eventText } from "./memory-journal.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What the bridge is to the forwarder: a journal on disk that is written, and a forwarder started beside it. */
export class BridgeJournal implements AsyncDisposable {
  readonly dir: string;
  readonly prefix: string;
  readonly acked: number[] = [];
  readonly progress: Progress[] = [];
  readonly troubles: Trouble[] = [];
  readonly letters: DeadLetter[] = [];
  readonly losses: Loss[] = [];
  readonly logged: { level: string; text: string; fields: object }[] = [];
  readonly keys: string[] = [];
  readonly #journal: FileJournal;
  #forwarder: Forwarder | null = null;
  #watchers = new Set<() => void>();

  private constructor(dir: string, prefix: string, journal: FileJournal) {
    this.dir = dir;
    this.prefix = prefix;
    this.#journal = journal;
  }

  static async open(prefix: string): Promise<BridgeJournal> {
    const dir = await mkdtemp(path.join(tmpdir(), "sluice-forwarder-"));
    const { journal } = await FileJournal.open({
      dir,
      instance: "i-1",
      epoch: newId(),
      sync: "write",
      segmentBytes: 1024 ** 2,
      maxBytes: 1024 ** 3,
      keepMs: 3_600_000,
      forwarding: true,
      topicOf: (stream) => prefix + stream,
      announce: async () => ({ ok: true }),
      log: silent,
    });
    return new BridgeJournal(dir, prefix, journal);
  }

  async append(stream: Stream, key: string, padBytes = 0): Promise<void> {
    this.keys.push(key);
    const { epoch } = this.#journal;
    await this.#journal.append(stream, key, (stamp) =>
      eventText(stream, key, stamp.journalseq, stamp.sequence, epoch, padBytes),
    );
  }

  async fill(count: number, stream: Stream = "logins", padBytes = 200): Promise<void> {
    const appends = Array.from({ length: count }, (_, n) => this.append(stream, `user-${n % 40}`, padBytes));
    await Promise.all(appends);
  }

  start(kafka: KafkaSettings, limits: Partial<Limits> = {}): Forwarder {
    const log =
      (level: string) =>
      (fields: object, text: string): void =>
        this.#told(() => this.logged.push({ level, text, fields }));
    this.#forwarder = startForwarder({
      dataDir: this.dir,
      instance: "i-1",
      epoch: this.#journal.epoch,
      durable: this.#journal.durable,
      kafka,
      topicPrefix: this.prefix,
      clock: systemClock,
      log: { debug() {}, info: log("info"), warn: log("warn"), error: log("error") },
      limits: { saveMs: 50, statsMs: 50, progressMs: 200, ...limits },
      onAcked: (journalseq) => this.#told(() => this.acked.push(journalseq)),
      onProgress: (progress) => this.#told(() => this.progress.push(progress)),
      onTrouble: (trouble) => this.#told(() => this.troubles.push(trouble)),
      onDamaged: (loss) => this.#told(() => this.losses.push(loss)),
      onDeadLetter: (letter) => this.#told(() => this.letters.push(letter)),
      onState: () => this.#told(() => {}),
    });
    return this.#forwarder;
  }

  state(): ForwarderState | null {
    return this.#forwarder?.state() ?? null;
  }

  get durable(): number {
    return this.#journal.stats().durableJournalseq;
  }

  /** Resolves when `done` holds; looked at whenever the forwarder says something. */
  saw(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!done()) return;
        cancel();
        this.#watchers.delete(look);
        resolve();
      };
      const cancel = systemClock.after(60_000, () => {
        this.#watchers.delete(look);
        reject(new SluiceError("kafka_unavailable", `never: ${done} ${JSON.stringify(this.state())}`));
      });
      this.#watchers.add(look);
      look();
    });
  }

  /** Everything that was appended is confirmed. */
  forwarded(): Promise<void> {
    return this.saw(() => this.acked.at(-1) === this.keys.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forwarder?.stop(500);
    await this.#journal.close(1_000);
    await rm(this.dir, { recursive: true });
  }

  #told(note: () => void): void {
    note();
    for (const look of [...this.#watchers]) look();
  }
}
