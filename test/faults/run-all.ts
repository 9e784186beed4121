/**
 * Runs many faults on one ground: those that harm only their own bridge several at a time, those that break the
 * brokers one after the other behind them.
 */
import type { Fault } from "./fault.ts";
import type { Ground } from "./ground.ts";
import { type Outcome, type RunOptions, runFault } from "./run.ts";

export interface RunAllOptions extends RunOptions {
  readonly atOnce: number;
  /** Takes the seed with which a fault once found something, where there is one. */
  readonly keptSeeds?: boolean;
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** In the order of `faults`. */
export async function runAll(
  faults: readonly Fault[],
  ground: Ground,
  options: RunAllOptions,
): Promise<Outcome[]> {
  const outcomes = new Map<Fault, Outcome>();
  const run = async (fault: Fault): Promise<void> => {
    // Each its own row of calls, also in one run: ids are made of them.
    const kept = options.keptSeeds ? fault.foundWith : undefined;
    const seed = kept ?? options.seed + faults.indexOf(fault);
    const outcome = await runFault(fault, ground, { ...options, seed }).catch((thrown: Error) =>
      broken(fault, seed, thrown),
    );
    outcomes.set(fault, outcome);
    options.onOutcome?.(outcome);
  };
  const together = faults.filter(({ alone }) => !alone);
  const worker = async (): Promise<void> => {
    for (let fault = together.shift(); fault; fault = together.shift()) await run(fault);
  };
  await Promise.all(Array.from({ length: options.atOnce }, worker));
  for (const fault of faults) if (fault.alone) await run(fault);
  return faults.map((fault) => outcomes.get(fault)!);
}

function broken(fault: Fault, seed: number, thrown: Error): Outcome {
  const none = { answered: 0, unanswered: 0, delivered: 0, named: 0, duplicates: 0, lost: 0, phantom: 0 };
  return { ...none, findings: [], fault, seed, ms: 0, problem: thrown.stack ?? thrown.message };
}
