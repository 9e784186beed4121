/** Answers asked for as frps does it: by Go's HTTP client, which keeps two idle connections and opens more in a burst. */
import { answersTable, column, compared } from "../answers.ts";
import { least, runPart, type Tell, type Work } from "../part.ts";
import { eachVersion, Stage } from "../stage.ts";
import { median, rounded } from "../statistics.ts";

const askers = 32;

async function frps(work: Work, tell: Tell): Promise<void> {
  await using stage = await Stage.open(work);
  await stage.floor();
  // What can be reached: the least program of part limit.
  await stage.least("least", "record");
  for (const sync of ["fsync", "write"]) await stage.sluice(sync, { sync });
  for (const [mode, title] of [
    ["frps", `${askers} askers, each with one call under way`],
    ["bursts", `bursts of ${askers} calls at once`],
  ] as const) {
    const rounds = await stage.rounds({ mode, connections: askers });
    const opened = (name: string): number =>
      1000 *
      median(
        column(rounds, name, "connectionsOpened").map((count, n) => count / rounds.get(name)![n]!.answers),
      );
    const note = `Connections opened for 1,000 answers: ${[...rounds.keys()].map((name) => `${name} ${rounded(opened(name))}`).join(", ")}.`;
    tell(answersTable(title, rounds, "floor", note));
    if (mode === "bursts") continue;
    for (const [name, version] of eachVersion("fsync", work.versions)) {
      tell(
        compared(rounds, name, "floor", {
          version,
          what: "answers/s asked as frps asks (two idle connections), fsync, to the floor asked the same way",
          how: `${askers} askers share one client of Go's net/http with its default transport, as frp's plugin does; in turns.`,
          required: least(0.8),
          sought: least(0.9),
        }),
      );
    }
  }
}

await runPart(frps);
