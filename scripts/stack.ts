/**
 * `npm run stack`: a real Redis, a real Kafka and the bridge on them, until Ctrl-C.
 *
 *   npm run stack
 *   npm run stack -- --data ./stack --ports plugin=9000,admin=9001 --projections ocsf,flat
 */
import { type StackOptions, stackOptionsOf } from "./stack/options.ts";
import { startStack } from "./stack/stack.ts";
import { summaryOf } from "./stack/summary.ts";
import { type Program, runScript } from "./stack/until-told.ts";

/** Of the servers' logs, for an error's text. */
const keptLines = 1_000;
const trimEveryMs = 10_000;

async function run({ data, ports, projections }: StackOptions, program: Program): Promise<number> {
  const { told, say } = program;
  const published = projections.length > 0 && { events: { projections: [...projections] } };
  const settings = { log: { format: "pretty" }, ...published };
  const stack = await startStack({ data, ports, settings }, program);
  const { log, exited } = stack.bridge;
  process.stdout.write(summaryOf(stack, data !== null));
  for (const line of log.lines) say(line);
  log.watch(say);
  const trimming = setInterval(() => log.lines.splice(0, log.lines.length - keptLines), trimEveryMs);
  const untilTold = new Promise<"told">((resolve) => told.addEventListener("abort", () => resolve("told")));
  const reason = await Promise.race([untilTold, exited]);
  clearInterval(trimming);
  if (reason === "told") return 0;
  say("the bridge has ended by itself");
  return 1;
}

await runScript("stack", stackOptionsOf, run);
