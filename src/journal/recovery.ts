/**
 * What the epoch before left on disk, put in order so that a new one can go on behind it.
 *
 * Guarantees: no record that checks out is touched; what is cut off was never durable, or is set aside and named
 * by a Loss; no number is given again that anybody may have seen. Only the last segment is read; damage in older
 * ones is for the reader to find.
 */

import { textOf } from "../errors.ts";
import type { Cursor } from "./cursor.ts";
import { highestIn } from "./cursor.ts";
import { setAside } from "./damaged.ts";
import { type Files, type OpenFile, writeWhole } from "./files.ts";
import type { GapNote } from "./gap-file.ts";
import type { Loss, PreviousEpoch } from "./journal.ts";
import type { Log } from "./log.ts";
import { journalFolder, listSegments, readHeader, type SegmentName } from "./segment.ts";
import type { Sealed } from "./segment-store.ts";
import { type Damage, type Survey, survey } from "./survey.ts";

export interface RecoveryOptions {
  readonly files: Files;
  readonly dir: string;
  readonly instance: string;
  readonly cursor: Cursor | null;
  readonly gap: GapNote | "unreadable" | null;
  readonly log: Log;
}

export interface Recovered {
  readonly sealed: readonly Sealed[];
  /** The last record that is on disk; 0 when there is none. */
  readonly lastOnDisk: number;
  /** No number up to this one may be given again. */
  readonly taken: number;
  readonly previous: PreviousEpoch | null;
  readonly losses: readonly Loss[];
  readonly damagedRecords: number;
}

/** Far above what any epoch gives between two notes in the gap file; for when the note cannot be read. */
const unknownTaken = 1_000_000;
const chunkBytes = 1024 * 1024;

/** @throws SluiceError journal_damaged at a segment of an unknown format; or what the system says */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { files, dir, log } = options;
  const { segments, foreign } = await listSegments(files, journalFolder(dir));
  if (foreign.length > 0) log.warn({ names: foreign }, "journal: files that are not ours are left alone");
  await refuseUnknownFormats(files, segments);

  let newest: Survey | null = null;
  let found: Survey | null = null;
  let taken = highestIn(options.cursor);
  for (let name = segments.at(-1); name && !found?.records; name = segments.at(-1)) {
    const last = await surveyLast(options, name);
    found = last.found;
    newest ??= found;
    taken = Math.max(taken, name.first - 1, found.last, ...found.damages.map(lastOf));
    if (found.records > 0 || !last.cut) break;
    await files.remove(name.path);
    segments.pop();
  }

  const damages = [...new Set([newest, found])].flatMap((one) => one?.damages.map(({ loss }) => loss) ?? []);
  const lastOnDisk = found?.last ?? 0;
  const previous = previousEpoch(newest, options);
  const gap = lossesOf(options.gap, previous, lastOnDisk);
  return {
    sealed: await sealedOf(files, segments, lastOnDisk),
    lastOnDisk,
    taken: Math.max(taken, gap.taken),
    previous,
    losses: [...damages, ...gap.losses],
    damagedRecords: damages.reduce((sum, { count }) => sum + (count ?? 0), 0),
  };
}

async function refuseUnknownFormats(files: Files, segments: readonly SegmentName[]): Promise<void> {
  for (const { path: name } of segments) {
    const file = await files.open(name, "r");
    await readHeader(file, name).finally(() => file.close());
  }
}

/**
 * Surveys the segment that was written last, cuts off what is no record, and makes sure of the rest. What cannot
 * be copied aside first, on a full disk, stays where it is: readers pass over it.
 */
