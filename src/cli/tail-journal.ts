/** The journal of this machine as a source of events; the bridge may be writing it, or have ended. */
import { setTimeout as pause } from "node:timers/promises";
import { SluiceError, textOf } from "../errors.ts";
import { openReader, type ReadItem } from "../journal/reader.ts";
import { lastRecords } from "../journal/tail.ts";
import type { Reading } from "./reading.ts";

const lookEveryMs = 200;
const mostBytesAtOnce = 1024 * 1024;

/** @throws SluiceError data_dir_unusable, journal_damaged */
export async function tailJournal(reading: Reading, dataDir: string): Promise<void> {
  try {
    const newest = await showLast(reading, dataDir);
    if (reading.follow) await follow(reading, dataDir, newest + 1);
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    const text = `the journal in ${dataDir} (data.dir, SLUICE_DATA_DIR) cannot be read: ${textOf(thrown)}`;
    throw new SluiceError("data_dir_unusable", text, { cause: thrown });
  }
}

/** Returns the journalseq up to which it has looked. */
async function showLast({ last, wanted, follow, show, say }: Reading, dataDir: string): Promise<number> {
  const newest = (await lastRecords(dataDir, 1)).at(-1)?.journalseq ?? 0;
  if (newest === 0) {
    say(`no events in ${dataDir}/journal yet${follow ? "; waiting for them" : "; is data.dir right?"}`);
    return 0;
  }
  const records = (await lastRecords(dataDir, last, wanted)).filter(({ journalseq }) => journalseq <= newest);
  if (records.length === 0 && last > 0 && !follow) say(`no such events in ${dataDir}/journal`);
  show(records.map(({ event }) => event));
  return newest;
}

async function follow({ wanted, signal, show, say }: Reading, dataDir: string, from: number): Promise<void> {
  const reader = await openReader({ dir: dataDir, from });
  try {
    while (!signal.aborted) {
      const items = await reader.next(mostBytesAtOnce, Number.POSITIVE_INFINITY);
      for (const item of items) if ("damaged" in item) say(damageText(item));
      show(
        items.flatMap((item) => ("record" in item && wanted(item.record.event) ? [item.record.event] : [])),
      );
      // Rejected when it is aborted, which ends the loop.
      if (items.length === 0) await pause(lookEveryMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    await reader.close();
  }
}

function damageText({ damaged: { loss } }: Extract<ReadItem, { damaged: unknown }>): string {
  const { first, last } = loss.journalseq;
  return `journalseq ${first} to ${last ?? "?"} cannot be read from the journal any more`;
}
