/** What is asked of a source of events, each of which is one line of JSON. */
export interface Reading {
  /** How many of those that are there. */
  readonly last: number;
  readonly wanted: (event: string) => boolean;
  /** Every event is wanted. */
  readonly all: boolean;
  readonly follow: boolean;
  /** Aborted when the operator has seen enough. */
  readonly signal: AbortSignal;
  readonly show: (events: readonly string[]) => void;
  /** Something about the reading itself. */
  readonly say: (notice: string) => void;
}
