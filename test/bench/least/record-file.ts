/**
 * Records to disk as the journal brings them there, and no more: all that waits is one write that is on disk when it
 * returns, and those who wait hear of it then.
 *
 *   idle ──append──▶ writing ──▶ more waits? ──no──▶ idle
 *                       ▲             │ yes
 *                       └─────────────┘
 */
import { closeSync, constants, fdatasync, ftruncate, openSync, write } from "node:fs";
import { crc32 } from "node:zlib";

/** Of checksum and length, before each line. */
export const headBytes = 8;
/** What waits while one write is under way: many times the events of 256 calls. */
const bufferBytes = 4 * 1024 * 1024;
const { O_RDWR, O_CREAT, O_TRUNC, O_DSYNC } = constants;
/** As the journal's: elsewhere each write has an fdatasync behind it. */
const throughToDisk = process.platform === "linux";
/** As much as the journal of a bridge that is measured beside it may take (subject.ts). */
const mostBytes = 256 * 1024 * 1024;

export class RecordFile {
  syncs = 0;
  readonly #fd: number;
  readonly #gatherMs: number;
  readonly #mostBytes: number;
  #filling = Buffer.alloc(bufferBytes);
  #writing = Buffer.alloc(bufferBytes);
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #at = 0;
  #busy = false;
  #cameMs = 0;

  /**
   * @param gatherMs how long nothing may have come before a write begins; 0: it begins as soon as it can
   * @param most bytes with which the file begins anew, so that a long run fills no disk
   */
  constructor(path: string, gatherMs: number, most = mostBytes) {
    this.#fd = openSync(path, O_RDWR | O_CREAT | O_TRUNC | (throughToDisk ? O_DSYNC : 0), 0o600);
    this.#gatherMs = gatherMs;
    this.#mostBytes = most;
  }

  /** @param kept called once all of the lines are on disk; a disk that fails ends the process */
  append(lines: readonly string[], kept: () => void): void {
    for (const line of lines) this.#add(line);
    this.#waiting.push(kept);
    if (this.#gatherMs > 0) this.#cameMs = performance.now();
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => this.#gather());
  }

  /** Nothing may be under way. */
  close(): void {
    closeSync(this.#fd);
  }

  #add(line: string): void {
    const from = this.#bytes + headBytes;
    const end = from + this.#filling.write(line, from);
    if (end + 4 > bufferBytes) throw new Error("more waits to be written than there is room for");
    this.#filling[end] = 0x0a;
    this.#filling.writeUInt32LE(crc32(this.#filling.subarray(from, end + 1)), this.#bytes);
    this.#filling.writeUInt32LE(end + 1 - from, this.#bytes + 4);
    this.#bytes = end + 1;
  }

  /** Turn by turn, since timers are in whole milliseconds. */
  #gather(): void {
    if (this.#gatherMs === 0 || performance.now() - this.#cameMs > this.#gatherMs) this.#write();
    else setImmediate(() => this.#gather());
  }

  #write(): void {
    if (this.#at > this.#mostBytes) {
      this.#at = 0;
      ftruncate(this.#fd, 0, (problem) => (problem ? fail(problem) : this.#write()));
      return;
    }
    const [bytes, waiting] = [this.#bytes, this.#waiting];
    [this.#filling, this.#writing] = [this.#writing, this.#filling];
    [this.#bytes, this.#waiting] = [0, []];
    write(this.#fd, this.#writing, 0, bytes, this.#at, (problem, written) => {
      if (problem !== null) fail(problem);
      if (written < bytes) fail(new Error("the disk is full"));
      this.#at += bytes;
      if (throughToDisk) this.#synced(waiting);
      else fdatasync(this.#fd, (failed) => (failed ? fail(failed) : this.#synced(waiting)));
    });
  }

  /** What has come meanwhile goes to disk while those who waited are answered, or with what they bring next. */
  #synced(waiting: readonly (() => void)[]): void {
    this.syncs++;
    this.#busy = this.#bytes > 0;
    if (this.#gatherMs > 0) this.#cameMs = performance.now();
    if (this.#busy) this.#gather();
    for (const kept of waiting) kept();
  }
}

function fail(problem: Error): never {
  throw problem;
}
