/** The time that an answer takes longer than the floor's where calls come by themselves, beside one sync of the disk. */
import { answersTable, column, cpuOfBoth } from "../answers.ts";
import { syncTimes } from "../disk.ts";
import { most, runPart, type Tell, type Work } from "../part.ts";
import { eachVersion, Stage } from "../stage.ts";
import { differences, quantile, rounded, shownSpread, spreadOf } from "../statistics.ts";

const perSecond = 2_000;
const connections = 64;
const syncs = 500;
const recordBytes = 1_400;

async function latency(work: Work, tell: Tell): Promise<void> {
  await using stage = await Stage.open(work);
  const times = await syncTimes(stage.folder.path, syncs, recordBytes);
  await stage.floor();
  await stage.least("least", "record");
  for (const sync of ["fsync", "write"]) await stage.sluice(sync, { sync });
  // At so few calls it would take minutes until all of its code has been compiled.
  for (const name of stage.subjects.keys()) await stage.ask(name, { mode: "closed", connections });
  const rounds = await stage.rounds({ mode: "open", connections, perSecond });
  times.push(...(await syncTimes(stage.folder.path, syncs, recordBytes)));
  const [syncMs, lateMs] = [quantile(times, 0.5), quantile(times, 0.99)];
  const note = `One write of ${recordBytes} bytes and fdatasync of this disk, at rest, before and behind: p50 ${rounded(syncMs)} ms, p99 ${rounded(lateMs)} ms`;
  const added = (figure: "p50" | "p99"): string =>
    shownSpread(spreadOf(differences(column(rounds, "least", figure), column(rounds, "floor", figure))));
  const limit = `The least program that writes these events and answers when they are on disk (part limit) adds ${added("p50")} ms to the floor's p50 and ${added("p99")} ms to its p99`;
  tell(
    answersTable(
      `${perSecond} op/s, open loop over ${connections} connections`,
      rounds,
      "floor",
      `${note}. ${limit}.`,
    ),
  );
  for (const [name, version] of eachVersion("fsync", work.versions)) {
    for (const [figure, required, sought] of [
      ["p50", 0.3, 0.1],
      ["p99", 2, 1],
    ] as const) {
      tell({
        kind: "measured",
        version,
        what: `added ${figure} over the floor at ${perSecond.toLocaleString("en-US")} op/s, fsync`,
        how: "Open loop in turns behind a closed one, times from when a call was due; the floor's taken off within each round.",
        unit: "ms",
        spread: spreadOf(differences(column(rounds, name, figure), column(rounds, "floor", figure))),
        required: most(syncMs + required, `one fdatasync, p50 ${rounded(syncMs)}, + ${required}`),
        sought: most(syncMs + sought, `+ ${sought}`),
        cpuUs: cpuOfBoth(rounds, name, "floor"),
      });
    }
  }
}

await runPart(latency);
