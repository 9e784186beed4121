/** The newest records of a journal, read from its end. */

import type { Stream } from "../events/streams.ts";
import { absentAs, type Files, nodeFiles } from "./files.ts";
import { parseLine } from "./line.ts";
import type { JournalRecord } from "./record.ts";
import { SegmentScan } from "./scan.ts";
import { headerStream, journalFolder, listSegments, readHeader, type SegmentName } from "./segment.ts";

const firstStepBytes = 256 * 1024;

/** At most `count` records whose event is wanted, oldest first. Records that are damaged are not among them. */
export async function lastRecords(
  dataDir: string,
  count: number,
  wanted: (event: string) => boolean = () => true,
  files: Files = nodeFiles,
): Promise<JournalRecord[]> {
  const { segments } = await listSegments(files, journalFolder(dataDir));
  const newest: JournalRecord[] = [];
  for (const segment of segments.reverse()) {
    const missing = count - newest.length;
    if (missing <= 0) break;
    const above = newest[0]?.journalseq ?? Number.POSITIVE_INFINITY;
    newest.unshift(...(await lastOf(files, segment, missing, above, wanted)));
  }
  return newest;
}

/** Steps back from the end of the segment, by twice as much each time, until enough whole lines lie behind. */
async function lastOf(
  files: Files,
  segment: SegmentName,
  count: number,
  below: number,
  wanted: (event: string) => boolean,
): Promise<JournalRecord[]> {
  const file = await absentAs(null, files.open(segment.path, "r"));
  if (!file) return [];
  try {
    const epoch = (await readHeader(file, segment.path))?.epoch ?? "";
    const { size } = await file.stat();
    for (let back = firstStepBytes; ; back *= 2) {
      const from = Math.max(0, size - back);
      const records: JournalRecord[] = [];
      const scan = new SegmentScan(file, from);
      do {
        while (scan.take()) {
          const { stream, ...line } = parseLine(scan.bytes, scan.start, scan.end);
          if (stream !== headerStream && line.journalseq < below && wanted(line.event)) {
            records.push({ ...line, epoch, stream: stream as Stream });
          }
        }
      } while (await scan.more());
      if (records.length >= count || from === 0) return records.slice(-count);
    }
  } finally {
    await file.close();
  }
}
