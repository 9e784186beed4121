import { beforeAll, expect, it } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { brokenBridges } from "./broken-bridges.ts";
import type { Fault } from "./fault.ts";
import { layGround } from "./ground.ts";
import { kafkaFaults } from "./list/kafka.ts";
import { faults } from "./list.ts";
import type { Outcome } from "./run.ts";
import { runAll } from "./run-all.ts";

/** Calls a second of each of those that run at once: what is proven hangs on what is in flight, not on how much. */
const rate = Number(process.env.SLUICE_TEST_FAULTS_RATE ?? 200);
/** The short form; `npm run faults -- --scale` takes longer. */
const options = { seed: 1, scale: 1, rate, atOnce: 4, keptSeeds: true };

/** What happens to the brokers costs no event; one that they take from nobody becomes a dead letter. */
const onlyBrokers = (fault: Fault): boolean =>
  kafkaFaults.includes(fault) && fault.name !== "record-too-large";

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

  it.each(faults.filter(onlyBrokers))("has nothing to name as lost: $what", ({ name }) => {
    expect(of(name).named).toBe(0);
  });

  it.each(brokenBridges)("is caught when it $what", ({ name, crime }) => {
    const { problem, findings } = of(name);
    expect(problem).toBeNull();
    expect(findings.map((finding) => finding.crime)).toContain(crime);
  });
});
