/** What the main thread and the forwarder's thread say to each other. */
import type { ProjectionName } from "../events/projections/names.ts";
import type { Stream } from "../events/streams.ts";
import type { TopicNames } from "../events/topic-names.ts";
import type { Loss } from "../journal/journal.ts";
import type { KafkaSettings } from "../kafka/settings.ts";
import type { DeadLetter } from "./dead-letters.ts";
import type { Limits } from "./limits.ts";
import type { ForwarderState, Progress, Trouble } from "./report.ts";

/** Given to the thread when it starts. */
export interface ThreadData extends TopicNames {
  readonly dataDir: string;
  readonly instance: string;
  readonly epoch: string;
  readonly durable: SharedArrayBuffer;
  readonly kafka: KafkaSettings;
  /** With the retention of each one's topic. */
  readonly streams: readonly { readonly name: Stream; readonly retentionMs: number }[];
  readonly projections: readonly ProjectionName[];
  readonly deadLettersRetentionMs: number;
  readonly limits: Limits;
}

export type ToThread = { readonly kind: "stop"; readonly deadlineMs: number };

export type LogLevel = "debug" | "info" | "warn" | "error";

export type FromThread =
  | { readonly kind: "acked"; readonly journalseq: number }
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "trouble"; readonly trouble: Trouble }
  | { readonly kind: "damaged"; readonly loss: Loss }
  | { readonly kind: "deadLetter"; readonly letter: DeadLetter }
  | { readonly kind: "state"; readonly state: ForwarderState }
  | { readonly kind: "log"; readonly level: LogLevel; readonly fields: object; readonly text: string };
