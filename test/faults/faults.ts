/**
 * `npm run faults`: lets faults befall real bridges under load, and says what came of it.
 *
 *   npm run faults                             all of them, with a seed by the clock
 *   npm run faults -- kill disk-full           these
 *   npm run faults -- kill --seed 7 --scale 20 --rate 1000
 *   npm run faults -- --self-test --runs 10    whether the judge finds what is broken
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { closeAll } from "../hosts/open.ts";
import { prepare } from "../hosts/provider.ts";
import { layGround } from "./ground.ts";
import { type Options, optionsOf } from "./options.ts";
import type { Outcome } from "./run.ts";
import { runAll } from "./run-all.ts";
import { isAsExpected, markdownTable, textTable } from "./table.ts";

const foundFile = new URL("../../.faults/found.jsonl", import.meta.url);

const write = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Where a finding may be looked at again. */
function keep(outcome: Outcome, { scale, rate }: Options): void {
  const { fault, seed, findings, problem } = outcome;
  mkdirSync(new URL(".", foundFile), { recursive: true });
  appendFileSync(
    foundFile,
    `${JSON.stringify({ fault: fault.name, seed, scale, rate, findings, problem })}\n`,
  );
}

function tell(outcome: Outcome, options: Options): void {
  const { fault, seed, ms, findings, problem } = outcome;
  const fine = isAsExpected(outcome);
  say(`${fine ? "✓" : "✗"} ${fault.name} (${(ms / 1000).toFixed(1)} s)`);
  for (const { crime, count, example } of findings) say(`    ${crime}: ${count}, such as ${example}`);
  if (fine) return;
  keep(outcome, options);
  if (problem !== null) say(`    ${problem.replaceAll("\n", "\n    ")}`);
  const again = `--seed ${seed} --scale ${options.scale} --rate ${options.rate}`;
  say(`    again: npm run faults -- ${fault.name} ${again}${options.selfTest ? " --self-test" : ""}`);
}

async function run(options: Options): Promise<boolean> {
  for (const service of ["redis", "kafka"] as const) await prepare(service);
  const startedMs = performance.now();
  say(`seed ${options.seed}; starting three Kafka brokers`);
  const ground = await layGround();
  let fine = true;
  for (let turn = 0; turn < options.runs; turn++) {
    const seed = options.seed + turn * options.chosen.length;
    const onOutcome = (outcome: Outcome): void => tell(outcome, options);
    const outcomes = await runAll(options.chosen, ground, { ...options, seed, onOutcome });
    write(options.markdown ? markdownTable(outcomes) : textTable(outcomes));
    fine &&= outcomes.every(isAsExpected);
  }
  say(`${((performance.now() - startedMs) / 1000).toFixed(0)} s in all`);
  return fine;
}

async function main(): Promise<number> {
  let options: Options | string;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (thrown) {
    say(`${(thrown as Error).message}\n(npm run faults -- --help shows what there is)`);
    return 2;
  }
  if (typeof options === "string") {
    process.stdout.write(options);
    return 0;
  }
  try {
    return (await run(options)) ? 0 : 1;
  } finally {
    await closeAll();
  }
}

process.exit(await main());
