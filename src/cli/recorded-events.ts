import type { ProgressBar } from "./progress-bar.ts";

/** What is asked of a source of events, each of which is one line of JSON. */
export interface RecordedEvents {
  /** Nothing before is wanted; null: all that is there. */
  readonly fromMs: number | null;
  /** Aborted when the operator has enough. */
  readonly signal: AbortSignal;
  readonly bar: ProgressBar;
  /** `topic` where the event may come again; else null. */
  readonly add: (event: string, topic: string | null) => void;
  /** Awaited now and then by a source that can wait for whoever takes its events. */
  readonly rest?: () => Promise<void>;
  /** Something about the reading itself. */
  readonly say: (notice: string) => void;
}

/** It stands among the attributes, which come first. */
export function timeOf(event: string): string {
  return /"time":"([^"]*)"/.exec(event)?.[1] ?? "";
}

/** Likewise. */
export function typeOf(event: string): string {
  return /"type":"([^"]*)"/.exec(event)?.[1] ?? "";
}