async function surveyLast(
  options: RecoveryOptions,
  name: SegmentName,
): Promise<{ found: Survey; cut: boolean }> {
  const { files, log } = options;
  const file = await files.open(name.path, "r+");
  try {
    const found = await survey(file, name, null);
    let cut = true;
    for (const damage of found.damages) cut = (await aside(options, damage)) && cut;
    if (found.tail !== "none" && cut) {
      const { size } = await file.stat();
      log.warn({ segment: name.path, bytes: size - found.end }, `journal: a ${found.tail} tail is cut off`);
      await file.truncate(found.end);
    }
    // kill -9 may have left records that only the page cache holds; readers will take them for durable. After a
    // failed sync the kernel even takes them for clean: only writing them again brings them to the disk.
    if (options.gap) await writeAgain(file, found.end);
    await file.sync();
    return { found, cut };
  } finally {
    await file.close();
  }
}

async function writeAgain(file: OpenFile, end: number): Promise<void> {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; at < end; at += chunkBytes) {
    const bytes = await file.read(chunk, 0, Math.min(chunkBytes, end - at), at);
    await writeWhole(file, [chunk.subarray(0, bytes)], at);
  }
}

async function aside({ files, dir, log }: RecoveryOptions, damage: Damage): Promise<boolean> {
  const { segment, offset, loss } = damage;
  const fields = { segment, offset, journalseq: loss.journalseq };
  try {
    log.error({ ...fields, aside: await setAside(files, dir, damage) }, "journal: records are damaged");
    return true;
  } catch (thrown) {
    log.error({ ...fields, problem: textOf(thrown) }, "journal: records are damaged and cannot be set aside");
    return false;
  }
}

function previousEpoch(newest: Survey | null, { instance, log }: RecoveryOptions): PreviousEpoch | null {
  const header = newest?.header;
  if (!header) return null;
  if (header.instance === instance) return { epoch: header.epoch, topics: newest.sequences };
  log.warn({ was: header.instance, is: instance }, "journal: it was written by another instance");
  return null;
}

/** What the gap file says, less what did reach the disk. */
function lossesOf(
  gap: RecoveryOptions["gap"],
  previous: PreviousEpoch | null,
  lastOnDisk: number,
): { losses: Loss[]; taken: number } {
  if (gap === null) return { losses: [], taken: 0 };
  const cause = "killed_while_failing";
  if (gap === "unreadable") {
    const journalseq = { first: lastOnDisk + 1, last: null };
    const loss = { epoch: previous?.epoch ?? "", cause, journalseq, topics: {}, count: null } as const;
    return { losses: [loss], taken: lastOnDisk + unknownTaken };
  }
  const { epoch, open, taken } = gap;
  const losses = [...gap.losses];
  const journalseq = open && behind(open.journalseq, lastOnDisk);
  if (!journalseq) return { losses, taken };

  const onDisk = previous?.epoch === epoch ? previous.topics : {};
  const topics: Record<string, Loss["journalseq"]> = {};
  for (const [topic, span] of Object.entries(open.topics)) {
    const left = behind(span, onDisk[topic] ?? 0);
    if (left) topics[topic] = left;
  }
  const { last } = journalseq;
  const count = last === null ? null : last - journalseq.first + 1;
  losses.push({ epoch, cause: last === null ? cause : open.cause, journalseq, topics, count });
  return { losses, taken };
}

function behind({ first, last }: Loss["journalseq"], onDisk: number): Loss["journalseq"] | null {
  const left = { first: Math.max(first, onDisk + 1), last };
  return last !== null && left.first > last ? null : left;
}

function lastOf({ loss }: { readonly loss: Loss }): number {
  return loss.journalseq.last ?? 0;
}

async function sealedOf(
  files: Files,
  segments: readonly SegmentName[],
  lastOnDisk: number,
): Promise<Sealed[]> {
  const sealed: Sealed[] = [];
  for (const [at, { path: file }] of segments.entries()) {
    const facts = await files.stat(file);
    const last = (segments[at + 1]?.first ?? lastOnDisk + 1) - 1;
    if (facts) sealed.push({ path: file, last, bytes: facts.size, sealedMs: facts.modifiedMs });
  }
  return sealed;
}
