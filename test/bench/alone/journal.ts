/** The journal alone: so many writers, each with one record of an event under way. */
import type * as FileJournals from "../../../src/journal/file-journal.ts";
import { type Alone, from, measuring, print, silent, work } from "./alone.ts";
import { madeDrafts } from "./made-events.ts";

export interface JournalWork {
  readonly tree: string;
  readonly dir: string;
  readonly writers: number;
  readonly warmUpMs: number;
  readonly countMs: number;
}

export interface JournalFound extends Alone {
  readonly recordsPerSync: number;
  readonly bytesPerRecord: number;
}

const { tree, dir, writers, warmUpMs, countMs } = work<JournalWork>();
const { FileJournal } = await from<typeof FileJournals>(tree, "journal/file-journal.ts");
const epoch = "019b76da-a800-7000-8000-000000000000";
const { journal } = await FileJournal.open({
  dir,
  instance: "i_bench",
  epoch,
  sync: "fsync",
  segmentBytes: 64 * 2 ** 20,
  maxBytes: 2 ** 30,
  keepMs: 86_400_000,
  forwarding: false,
  topicOf: (stream) => `sluice.${stream}`,
  announce: async () => ({ ok: true }),
  log: silent,
});
// Rendered before: what is measured is keeping a line, not making it. All have the same numbers then.
const draft = madeDrafts(epoch);
const events = Array.from({ length: 1_000 }, (_, n) => {
  const { stream, key, render } = draft(n);
  const line = render({ sequence: n, journalseq: n });
  return { stream, key, render: () => line };
});
let done = 0;
let over = false;

async function write(first: number): Promise<void> {
  for (let n = first; !over; n += writers) {
    const { stream, key, render } = events[n % events.length]!;
    const kept = await journal.append(stream, key, render);
    if (!kept.ok) throw new Error(`not kept: ${kept.failure}`);
    done++;
  }
}

const writing = Array.from({ length: writers }, (_, n) => write(n));
const wait = (ms: number): Promise<unknown> =>
  Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), ...writing]);
await wait(warmUpMs);
const [before, stats, measured] = [done, journal.stats(), measuring()];
await wait(countMs);
const count = done - before;
const found = measured(count);
const after = journal.stats();
over = true;
await Promise.all(writing);
const whole = journal.stats();
await journal.close(1_000);
const bytesPerRecord = whole.bytes / whole.lastJournalseq;
print({ ...found, recordsPerSync: count / (after.syncs - stats.syncs), bytesPerRecord } as JournalFound);
