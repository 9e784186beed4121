/** Ways to take batches of lines to disk, and the queue before them: what waits is one write and one fdatasync. */
import * as fs from "node:fs";
import { Worker } from "node:worker_threads";

const zeroedBytes = 64 << 20;

/** What takes a batch to disk. `depth`: how many batches may be under way at once. */
export interface Store {
  readonly depth: number;
  commit(batch: string, done: () => void): void;
  close(): unknown;
}
type Write = (fd: number, batch: string, then: () => void) => void;

function onMain(path: string, write: Write): Store {
  const fd = fs.openSync(path, "a");
  return {
    depth: 1,
    commit: (batch, done) => write(fd, batch, () => fs.fdatasync(fd, done)),
    close: () => fs.closeSync(fd),
  };
}

/** Overwrites zeros that are already on disk, so that a sync need not write the file's block map. */
function overZeros(path: string): Store {
  const fd = fs.openSync(path, "w");
  fs.writeSync(fd, Buffer.alloc(zeroedBytes));
  fs.fsyncSync(fd);
  let at = 0;
  return {
    depth: 1,
    commit(batch, done) {
      const bytes = Buffer.from(batch);
      if (at + bytes.length > zeroedBytes) at = 0;
      fs.write(fd, bytes, 0, bytes.length, at, () => fs.fdatasync(fd, done));
      at += bytes.length;
    },
    close: () => fs.closeSync(fd),
  };
}

function inWorker(path: string, depth: number): Store {
  const worker = new Worker(new URL("./journal-worker.ts", import.meta.url), { workerData: { path } });
  const underWay: (() => void)[] = [];
  worker.on("message", (batches: number) => {
    for (let i = 0; i < batches; i++) underWay.shift()?.();
  });
  return {
    depth,
    commit(batch, done) {
      underWay.push(done);
      worker.postMessage(batch);
    },
    close: () => worker.terminate(),
  };
}

export const stores: Record<string, (path: string) => Store> = {
  "main: fs.write, fs.fdatasync": (path) => onMain(path, (fd, batch, then) => fs.write(fd, batch, then)),
  "main: writeSync, fs.fdatasync": (path) =>
    onMain(path, (fd, batch, then) => {
      fs.writeSync(fd, batch);
      then();
    }),
  "main: the first, over zeros": overZeros,
  "worker: one batch under way": (path) => inWorker(path, 1),
  "worker: a batch per turn of the loop": (path) => inWorker(path, Number.POSITIVE_INFINITY),
};

/** Appends lines; each promise resolves when its line is on disk. */
export class GroupCommit {
  records = 0;
  batches = 0;
  readonly #store: Store;
  #lines: string[] = [];
  #waiters: (() => void)[] = [];
  #underWay = 0;
  #armed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  append(line: string): Promise<void> {
    return new Promise((wake) => {
      this.#lines.push(line);
      this.#waiters.push(wake);
      this.records++;
      this.#arm();
    });
  }

  /** setImmediate: what the same turn of the loop still brings goes into the same batch. */
  #arm(): void {
    if (this.#armed || this.#underWay >= this.#store.depth) return;
    this.#armed = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#armed = false;
    if (this.#underWay >= this.#store.depth || this.#lines.length === 0) return;
    this.#underWay++;
    this.batches++;
    const batch = this.#lines.join("");
    const woken = this.#waiters;
    this.#lines = [];
    this.#waiters = [];
    this.#store.commit(batch, () => {
      this.#underWay--;
      for (const wake of woken) wake();
      this.#arm();
    });
  };
}
