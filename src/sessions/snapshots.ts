/**
 * When snapshots are written.
 *
 *   idle ──enough has been journaled since the last──▶ writing ──its last record is durable──▶ in place ──▶ idle
 *                                                         └── the disk fails ──▶ idle: the one before stays
 *
 * Guarantee: the journal keeps what the snapshot in place does not cover, as far as it has room.
 */
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import type { Files } from "../journal/files.ts";
import type { RecoveryLog } from "./recovery.ts";
import type { Sessions } from "./sessions.ts";
import { snapshotLines } from "./snapshot.ts";
import { snapshotVersion, writeSnapshot } from "./snapshot-file.ts";

const lookEveryMs = 10_000;
/** At least so many records lie between two snapshots, and a quarter of the sessions that each has to write. */
const leastRecords = 5_000;
const durableWithinMs = 5_000;
const durablePollMs = 20;

export interface SnapshotsParts {
  readonly sessions: Sessions;
  readonly instance: string;
  readonly dataDir: string;
  /** The snapshot in place; 0 without one. */
  readonly through: number;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: RecoveryLog;
  /** The last journalseq given. */
  readonly given: () => number;
  /** The last journalseq on disk. */
  readonly durable: () => number;
  /** The journal need not be kept for the sessions' sake up to here. */
  readonly onCovered: (through: number) => void;
}

export class Snapshots {
  readonly #parts: SnapshotsParts;
  #through: number;
  #writing: Promise<void> | null = null;
  #cancel: () => void;

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
    this.#through = parts.through;
    parts.onCovered(parts.through);
    this.#cancel = this.#lookLater();
  }

  /** Writes the last one, when all has been said. */
  async close(): Promise<void> {
    this.#cancel();
    await this.#writing;
    if (this.#parts.given() > this.#through) await this.write();
  }

  write(): Promise<void> {
    // A snapshot has no place for what a crash left to be derived: what it covers would never be.
    if (this.#parts.sessions.recovering) return Promise.resolve();
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { sessions, instance, dataDir, files, given, log, onCovered } = this.#parts;
    const through = given();
    try {
      const naming = sessions.roster.naming || undefined;
      const header = { version: snapshotVersion, instance, through, ...(naming && { naming }) };
      const bytes = await writeSnapshot(
        dataDir,
        header,
        snapshotLines(sessions),
        () => this.#isDurable(through),
        files,
      );
      if (bytes === null) return;
      this.#through = through;
      onCovered(through);
    } catch (thrown) {
      log.warn(
        { problem: textOf(thrown) },
        "sessions: no snapshot could be written; the journal is kept instead",
      );
    }
  }

  /** What a power cut takes back must not have got into a snapshot: its numbers are given again. */
  async #isDurable(through: number): Promise<boolean> {
    const { clock, durable } = this.#parts;
    for (let waitedMs = 0; durable() < through; waitedMs += durablePollMs) {
      if (waitedMs > durableWithinMs) return false;
      await new Promise<void>((resolve) => clock.after(durablePollMs, resolve));
    }
    return true;
  }

  #lookLater(): () => void {
    return this.#parts.clock.after(lookEveryMs, () => {
      const since = this.#parts.given() - this.#through;
      if (since >= Math.max(leastRecords, this.#parts.sessions.open.size / 4)) void this.write();
      this.#cancel = this.#lookLater();
    });
  }
}
