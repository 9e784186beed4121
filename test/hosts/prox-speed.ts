/** prox's limits of speed: buckets of bytes with 64 KiB to begin with, each taken from in pieces of 32 KiB at most. */
import { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

const MAX_PIECE_BYTES = 32 * 1024;
const BURST_BYTES = 64 * 1024;

/** 8 megabits are a million bytes. */
export function bytesPerSecond(mbps: number): number {
  return Math.trunc((mbps * 1_000_000) / 8);
}

/** The smaller of two limits; 0 is none. */
export function tighter(one: number, other: number): number {
  if (one <= 0 || other <= 0) return Math.max(one, other, 0);
  return Math.min(one, other);
}

export class Bucket {
  rate: number;
  #tokens = BURST_BYTES;
  #at: number;

  /** `rate` is in bytes per second, `now` in ms. */
  constructor(rate: number, now: number) {
    this.rate = rate;
    this.#at = now;
  }

  /** Takes `bytes` and says how many ms to wait for them. */
  take(bytes: number, now: number): number {
    this.#tokens = Math.min(BURST_BYTES, this.#tokens + ((now - this.#at) * this.rate) / 1_000) - bytes;
    this.#at = now;
    return this.#tokens < 0 ? (-this.#tokens * 1_000) / this.rate : 0;
  }
}

export interface Buckets {
  download?: Bucket | undefined;
  upload?: Bucket | undefined;
}

/** Buckets that requests with the same group key share while any of them runs. */
export class SpeedGroups {
  readonly #groups = new Map<string, Buckets & { users: number }>();

  acquire(key: string, download: number, upload: number): Buckets {
    const group = this.#groups.get(key) ?? { ...bucketsOf(download, upload), users: 0 };
    this.#groups.set(key, group);
    group.users += 1;
    this.update(key, download, upload);
    return group;
  }

  release(key: string): void {
    const group = this.#groups.get(key);
    if (!group) return;
    group.users -= 1;
    if (group.users === 0) this.#groups.delete(key);
  }

  update(key: string, download: number, upload: number): void {
    const group = this.#groups.get(key);
    if (group?.download && download > 0) group.download.rate = download;
    if (group?.upload && upload > 0) group.upload.rate = upload;
  }
}

export function bucketsOf(download: number, upload: number): Buckets {
  const of = (rate: number): Bucket | undefined =>
    rate > 0 ? new Bucket(rate, performance.now()) : undefined;
  return { download: of(download), upload: of(upload) };
}

/** Lets through what the bucket gives. */
export function throttled(bucket: Bucket): Transform {
  return new Transform({
    async transform(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += MAX_PIECE_BYTES) {
        const piece = chunk.subarray(at, at + MAX_PIECE_BYTES);
        const waitMs = bucket.take(piece.length, performance.now());
        if (waitMs > 0) await sleep(waitMs);
        this.push(piece);
      }
      done();
    },
  });
}
