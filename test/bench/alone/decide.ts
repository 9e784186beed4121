/** Decisions alone, about users who all have a rule where there are some; parsed before, as the bridge does it. */
import type * as Deciding from "../../../src/policy/decide.ts";
import type { Facts } from "../../../src/policy/facts.ts";
import type * as RuleSets from "../../../src/policy/rule-set.ts";
import { madeRule } from "../made-rules.ts";
import { from, measuring, print, work } from "./alone.ts";
import { madeOps } from "./made-events.ts";

export interface DecideWork {
  readonly tree: string;
  readonly rules: number;
  readonly countMs: number;
}

const { tree, rules: count, countMs } = work<DecideWork>();
const { decide } = await from<typeof Deciding>(tree, "policy/decide.ts");
const { RuleSet } = await from<typeof RuleSets>(tree, "policy/rule-set.ts");
const rules = new RuleSet();
for (let n = 0; n < count; n++) {
  const { key, value } = madeRule(n);
  rules.set(key, value);
}
const settings = { default: "allow", mode: "enforce", ownNames: true, tokenMeta: "token" } as const;
const policy = { rules, settings, available: true, refuseAsStale: false };
const facts: Facts = {
  nowMs: Date.now(),
  tokenMeta: "token",
  connections: { open: () => 1, begun: () => 1, logins: () => 1, endsAnnounced: () => true },
  proxies: { others: () => 1 },
};
const opOf = madeOps();
const ops = Array.from({ length: 4_096 }, (_, n) => opOf(n));

function decideFor(ms: number): number {
  const untilMs = performance.now() + ms;
  let decided = 0;
  while (performance.now() < untilMs) {
    for (const op of ops) if (decide(policy, op, facts).effect === "refused") throw new Error("refused");
    decided += ops.length;
  }
  return decided;
}

decideFor(countMs / 3);
const measured = measuring();
print(measured(decideFor(countMs)));
