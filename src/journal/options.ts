/** What a journal on disk needs to be told. */
import type { Clock } from "../clock.ts";
import type { Stream } from "../events/streams.ts";
import type { Files } from "./files.ts";
import type { Kept, Loss } from "./journal.ts";
import type { Log } from "./log.ts";

export interface FileJournalOptions {
  /** The data directory; the caller holds its lock. */
  readonly dir: string;
  readonly instance: string;
  readonly epoch: string;
  readonly sync: "fsync" | "write";
  readonly segmentBytes: number;
  readonly maxBytes: number;
  /** How long acknowledged segments stay, in milliseconds. */
  readonly keepMs: number;
  /** Whether somebody acknowledges what is written; without, the oldest segment goes when room is needed. */
  readonly forwarding: boolean;
  readonly topicOf: (stream: Stream) => string;
  /** Publishes a loss through append(); asked again until the record of it is kept. */
  readonly announce: (loss: Loss) => Promise<Kept>;
  readonly log: Log;
  readonly clock?: Clock;
  readonly files?: Files;
  /** Bytes of records that may wait in memory; 64 MiB. */
  readonly queueBytes?: number;
  /** A write and sync that take longer than this fail whoever waits; 750 ms, below every edge's deadline. */
  readonly slowMs?: number;
}
