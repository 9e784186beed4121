import { describe, expect, it } from "vitest";
import { Metrics } from "../src/admin/metrics.ts";
import { BoundedLines } from "../src/bounded-lines.ts";
import { systemClock } from "../src/clock.ts";
import type { Log } from "../src/log.ts";
import { observer } from "../src/observer.ts";
import { decide } from "../src/policy/decide.ts";
import { FakeClock } from "./fake-clock.ts";
import { type Case, facts, login, newProxy, ping, unknownOp, viewOf } from "./policy/cases.ts";

const notAsked = (): never => {
  throw new Error("asked when nobody scrapes");
};

/** What is counted of ops that the policy decides so, and what is logged of them. */
async function told(rows: readonly Pick<Case, "rules" | "policy" | "op">[]) {
  const sources = {
    settings: notAsked,
    journal: notAsked,
    policy: notAsked,
    forwarder: notAsked,
    sessions: notAsked,
    leftOut: notAsked,
  };
  const metrics = new Metrics(sources, systemClock);
  const lines: [object, string][] = [];
  const write = (fields: object, text: string): unknown => lines.push([fields, text]);
  const log = { info: write, debug: write, isLevelEnabled: () => false } as unknown as Log;
  const { answered } = observer(metrics, log, new BoundedLines(log, new FakeClock()), null);
  const about = { durationMs: 1, eventId: "e", unkept: null, answer: { kind: "allow" } } as const;
  for (const row of rows) answered(row.op, decide(viewOf(row), row.op, facts), about);
  const text = await metrics.registry.getSingleMetricAsString("sluice_ops_would_refuse_total");
  return { counted: text.split("\n").filter((line) => line !== "" && !line.startsWith("#")), lines };
}

const tried = JSON.stringify({ effect: "deny", enforce: false, reason: "closed" });

describe("of an op that is allowed only since nothing is enforced", () => {
  it("the refusal is counted, by op, scope and code", async () => {
    const { counted } = await told([
      { rules: { default: tried }, op: ping() },
      { rules: { default: tried }, op: ping("bob") },
      { rules: { "proxy:alice.ssh": tried }, op: newProxy("alice", "alice.ssh") },
      { rules: {}, policy: { default: "deny", mode: "observe" }, op: login("alice") },
      { rules: { "op:NewThing": "deny" }, policy: { mode: "observe" }, op: unknownOp() },
    ]);
    expect(counted).toEqual([
      'sluice_ops_would_refuse_total{op="Ping",scope="default",code="default_deny"} 2',
      'sluice_ops_would_refuse_total{op="NewProxy",scope="proxy",code="rule_deny"} 1',
      'sluice_ops_would_refuse_total{op="Login",scope="none",code="default_deny"} 1',
      'sluice_ops_would_refuse_total{op="unknown",scope="op",code="rule_deny"} 1',
    ]);
  });

  it("the refusal is logged with its reason and its rule", async () => {
    const { lines } = await told([{ rules: { default: tried }, op: ping() }]);
    const wouldRefuse = { reason: "closed", code: "default_deny", rule: "default" };
    expect(lines).toEqual([
      [expect.objectContaining({ op: "Ping", user: "alice", wouldRefuse }), "would refuse"],
    ]);
  });

  it("nothing is counted of what is refused, or allowed anyway", async () => {
    const { counted } = await told([
      { rules: { default: "deny" }, op: ping() },
      { rules: { "user:alice": "deny", default: tried }, op: ping() },
      { rules: { "user:alice": "allow", default: tried }, op: ping() },
    ]);
    expect(counted).toEqual([]);
  });
});
