/** Simulation over what prox asked. */
import { describe, expect, it } from "vitest";
import { type RedactMode, redactor } from "../../src/events/redact.ts";
import { opDraft } from "../../src/events/render.ts";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import type { PolicyView } from "../../src/policy/policy.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { Simulation, type SimulationReport } from "../../src/simulate/simulation.ts";
import { anyEvent } from "../events/strict.ts";
import { facts, nowMs, view } from "../policy/cases.ts";
import { asked } from "../prox/asked.ts";

type Rules = Readonly<Record<string, object | string>>;

const told = { r: "web:0", d: "a.test", a: "203.0.113.9:5", m: "GET", p: "/" };
const request = asked("on_request", { ...told, q: "token=s3cret", bd: new Uint8Array([1, 2]) });
const connect = asked("on_connect", { ...told, r: "gw:0" });
const response = asked("on_response", { req: told, resp: { s: 200 } });
const hmacKey = "k".repeat(32);

function policyOf(rules: Rules): PolicyView {
  const written = Object.entries(rules).map(
    ([key, rule]) => [key, typeof rule === "string" ? rule : JSON.stringify(rule)] as const,
  );
  return view(new RuleSet(written));
}

function recorded(rules: Rules, op: Op, redact: RedactMode = "mask"): string {
  const context = { clientInfo: null, proxy: null, session: null };
  const origin = { instance: "i_test", epoch: "019b76da-a800-7000-8000-000000000000" };
  const decision = decide(policyOf(rules), op, facts);
  const session = op.name === "on_connect" ? { key: "01980000-0000-7000-8000-000000000000", id: null } : null;
  const request = op.name === "on_response" ? { request: { id: null, pairing: "none" as const } } : {};
  const draft = opDraft(op, decision, origin, redactor(redact, hmacKey), { ...context, session, ...request });
  const event = draft.render({ sequence: 1, journalseq: 1 });
  expect(anyEvent.safeParse(JSON.parse(event)).error).toBeUndefined();
  return event;
}

function simulated(rules: Rules, ...events: readonly string[]): SimulationReport {
  const simulation = new Simulation({
    policy: policyOf(rules),
    subdomainHost: () => undefined,
    keyed: redactor("hmac", hmacKey),
    fromMs: nowMs - 1,
    untilMs: nowMs + 1,
  });
  for (const event of events) simulation.add(event, null);
  return simulation.report();
}

/** `as before`, or the change with its rule and why. */
function fate(rules: Rules, event: string): string {
  const [group] = simulated(rules, event).groups;
  if (group === undefined) return "as before";
  const { change, from, to, rule, why } = group;
  return `${change === "decision" ? `${from} → ${to}` : change} by ${rule}: ${why}`;
}

const changing = (fields: object): Rules => ({ "route:web:0": { prox: { on_request: fields } } });

describe("over what prox asked", () => {
  it("requests and connections are judged anew, and what only was told is passed over", () => {
    const rules = { "domain:a.test": "deny closed" };
    const events = [request, connect, response, asked("on_disconnect", told), asked(9, told)].map((op) =>
      recorded({}, op),
    );
    const report = simulated(rules, ...events);
    expect(report).toMatchObject({ operations: 3, changed: 2, asBefore: 1, undecidable: 0, unreadable: 0 });
    expect(report.groups.map(({ op, user, rule, why }) => [op, user, rule, why]).sort()).toEqual([
      ["on_connect", null, "domain:a.test", "closed"],
      ["on_request", null, "domain:a.test", "closed"],
    ]);
  });

  it.each<RedactMode>(["mask", "hmac", "off"])(
    "hidden queries and bodies leave nothing open: %s",
    (redact) => {
      for (const op of [request, connect]) {
        const event = recorded({ "ip:203.0.113.9": "deny" }, op, redact);
        expect(fate({ "ip:203.0.113.9": "deny" }, event)).toBe("as before");
        expect(fate({ "ip:203.0.113.9": { visitorFrom: ["203.0.113.0/24"] } }, event)).toBe(
          "refused → allowed by null: was: refused by policy (ip:203.0.113.9)",
        );
      }
    },
  );

  it.each<[Rules, Rules, RedactMode, string]>([
    [{}, changing({ rewritePath: "/new" }), "mask", "rewrite by route:web:0: sets otherwise: rewritePath"],
    [changing({ cleanQuery: true }), changing({ cleanQuery: true }), "mask", "as before"],
    [changing({ speed: { download: 1 } }), {}, "mask", "rewrite by null: sets otherwise: speed"],
    [
      changing({ requestHeaders: { "X-A": "a" } }),
      changing({ requestHeaders: { "X-A": "b" } }),
      "mask",
      "rewrite by route:web:0: sets otherwise: requestHeaders",
    ],
    [
      changing({ requestHeaders: { Authorization: "a" } }),
      changing({ requestHeaders: { Authorization: "a" } }),
      "mask",
      "undecidable by route:web:0: set requestHeaders: hidden in the event",
    ],
    [
      changing({ requestHeaders: { Authorization: "a" } }),
      changing({ requestHeaders: { Authorization: "a" } }),
      "hmac",
      "as before",
    ],
    ...(
      [
        ["mask", "?a=1", "undecidable by route:web:0: set requestHeaders: hidden in the event"],
        ["hmac", "?a=1", "as before"],
        ["hmac", "?a=2", "rewrite by route:web:0: sets otherwise: requestHeaders"],
        ["mask", "?b=1", "rewrite by route:web:0: sets otherwise: requestHeaders"],
      ] as const
    ).map(([redact, query, is]): [Rules, Rules, RedactMode, string] => [
      changing({ requestHeaders: { Referer: "https://a.test/?a=1" } }),
      changing({ requestHeaders: { Referer: `https://a.test/${query}` } }),
      redact,
      is,
    ]),
  ])("what %j changed beside %j is compared, by events.redact = %s", (before, after, redact, is) => {
    expect(fate(after, recorded(before, request, redact))).toBe(is);
  });

  it("how a refused request was answered is no change of the decision", () => {
    const refusing = (status: number): Rules => ({
      "route:web:0": { effect: "deny", prox: { on_request: { status } } },
    });
    expect(fate(refusing(410), recorded(refusing(404), request))).toBe("as before");
  });

  it("an event that prox never caused is counted as unreadable", () => {
    const event = recorded({}, request).replace('"r":"web:0"', '"r":7');
    expect(simulated({}, event)).toMatchObject({ operations: 0, unreadable: 1 });
  });
});
