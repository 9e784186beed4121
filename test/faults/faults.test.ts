import { beforeAll, expect, it } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { brokenBridges } from "./broken-bridges.ts";
import { layGround } from "./ground.ts";
import { faults } from "./list.ts";
import type { Outcome } from "./run.ts";
import { runAll } from "./run-all.ts";

/** The short form; `npm run faults -- --scale` takes longer. */
const options = { seed: 1, scale: 1, rate: 300, atOnce: 4, keptSeeds: true };

describeWith(["kafka", "redis"], "a bridge under load", () => {
  let outcomes: readonly Outcome[];
  beforeAll(async () => {
    outcomes = await runAll([...faults, ...brokenBridges], await layGround(), options);
  }, 600_000);

  const of = (name: string): Outcome => outcomes.find(({ fault }) => fault.name === name)!;

  it.each(faults)("keeps its word: $what", ({ name }) => {
    const { problem, findings, answered, lost, phantom } = of(name);
    expect({ problem, findings, lost, phantom }).toEqual({
      problem: null,
      findings: [],
      lost: 0,
      phantom: 0,
    });
    expect(answered).toBeGreaterThan(options.rate / 2);
  });

  it.each(brokenBridges)("is caught when it $what", ({ name, crime }) => {
    const { problem, findings } = of(name);
    expect(problem).toBeNull();
    expect(findings.map((finding) => finding.crime)).toContain(crime);
  });
});
