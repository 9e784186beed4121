/** The forwarder's bounds and rhythms; one value each, so that tests can make them small. */
export interface Limits {
  readonly batchRecords: number;
  /** Weight of one send (envelope.ts says what weighs). A broker takes 1,048,588 bytes a batch by default. */
  readonly batchBytes: number;
  /** What comes so soon after the last send of a lane, or the last reading of the journal, waits for more. */
  readonly lingerMs: number;
  /** What a healthy lane may hold before reading waits for it. */
  readonly laneBytes: number;
  /** What all lanes may hold together before reading waits; stuck ones get half of it. */
  readonly memoryBytes: number;
  /** Read from the journal at once. */
  readonly chunkBytes: number;
  /** How far reading goes on passing over records that nobody can take, in search of some that somebody can. */
  readonly lookAheadBytes: number;
  /** A lane that has had nothing confirmed for this long, though something waits, is stuck. */
  readonly stuckAfterMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  readonly saveMs: number;
  readonly progressMs: number;
  readonly statsMs: number;
}

export const defaultLimits: Limits = {
  batchRecords: 500,
  batchBytes: 900_000,
  lingerMs: 20,
  laneBytes: 2 * 1024 ** 2,
  memoryBytes: 32 * 1024 ** 2,
  chunkBytes: 256 * 1024,
  lookAheadBytes: 32 * 1024 ** 2,
  stuckAfterMs: 2_000,
  retryFirstMs: 100,
  retryMaxMs: 10_000,
  saveMs: 500,
  progressMs: 10_000,
  statsMs: 1_000,
};
