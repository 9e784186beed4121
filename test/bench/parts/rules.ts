/** What rules cost an answer: none, a thousand, a million of them in Redis; and what memory the bridge then has. */
import { answersTable, compared } from "../answers.ts";
import { fillRules } from "../made-rules.ts";
import { least, runPart, say, type Tell, type Work } from "../part.ts";
import { rssMiB } from "../process-usage.ts";
import { eachVersion, redis, Stage } from "../stage.ts";
import { rounded } from "../statistics.ts";

const few = 1_000;

async function rules(work: Work, tell: Tell): Promise<void> {
  const many = work.lengths.manyRules;
  await using host = await redis();
  await using stage = await Stage.open(work);
  const named = (count: number): string => `${count.toLocaleString("en-US")} rules`;
  for (const count of [0, few, many]) {
    const prefix = `rules${count}:`;
    await fillRules(host.url, prefix, count);
    for (const sync of ["fsync", "write"]) {
      say(`  starting a bridge with ${named(count)}, ${sync}`);
      const settings = { "redis.url": host.url, "redis.prefix": prefix };
      await stage.sluice(`${named(count)}, ${sync}`, { sync, settings });
    }
  }
  const before = memory(stage);
  const rounds = await stage.rounds({ mode: "closed", connections: 32 });
  tell(answersTable("32 connections, each with one call under way", rounds, `${named(0)}, fsync`));
  for (const [name, version] of eachVersion(`${named(many)}, fsync`, work.versions)) {
    const to = name.replace(named(many), named(0));
    tell(
      compared(rounds, name, to, {
        version,
        what: `answers/s with ${named(many)}, to with none`,
        how: "Two bridges on one Redis, fsync, 32 connections in a closed loop, in turns; each user has a rule.",
        required: least(0.97),
      }),
    );
  }
  const after = memory(stage);
  tell({
    kind: "table",
    title: "Memory of the bridge",
    columns: ["", "start to answers, ms", "RSS at rest, MiB", "RSS behind the load, MiB"],
    rows: [...stage.subjects].map(([name, { readyMs }]) => [
      name,
      rounded(readyMs),
      rounded(before.get(name)!),
      rounded(after.get(name)!),
    ]),
  });
}

function memory({ subjects }: Stage): Map<string, number> {
  return new Map([...subjects].map(([name, { pid }]) => [name, rssMiB(pid)]));
}

await runPart(rules);
