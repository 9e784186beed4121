/**
 * Up to where Kafka has confirmed everything: a small file beside the journal, put in place as a whole.
 *
 * Guarantee: a cursor never says more than it was given. Losing it, or finding an old one, repeats records; it
 * never skips any. One that points beyond the journal's end is no danger either: the journal starts numbering
 * above it (recovery.ts), so every record still to come lies behind it.
 */
import path from "node:path";
import { z } from "zod";
import { textOf } from "../errors.ts";
import { type Files, nodeFiles, readSmallFile, replaceFile } from "./files.ts";

const cursorVersion = 1;
const limitBytes = 4 * 1024 * 1024;

const journalseq = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const schema = z.object({
  version: z.literal(cursorVersion),
  instance: z.string(),
  journalseq,
  ahead: z.record(
    z.string(),
    z.object({ partitions: z.number().int().positive(), through: z.record(z.string(), journalseq) }),
  ),
});

export interface Cursor {
  readonly instance: string;
  /** Every record up to this one is confirmed. */
  readonly journalseq: number;
  /**
   * Topics with partitions that are further: by partition, the journalseq up to which all of its own records are
   * confirmed. It says nothing once the topic has another number of partitions.
   */
  readonly ahead: Readonly<
    Record<string, { readonly partitions: number; readonly through: Readonly<Record<string, number>> }>
  >;
}

export interface FoundCursor {
  /** null: start from the oldest record. */
  readonly cursor: Cursor | null;
  /** Why there is none, for the log; null when there is one or was never any. */
  readonly reason: string | null;
}

export function cursorPath(dataDir: string): string {
  return path.join(dataDir, "cursor.json");
}

/** Never rejects: whatever cannot be used is no cursor, with the reason. */
export async function loadCursor(
  dataDir: string,
  instance: string,
  files: Files = nodeFiles,
): Promise<FoundCursor> {
  const file = cursorPath(dataDir);
  try {
    const text = await readSmallFile(files, file, limitBytes);
    if (text === null) return { cursor: null, reason: null };
    const { version: _known, ...cursor } = schema.parse(JSON.parse(text));
    if (cursor.instance === instance) return { cursor, reason: null };
    return { cursor: null, reason: `${file} is of instance ${cursor.instance}, not of ${instance}` };
  } catch (thrown) {
    const text = thrown instanceof z.ZodError ? z.prettifyError(thrown) : textOf(thrown);
    return { cursor: null, reason: `${file} cannot be used: ${text}` };
  }
}

/**
 * Replaces the cursor's file. The rename itself is not synced: after a power cut the cursor before it may stand
 * there again, which only repeats records.
 */
export async function saveCursor(dataDir: string, cursor: Cursor, files: Files = nodeFiles): Promise<void> {
  const { instance, journalseq, ahead } = cursor;
  const content = JSON.stringify({ version: cursorVersion, instance, journalseq, ahead });
  await replaceFile(files, cursorPath(dataDir), `${content}\n`);
}

/** The highest number that Kafka has seen of this journal; 0 without a cursor. */
export function highestIn(cursor: Cursor | null): number {
  if (!cursor) return 0;
  return Math.max(
    cursor.journalseq,
    ...Object.values(cursor.ahead).flatMap(({ through }) => Object.values(through)),
  );
}
