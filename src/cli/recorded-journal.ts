/** The journal of this machine as recorded events; the bridge may be writing it, or have ended. */
import { SluiceError, textOf } from "../errors.ts";
import { openReader } from "../journal/reader.ts";
import { lastRecords } from "../journal/tail.ts";
import { type RecordedEvents, timeOf } from "./recorded-events.ts";

const mostBytesAtOnce = 1024 * 1024;

/**
 * Resolves with whether all that is kept could be read.
 *
 * @throws SluiceError data_dir_unusable, journal_damaged
 */
export async function readJournal(events: RecordedEvents, dataDir: string): Promise<boolean> {
  try {
    return await read(events, dataDir);
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    const text = `the journal in ${dataDir} (data.dir, SLUICE_DATA_DIR) cannot be read: ${textOf(thrown)}`;
    throw new SluiceError("data_dir_unusable", text, { cause: thrown });
  }
}

async function read(
  { fromMs, signal, bar, add, rest, say }: RecordedEvents,
  dataDir: string,
): Promise<boolean> {
  // What comes from now on would keep a reader busy as long as the bridge is.
  const newest = (await lastRecords(dataDir, 1)).at(-1)?.journalseq ?? 0;
  if (newest === 0) {
    say(`no events in ${dataDir}/journal yet; is data.dir right?`);
    return true;
  }
  const reader = await openReader({ dir: dataDir, from: "oldest" });
  let oldest: number | null = null;
  let whole = true;
  try {
    while (!signal.aborted) {
      const items = await reader.next(mostBytesAtOnce, newest);
      if (items.length === 0) break;
      for (const item of items) {
        if ("damaged" in item) {
          const { first, last } = item.damaged.loss.journalseq;
          whole = false;
          say(`journalseq ${first} to ${last ?? "?"} cannot be read from the journal any more`);
          continue;
        }
        const { journalseq, event } = item.record;
        if (oldest === null) {
          oldest = journalseq;
          bar.begin(newest - oldest + 1);
          const time = timeOf(event);
          if (fromMs !== null && Date.parse(time) > fromMs)
            say(`the journal has records from ${time} on only`);
        }
        add(event, null);
        bar.step();
      }
      await rest?.();
    }
  } finally {
    await reader.close();
  }
  return whole;
}
