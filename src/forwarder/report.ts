/** What the forwarder tells the main thread; plain data, since it crosses between threads. */
import type { ErrorCode } from "../errors.ts";
import type { DeadLetter } from "./dead-letters.ts";

/** Per topic of the current epoch the sequence up to which every event is confirmed. */
export interface Progress {
  readonly topics: Readonly<Record<string, number>>;
  /** Up to which every record of any epoch is, its projections included. */
  readonly journalseq: number;
}

/** Something is wrong, or no longer: said when it changes, not at each attempt. */
export interface Trouble {
  readonly what: "kafka" | "partition" | "topics" | "journal" | "cursor" | "thread";
  /** null: it is over. */
  readonly code: ErrorCode | null;
  readonly text: string;
  /** The topic or partition that it is about, `sluice.logins [3]`. */
  readonly where?: string;
}

export interface ForwarderState {
  /** Whether Kafka confirmed something after the last failure, or nothing has failed yet. */
  readonly connected: boolean;
  readonly acknowledgedJournalseq: number;
  /** Durable records that are not confirmed. */
  readonly lagRecords: number;
  /** null when there is none. */
  readonly oldestUnackedJournalseq: number | null;
  readonly lastError: { readonly code: ErrorCode; readonly text: string; readonly atMs: number } | null;
  /** `topic [partition]` of each that had nothing confirmed for a while. */
  readonly stuck: readonly string[];
  readonly unknownTopics: readonly string[];
  readonly sentRecords: number;
  readonly sentBytes: number;
  readonly retries: number;
  readonly deadLetters: number;
  readonly heldBytes: number;
}

export interface Listener {
  acked(journalseq: number): void;
  progress(progress: Progress): void;
  trouble(trouble: Trouble): void;
  deadLetter(letter: DeadLetter): void;
  state(state: ForwarderState): void;
}
