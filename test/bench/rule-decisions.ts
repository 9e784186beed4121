/**
 * Decides ops of one sequence of kinds, nine in ten about a rule and one about none. They are made just before they are
 * decided, as if read from a body, and the making is not timed.
 */
import { decide } from "../../src/policy/decide.ts";
import type { Facts } from "../../src/policy/facts.ts";
import type { Replica } from "../../src/policy/replica.ts";
import { madeOp } from "./made-rules.ts";

const decisionsPerRound = 200_000;
/** Ops made at once, and then decided: few enough to stay in the processor's caches. */
const opsAtOnce = 100;

const facts: Facts = {
  nowMs: Date.now(),
  tokenMeta: "token",
  connections: { open: () => 1, begun: () => 1, logins: () => 1, endsAnnounced: () => true },
  proxies: { others: () => 1 },
};

const connected = 10_000;
/** Each draws a rank; the rank says which rule of how many. */
export const laws: Readonly<Record<string, () => number>> = {
  /** Exponent 1: the n-th most frequent has 1/n of the first one's share. */
  "10,000 by Zipf": () => Math.floor(connected ** Math.random() - 1),
  "100 evenly": () => Math.floor(Math.random() * 100),
  "all evenly": () => Math.floor(Math.random() * 2 ** 30),
};
export const judgedLaw = "100 evenly";

/** For each rank the same place in a hundred, whatever the size, and so the same kind of rule. */
function ruleOf(rank: number, rules: number): number {
  return ((rank * 61) % 100) + 100 * ((rank * 7919) % Math.floor(rules / 100));
}

/** Nanoseconds a decision. */
export function deciding(replica: Replica, draw: () => number, rules: number): number {
  let tookMs = 0;
  for (let turn = 0; turn < decisionsPerRound; turn += opsAtOnce) {
    const ops = Array.from({ length: opsAtOnce }, (_, i) => {
      const strange = i % 10 === 9;
      return madeOp(ruleOf(draw(), rules) + (strange ? rules : 0), i);
    });
    const from = performance.now();
    for (const op of ops) decide(replica, op, facts);
    tookMs += performance.now() - from;
  }
  return (tookMs * 1e6) / decisionsPerRound;
}
