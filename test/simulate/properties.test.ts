/** What a simulation says is true, or it says that it does not know. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Check, Decision } from "../../src/decision.ts";
import { parseEvent } from "../../src/events/parse.ts";
import { redactor } from "../../src/events/redact.ts";
import { decide } from "../../src/policy/decide.ts";
import type { PolicyView } from "../../src/policy/policy.ts";
import { judge, type Verdict } from "../../src/simulate/judge.ts";
import { askedBy } from "../../src/simulate/naming.ts";
import { operationIn, outcomeOf, type SimulatedEvent } from "../../src/simulate/operation.ts";
import {
  anyPolicy,
  anyWorld,
  decidedBy,
  eventOf,
  factsOf,
  hmacKey,
  opOf,
  type Policy,
  tokens,
  viewOf,
  type World,
} from "./worlds.ts";

const keyed = redactor("hmac", hmacKey);

/** As `sluice simulate` reads an event. */
function judged(event: string, candidate: PolicyView): Verdict {
  const parsed = parseEvent(event);
  if (!parsed.ok) throw new Error(parsed.problem);
  const operation = operationIn(parsed.event as SimulatedEvent, {
    tokenMeta: candidate.settings.tokenMeta,
    subdomainHost: () => undefined,
    asked: askedBy(candidate.rules),
  });
  if (typeof operation === "string") throw new Error(operation);
  return judge(candidate, operation, keyed);
}

/** Fields as they would be set, those that say the same in whatever order. */
const setBy = ({ set }: Decision): unknown => set ?? null;

function isTrue(verdict: Verdict, before: Decision, after: Decision): boolean {
  const [from, to] = [outcomeOf(before), outcomeOf(after)];
  const setsAlike = (): boolean => {
    try {
      expect(setBy(after)).toEqual(setBy(before));
      return true;
    } catch {
      return false;
    }
  };
  switch (verdict.kind) {
    case "same":
      return from === to && (to === "refused" || setsAlike());
    case "rewrite":
      return from === to && to !== "refused" && !setsAlike();
    case "decision":
      return verdict.from === from && verdict.to === to && from !== to;
    case "undecidable":
      return true;
  }
}

function isCounting([, value]: readonly [string, string]): boolean {
  return /"limits"|"max"/.test(value);
}

const withoutSets = ({ rules, settings }: Policy): Policy => ({
  settings,
  rules: rules.filter(([, value]) => !value.includes('"set"')),
});

describe("for any recorded op and any candidate", () => {
  it("what is said to be as before, or to change, is so by the true token and the true counts", () => {
    const kinds = new Map<string, number>();
    fc.assert(
      fc.property(anyWorld, anyPolicy, anyPolicy, (world, policy, candidate) => {
        const before = decidedBy(viewOf(policy), world);
        const verdict = judged(eventOf(world, before), viewOf(candidate));
        kinds.set(verdict.kind, (kinds.get(verdict.kind) ?? 0) + 1);
        const after = decidedBy(viewOf(candidate), world);
        expect([verdict, isTrue(verdict, before, after)]).toEqual([verdict, true]);
      }),
      { numRuns: 3000 },
    );
    // Each was there to be judged.
    expect([...kinds.keys()].sort()).toEqual(["decision", "rewrite", "same", "undecidable"]);
  });

  it("a rule or two taken away or added are judged as truly", () => {
    fc.assert(
      fc.property(anyWorld, anyPolicy, anyPolicy, fc.nat(), (world, policy, other, pick) => {
        const kept = policy.rules.filter((_, at) => at !== pick % (policy.rules.length + 1));
        const added = other.rules.slice(0, 1).filter(([key]) => !kept.some(([there]) => there === key));
        const candidate = { settings: policy.settings, rules: [...kept, ...added] };
        const before = decidedBy(viewOf(policy), world);
        const verdict = judged(eventOf(world, before), viewOf(candidate));
        expect([verdict, isTrue(verdict, before, decidedBy(viewOf(candidate), world))]).toEqual([
          verdict,
          true,
        ]);
      }),
      { numRuns: 2000 },
    );
  });

  it("the same policy changes nothing", () => {
    fc.assert(
      fc.property(anyWorld, anyPolicy, (world, policy) => {
        const verdict = judged(eventOf(world, decidedBy(viewOf(policy), world)), viewOf(policy));
        expect(["same", "undecidable"]).toContain(verdict.kind);
      }),
      { numRuns: 2000 },
    );
  });

  it("the same policy leaves nothing open but what it sets in secret", () => {
    fc.assert(
      fc.property(anyWorld, anyPolicy.map(withoutSets), (world, policy) => {
        const decision = decidedBy(viewOf(policy), world);
        const verdict = judged(eventOf(world, decision), viewOf(policy));
        expect(verdict.kind).toBe("same");
      }),
      { numRuns: 2000 },
    );
  });

  it("nothing is undecidable where nothing is hidden and nothing is counted", () => {
    fc.assert(
      fc.property(anyWorld, anyPolicy, anyPolicy, (world, policy, candidate) => {
        const open = { ...world, redact: "off" } as const;
        const uncounted = { ...candidate, rules: candidate.rules.filter((entry) => !isCounting(entry)) };
        const verdict = judged(eventOf(open, decidedBy(viewOf(policy), open)), viewOf(uncounted));
        expect(verdict.kind).not.toBe("undecidable");
      }),
      { numRuns: 3000 },
    );
  });

  it("no verdict holds a secret", () => {
    fc.assert(
      fc.property(anyWorld, anyPolicy, anyPolicy, (world, policy, candidate) => {
        const verdict = judged(eventOf(world, decidedBy(viewOf(policy), world)), viewOf(candidate));
        for (const token of [...tokens, "s3cret"]) expect(JSON.stringify(verdict)).not.toContain(token);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("conditions are monotone", () => {
  const level = (decision: Decision): number =>
    ["allowed", "would be refused", "refused"].indexOf(outcomeOf(decision));

  /** With nothing known of token and counts. */
  function decidedAs(policy: PolicyView, world: World, hold: boolean) {
    const facts = factsOf(world.truth);
    const unknown = (): null => null;
    return decide(policy, opOf(world), {
      ...facts,
      connections: { open: unknown, begun: unknown, logins: unknown, endsAnnounced: unknown },
      proxies: { others: unknown },
      recorded: { hiddenToken: null, unknownAs: hold ? "pass" : "fail" },
    });
  }

  it("an outcome with all unknowns held is never worse than the true one, which is never worse than with all failed", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyWorld, anyPolicy, (world, policy) => {
        const view = viewOf(policy);
        const [best, truly, worst] = [
          decidedAs(view, world, true),
          decidedBy(view, world),
          decidedAs(view, world, false),
        ].map(level);
        expect(best).toBeLessThanOrEqual(truly!);
        expect(truly).toBeLessThanOrEqual(worst!);
        seen.add(`${best} ${worst}`);
      }),
      { numRuns: 3000 },
    );
    expect(seen.size).toBeGreaterThan(4);
  });

  it("live nothing is unknown", () => {
    fc.assert(
      fc.property(anyWorld, anyPolicy, (world, policy) => {
        const results = decidedBy(viewOf(policy), world).checks.map(({ result }: Check) => result);
        expect(results).not.toContain("unknown");
      }),
      { numRuns: 1000 },
    );
  });
});
