/** The least that takes records of so many writers, makes one write of them, and lets each go on once it is on disk. */
import { join } from "node:path";
import { RecordFile } from "../least/record-file.ts";
import { type Alone, measuring, print, work } from "./alone.ts";
import { madeDrafts } from "./made-events.ts";

export interface RecordFileWork {
  readonly dir: string;
  readonly writers: number;
  readonly warmUpMs: number;
  readonly countMs: number;
}

export interface RecordFileFound extends Alone {
  readonly recordsPerSync: number;
}

/** As the journal's: where a file begins anew early, the system has the memory at hand that it keeps what is written in. */
const journalBytes = 2 ** 30;
const { dir, writers, warmUpMs, countMs } = work<RecordFileWork>();
const draft = madeDrafts("019b76da-a800-7000-8000-000000000000");
const lines = Array.from({ length: 1_000 }, (_, n) => draft(n).render({ sequence: n, journalseq: n }));
const file = new RecordFile(join(dir, `records-${process.pid}`), 0, journalBytes);
let done = 0;

function write(first: number): void {
  file.append([lines[first % lines.length]!], () => {
    done++;
    write(first + writers);
  });
}

for (let n = 0; n < writers; n++) write(n);
setTimeout(() => {
  const [before, syncs, measured] = [done, file.syncs, measuring()];
  setTimeout(() => {
    const count = done - before;
    print({ ...measured(count), recordsPerSync: count / (file.syncs - syncs) } as RecordFileFound);
  }, countMs);
}, warmUpMs);
