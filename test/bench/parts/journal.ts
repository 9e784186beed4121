/**
 * The journal alone beside the bare loop that writes and syncs the same bytes, and beside the least program that does so
 * with records that it is given one by one.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../../hosts/folder.ts";
import { type Alone, alone } from "../alone/alone.ts";
import type { JournalFound, JournalWork } from "../alone/journal.ts";
import type { RecordFileFound, RecordFileWork } from "../alone/record-file.ts";
import type { LoopWork } from "../alone/write-loop.ts";
import { least, runPart, say, type Tell, type Work } from "../part.ts";
import { eachVersion } from "../stage.ts";
import { median, ratios, rounded, shownSpread, spreadOf } from "../statistics.ts";
import { roundsOf } from "../turns.ts";

const writerCounts = [1, 64, 256];
const judged = 64;
const loop = "bare loop";
const leastProgram = "least program";

type Found = Alone & Partial<JournalFound>;

async function journal(work: Work, tell: Tell): Promise<void> {
  await using folder = { ...(await temporaryFolder("bench-journal")), [Symbol.asyncDispose]: remove };
  function remove(): Promise<void> {
    return folder.remove();
  }
  const times = { warmUpMs: work.warmUpSeconds * 1000, countMs: work.seconds * 1000 };
  const versions = new Map(
    eachVersion("journal", work.versions).map(([name], at) => [name, work.versions[at]!.tree]),
  );
  const rows: string[][] = [];
  for (const writers of writerCounts) {
    let bytesPerRecord = 0;
    const ask = (name: string, tree: string | undefined): Promise<Found> => {
      const dir = folder.path;
      if (tree)
        return alone<JournalFound>("journal.ts", {
          tree,
          dir: join(dir, "data"),
          writers,
          ...times,
        } satisfies JournalWork);
      return name === leastProgram
        ? alone<RecordFileFound>("record-file.ts", { dir, writers, ...times } satisfies RecordFileWork)
        : alone("write-loop.ts", { dir, records: writers, bytesPerRecord, ...times } satisfies LoopWork);
    };
    const measure = async (name: string): Promise<Found> => {
      const tree = versions.get(name);
      const found = await ask(name, tree);
      for (const left of await readdir(folder.path)) await rm(join(folder.path, left), { recursive: true });
      bytesPerRecord = found.bytesPerRecord ?? bytesPerRecord;
      say(
        `  ${writers} writers  ${name.padEnd(20)} ${rounded(found.perSecond)}/s  CPU ${rounded(found.cpuUs)} µs`,
      );
      return found;
    };
    const rounds = await roundsOf([...versions.keys(), leastProgram, loop], measure, work.rounds);
    const rates = (name: string): number[] => rounds.get(name)!.map(({ perSecond }) => perSecond);
    const cpu = (name: string): number => median(rounds.get(name)!.map(({ cpuUs }) => cpuUs));
    for (const [name, all] of rounds) {
      const perSync = median(all.map(({ recordsPerSync = writers }) => recordsPerSync));
      const ratio = shownSpread(spreadOf(ratios(rates(name), rates(loop))));
      rows.push([
        String(writers),
        name,
        rounded(median(rates(name))),
        ratio,
        rounded(perSync),
        rounded(cpu(name)),
      ]);
    }
    if (writers !== judged) continue;
    for (const [name, version] of eachVersion("journal", work.versions)) {
      tell({
        kind: "measured",
        version,
        what: `journal append, ${judged} writers, to a bare loop of write and fdatasync of the same bytes`,
        how: `${judged} writers with one record of an event each under way; the loop writes ${judged} such records (${rounded(bytesPerRecord)} bytes each) before each sync. In turns, each in a new process and file. ${leastProgram}: ${shownSpread(spreadOf(ratios(rates(leastProgram), rates(loop))))}.`,
        unit: "×",
        spread: spreadOf(ratios(rates(name), rates(loop))),
        required: least(0.8),
        cpuUs: [cpu(name), cpu(loop)],
      });
    }
  }
  const columns = ["writers", "", "records/s", `× ${loop}`, "records a sync", "CPU µs a record"];
  const note = `${leastProgram}: each writer's record is copied and given a checksum, all that wait are one write through to the disk, and each writer goes on then (part limit).`;
  tell({ kind: "table", title: "Records kept, fsync", note, columns, rows });
}

await runPart(journal);
