import { describe, expect, it } from "vitest";
import { simulateText } from "../../src/cli/simulate-report.ts";
import type { ReasonCode } from "../../src/decision.ts";
import { factDraft } from "../../src/events/draft.ts";
import type { RedactMode } from "../../src/events/redact.ts";
import { redactor } from "../../src/events/redact.ts";
import type { SimulatedEvent } from "../../src/simulate/operation.ts";
import { Simulation, type SimulationOptions } from "../../src/simulate/simulation.ts";
import { anyEvent } from "../events/strict.ts";
import { nowMs } from "../policy/cases.ts";
import {
  decidedBy,
  eventOf,
  hashOf,
  hmacKey,
  type Policy,
  type Recording,
  type Truth,
  viewOf,
  type World,
} from "./worlds.ts";

const settings = { default: "allow", mode: "enforce", ownNames: true } as const;
const policyOf = (
  rules: Record<string, object | string>,
  changed: Partial<Policy["settings"]> = {},
): Policy => ({
  rules: Object.entries(rules).map(([key, rule]) => [
    key,
    typeof rule === "string" ? rule : JSON.stringify(rule),
  ]),
  settings: { ...settings, ...changed },
});
const nothing = policyOf({});

const quiet: Truth = { counts: { user: 0, proxy: 0, ip: 0 }, others: 0, ends: true };
const userOf = (user: string, token?: string) => ({
  user: { user, metas: token === undefined ? null : { token }, run_id: "b23d3b0e534b0222" },
});
interface Asked {
  readonly user?: string;
  readonly token?: string | undefined;
  readonly truth?: Partial<Truth>;
  readonly redact?: RedactMode;
}
function ask(name: string, fields: object, { user = "alice", token, truth, redact = "mask" }: Asked): World {
  return { name, content: { ...userOf(user, token), ...fields }, truth: { ...quiet, ...truth }, redact };
}
const ping = (asked: Asked = {}): World => ask("Ping", {}, asked);
const proxy = (fields: object, asked: Asked = {}): World =>
  ask("NewProxy", { proxy_name: `${asked.user ?? "alice"}.web`, proxy_type: "tcp", ...fields }, asked);
const visit = (asked: Asked = {}): World =>
  ask("NewUserConn", { proxy_name: "alice.web", proxy_type: "tcp", remote_addr: "203.0.113.9:5" }, asked);

/** Events that were decided by one policy. */
function recorded(policy: Policy, world: World, recording: Recording = {}): string {
  return eventOf(world, decidedBy(viewOf(policy), world), recording);
}

function simulated(candidate: Policy, events: readonly string[], options: Partial<SimulationOptions> = {}) {
  const simulation = new Simulation({
    policy: viewOf(candidate),
    subdomainHost: () => undefined,
    keyed: redactor("hmac", hmacKey),
    fromMs: nowMs - 3_600_000,
    untilMs: nowMs + 3_600_000,
    ...options,
  });
  for (const event of events) simulation.add(event, null);
  return simulation.report();
}

/** What becomes of one event: `as before`, or the change with its rule and why. */
function fate(candidate: Policy, event: string, options: Partial<SimulationOptions> = {}): string {
  const [group] = simulated(candidate, [event], options).groups;
  if (group === undefined) return "as before";
  const { change, from, to, rule, why } = group;
  return `${change === "decision" ? `${from} → ${to}` : change} by ${rule}: ${why}`;
}

const one = { "user:alice": { tokens: [hashOf("s3cret-one")] } };
const both = { "user:alice": { tokens: [hashOf("s3cret-two"), hashOf("s3cret-one")] } };
const other = { "user:alice": { tokens: [hashOf("s3cret-two")] } };

describe("what events.publish has left out", () => {
  it("is told by type, as far as bridges told of it in that time; of operations alone", () => {
    const progress = (seconds: number, leftOut: object): string =>
      factDraft(
        "bridge.progress",
        { source: "/bridge/i-1", key: "i-1", atMs: nowMs + seconds * 1000 },
        { instance: "i-1", epoch: "019b76da-a800-7000-8000-000000000000" },
        () => ({ journalseq: 1, topics: {}, leftOut: leftOut as Record<string, number> }),
      ).render({ sequence: 1, journalseq: 1 });
    const events = [
      recorded(nothing, ping()),
      progress(1, { "heartbeat.allowed": 4 }),
      progress(2, { "heartbeat.allowed": 7, "response.seen": 3 }),
      progress(7200, { "heartbeat.allowed": 99 }),
    ];
    const report = simulated(nothing, events);
    expect(report).toMatchObject({ operations: 1, unpublished: { "heartbeat.allowed": 7 } });
    const lines = simulateText({ policy: viewOf(nothing), fromMs: nowMs, untilMs: nowMs, report });
    expect(lines.at(-1)).toBe(
      "not judged, since events.publish left them out (so far as bridges tell of it): 7 heartbeat.allowed",
    );
  });
});

describe("a token", () => {
  it.each(["mask", "hmac"] as const)(
    "that redaction by %s hides is known by what the check showed of it",
    (redact) => {
      const event = recorded(policyOf(one), ping({ token: "s3cret-one", redact }));
      expect(event).not.toContain("s3cret-one");
      expect(fate(policyOf(both), event)).toBe("as before");
      expect(fate(policyOf(other), event)).toBe("allowed → refused by user:alice: token missing or wrong");
      const refused = recorded(policyOf(one), ping({ token: "s3cret-two", redact }));
      expect(fate(policyOf(other), refused)).toBe(
        "refused → allowed by user:alice: was: token missing or wrong (user:alice)",
      );
    },
  );

  it("that is hidden and was not asked for then leaves open what depends on it, and nothing else", () => {
    const event = recorded(nothing, ping({ token: "s3cret-one" }));
    expect(fate(policyOf(one), event)).toBe("undecidable by user:alice: tokens: hidden in the event");
    expect(fate(policyOf({ ...one, "op:Ping": "deny" }), event)).toBe(
      "allowed → refused by op:Ping: refused by policy",
    );
    expect(fate(policyOf({ "user:alice": { ...one["user:alice"], ops: ["Login"] } }), event)).toBe(
      "as before",
    );
  });

  it("that was not brought is missing, whatever was asked for then", () => {
    const event = recorded(nothing, ping());
    expect(fate(policyOf(one), event)).toBe("allowed → refused by user:alice: token missing or wrong");
  });

  it("that stands in the event is taken as it came", () => {
    const event = recorded(nothing, ping({ token: "s3cret-one", redact: "off" }));
    expect(fate(policyOf(one), event)).toBe("as before");
    expect(fate(policyOf(other), event)).toBe("allowed → refused by user:alice: token missing or wrong");
  });

  it("that looks like what redaction leaves is not guessed at", () => {
    const event = recorded(nothing, ping({ token: "***", redact: "off" }));
    expect(fate(policyOf(one), event)).toBe("undecidable by user:alice: tokens: hidden in the event");
  });
});

describe("a count", () => {
  const limited = (connections: number): Policy => policyOf({ "user:alice": { limits: { connections } } });
  const three: Asked = { truth: { counts: { user: 3, proxy: 1, ip: 2 } } };

  it("is told in the event's check, with its limit", () => {
    const event = recorded(limited(3), visit(three));
    const { data } = anyEvent.parse(JSON.parse(event)) as SimulatedEvent;
    expect(data.decision.checks).toEqual([
      {
        rule: "user:alice",
        condition: "limits.connections",
        result: "fail",
        seen: "3 of 3",
        count: 3,
        limit: 3,
      },
    ]);
    const most = policyOf({ "user:alice": { proxies: { max: 2 } } });
    expect(JSON.parse(recorded(most, proxy({}, { truth: { others: 1 } }))).data.decision.checks[0]).toEqual({
      rule: "user:alice",
      condition: "proxies.max",
      result: "pass",
      seen: "1 others of 2",
      count: 1,
      limit: 2,
    });
  });

  it("holds for the same limit on another rule that counts the same, and for no other subject", () => {
    const event = recorded(limited(3), visit(three));
    const group = { "user:alice": { groups: ["staff"] }, "group:staff": { limits: { connections: 3 } } };
    expect(fate(policyOf(group), event)).toBe("as before");
    expect(fate(policyOf({ "proxy:alice.web": { limits: { connections: 3 } } }), event)).toBe(
      "undecidable by proxy:alice.web: limits.connections: no count was recorded for a limit of 3",
    );
  });

  it.each([1, 2, 4, 100])("is not guessed for a limit of %i where it was taken for 3", (limit) => {
    expect(fate(limited(limit), recorded(limited(3), visit(three)))).toBe(
      `undecidable by user:alice: limits.connections: no count was recorded for a limit of ${limit}`,
    );
  });

  it("of another condition is none", () => {
    const event = recorded(limited(3), visit(three));
    expect(fate(policyOf({ "user:alice": { limits: { connectionsPerMinute: 3 } } }), event)).toMatch(
      /^undecidable .*limits\.connectionsPerMinute: no count/,
    );
  });

  it("is not needed where the ends of connections were not told", () => {
    const event = recorded(limited(3), visit({ truth: { ...three.truth, ends: false } }));
    expect(fate(policyOf({ "proxy:alice.web": { limits: { connections: 1 } } }), event)).toBe("as before");
  });

  it("that no rule asked for leaves open whether ends were told", () => {
    expect(fate(limited(3), recorded(nothing, visit(three)))).toBe(
      "undecidable by user:alice: limits.connections: whether ends are told was not recorded",
    );
  });

  it("that an event of an earlier release lacks is not read from its words", () => {
    const event = recorded(limited(3), visit(three)).replaceAll(/,"count":3,"limit":3/g, "");
    expect(fate(limited(3), event)).toMatch(/^undecidable /);
  });
});

describe("fields that a rule sets", () => {
  const setting = (fields: object): Policy => policyOf({ "user:alice": { set: { NewProxy: fields } } });
  const event = (fields: object, redact: RedactMode): string =>
    recorded(setting(fields), proxy({}, { redact }));
  // biome-ignore format: a table is read by its lines
  it.each<[object, object, RedactMode, string]>([
    [{ group: "a" }, { group: "a" }, "mask", "as before"],
    [{ group: "a" }, { group: "b" }, "mask", "rewrite by user:alice: sets otherwise: group"],
    [{ group: "a" }, {  group: "a", subdomain: "x" }, "mask", "rewrite by user:alice: sets otherwise: subdomain"],
    [{ group: "a", sk: "s3cret-a" }, { group: "a" }, "mask", "rewrite by user:alice: sets otherwise: sk"],
    [{ sk: "s3cret-a" }, { sk: "" }, "mask", "rewrite by user:alice: sets otherwise: sk"],
    [{ sk: "s3cret-a" }, { sk: "s3cret-a" }, "mask", "undecidable by user:alice: set sk: hidden in the event"],
    [{ sk: "s3cret-a" }, { sk: "s3cret-b" }, "mask", "undecidable by user:alice: set sk: hidden in the event"],
    [{ sk: "s3cret-a" }, { sk: "s3cret-a" }, "hmac", "as before"],
    [{ sk: "s3cret-a" }, { sk: "s3cret-b" }, "hmac", "undecidable by user:alice: set sk: hidden in the event"],
    [{ sk: "s3cret-a" }, { sk: "s3cret-a" }, "off", "as before"],
    [{ sk: "s3cret-a" }, { sk: "s3cret-b" }, "off", "rewrite by user:alice: sets otherwise: sk"],
    [{ metas: { a: "s3cret" } }, { metas: { b: "s3cret" } }, "mask", "rewrite by user:alice: sets otherwise: metas"],
    [{ metas: { a: "s3cret" } }, { metas: { a: "s3cret" } }, "hmac", "as before"],
    [{ headers: { run_id: "s3cret" } }, { headers: { run_id: "s3cret" } }, "off", "as before"],
  ])("%j beside %j with redaction %s: %s", (before, after, redact, expected) => {
    expect(fate(setting(after), event(before, redact))).toBe(expected);
  });

  it("are undecidable where it is open which of several groups let it pass", () => {
    const token = { tokens: [hashOf("s3cret-one")] };
    const candidate = policyOf({
      "user:alice": { groups: ["first", "second", "third"] },
      "group:first": { ...token, effect: "require", set: { NewProxy: { group: "a" } } },
      "group:second": { proxies: { max: 1 }, effect: "require", set: { NewProxy: { group: "b" } } },
      "group:third": { effect: "require", set: { NewProxy: { group: "a" } } },
    });
    // With both open groups and with none the group is a; with the second alone it is b.
    const asked = proxy({}, { token: "s3cret-one" });
    expect(fate(candidate, recorded(setting({ group: "a" }), asked))).toMatch(/^undecidable by /);
    expect(fate(candidate, recorded(setting({ group: "a" }), proxy({})))).toMatch(/^undecidable by /);
  });
});

describe("a subdomain", () => {
  const candidate = policyOf({ "domain:*.example.com": "deny" });
  const web = (fields: object) =>
    recorded(nothing, proxy({ proxy_type: "http", subdomain: "web", ...fields }));

  it("is the domain that the event lists, whatever the settings say now", () => {
    const refused = "allowed → refused by domain:*.example.com: refused by policy";
    expect(fate(candidate, web({}))).toBe(refused);
    expect(fate(candidate, web({}), { subdomainHost: () => "elsewhere.org" })).toBe(refused);
    expect(
      fate(policyOf({ "domain:*.elsewhere.org": "deny" }), web({}), { subdomainHost: () => "elsewhere.org" }),
    ).toBe("as before");
  });

  it("is left open where the event lists too few domains", () => {
    const custom_domains = Array.from({ length: 80 }, (_, n) => `d${n}.org`);
    expect(fate(candidate, web({ custom_domains }))).toBe(
      "undecidable by null: subdomain: its host is not recorded",
    );
  });
});

describe("a simulation", () => {
  const denyAlice = policyOf({ "user:alice": "deny moved away" });

  it("groups changes by rule, user and op, with the latest time, and says what was", () => {
    const atMs = (minutes: number): Recording => ({ atMs: nowMs + minutes * 60_000 });
    const report = simulated(denyAlice, [
      recorded(nothing, ping(), atMs(2)),
      recorded(nothing, ping(), atMs(5)),
      recorded(nothing, ping(), atMs(3)),
      recorded(nothing, visit(), atMs(1)),
      recorded(nothing, ping({ user: "bob" }), atMs(9)),
    ]);
    expect(report).toMatchObject({ operations: 5, asBefore: 1, changed: 4, undecidable: 0, ungrouped: 0 });
    expect([report.first, report.last]).toEqual(["2026-06-01T12:01:00.000Z", "2026-06-01T12:09:00.000Z"]);
    const common = {
      change: "decision",
      from: "allowed",
      to: "refused",
      rule: "user:alice",
      code: "rule_deny",
      user: "alice",
      why: "moved away",
    };
    expect(report.groups).toEqual([
      { ...common, op: "Ping", times: 3, last: "2026-06-01T12:05:00.000Z" },
      { ...common, op: "NewUserConn", times: 1, last: "2026-06-01T12:01:00.000Z" },
    ]);
  });

  it("tells would-be refusals from refusals", () => {
    const tried = policyOf({ "user:alice": { effect: "deny", enforce: false } });
    expect(fate(tried, recorded(nothing, ping()))).toBe(
      "allowed → would be refused by user:alice: refused by policy",
    );
    expect(fate(denyAlice, recorded(tried, ping()))).toBe(
      "would be refused → refused by user:alice: moved away",
    );
    expect(
      fate({ ...denyAlice, settings: { ...settings, mode: "observe" } }, recorded(denyAlice, ping())),
    ).toBe("refused → would be refused by user:alice: moved away");
    expect(fate(nothing, recorded(tried, ping()))).toBe(
      "would be refused → allowed by null: was: refused by policy (user:alice)",
    );
  });

  it("judges by the time of the record", () => {
    const ended = policyOf({ "user:alice": { expiresAt: "2026-06-01T12:30:00Z" } });
    const events = [20, 40].map((minutes) => recorded(nothing, ping(), { atMs: nowMs + minutes * 60_000 }));
    expect(simulated(ended, events).groups).toMatchObject([
      { times: 1, why: "access ended", last: "2026-06-01T12:40:00.000Z" },
    ]);
  });

  it("leaves out and counts what was not the policy's to say, and corrections of what could not be recorded", () => {
    const refusal = (code: ReasonCode) =>
      eventOf(ping(), { effect: "refused", reason: "no", code, rule: null, revision: "0", checks: [] });
    const observed = (code: ReasonCode) =>
      eventOf(ping(), {
        effect: "allowed",
        reason: "not enforced",
        code: "default_allow",
        rule: null,
        revision: "0",
        checks: [],
        wouldRefuse: { reason: "no", code, rule: null },
      });
    const first = recorded(nothing, ping());
    const correction = eventOf(
      ping(),
      { effect: "refused", reason: "no", code: "not_recorded", rule: null, revision: "0", checks: [] },
      { supersedes: JSON.parse(first).id },
    );
    const events = [
      refusal("not_recorded"),
      refusal("policy_unavailable"),
      refusal("policy_stale"),
      refusal("banned"),
      observed("policy_unavailable"),
      observed("banned"),
      first,
      correction,
    ];
    expect(simulated(denyAlice, events)).toMatchObject({
      operations: 7,
      changed: 1,
      notThePolicys: 6,
      corrections: 1,
    });
  });

  it("takes records of a topic that came again once, in whatever order, and the same number of another event twice", () => {
    const simulation = new Simulation({
      policy: viewOf(denyAlice),
      subdomainHost: () => undefined,
      keyed: null,
      fromMs: 0,
      untilMs: Number.POSITIVE_INFINITY,
    });
    const events = [5, 1, 3, 2].map((sequence) => recorded(nothing, ping(), { sequence }));
    for (const event of [...events, ...events.toReversed(), recorded(nothing, ping(), { sequence: 3 })])
      simulation.add(event, "heartbeats");
    expect(simulation.report()).toMatchObject({ operations: 5, changed: 5, repeated: 4 });
  });

  it("takes only what is asked for by time, user and op", () => {
    const events = [
      recorded(nothing, ping(), { atMs: nowMs - 1 }),
      recorded(nothing, ping(), { atMs: nowMs }),
      recorded(nothing, ping(), { atMs: nowMs + 10 }),
      recorded(nothing, ping({ user: "" }), { atMs: nowMs + 1 }),
      recorded(nothing, visit(), { atMs: nowMs + 2 }),
    ];
    const span = { fromMs: nowMs, untilMs: nowMs + 10 };
    expect(simulated(denyAlice, events, span).operations).toBe(3);
    expect(simulated(denyAlice, events, { ...span, users: ["alice"] }).operations).toBe(2);
    expect(simulated(denyAlice, events, { ...span, users: [""] }).operations).toBe(1);
    expect(simulated(denyAlice, events, { ...span, ops: new Set(["NewUserConn"]) }).operations).toBe(1);
  });

  it("passes over events of other kinds, and counts those that it cannot read", () => {
    const event = recorded(nothing, ping());
    const events = [
      event.replace("heartbeat.allowed", "session.ended"),
      "rubbish",
      event.replace('"decision":{', '"decision":{"effect":1,"was":'),
      event.replace(":heartbeat.allowed:1", ":heartbeat.allowed:2"),
      event
        .replace('"protocol":"frp"', '"protocol":"prox"')
        .replaceAll('"op":"Ping"', '"op":"on_request"')
        .replace('"content":{', '"content":{"r":0,'),
    ];
    expect(simulated(denyAlice, events)).toMatchObject({ operations: 0, unreadable: 3 });
  });

  it("keeps so many groups and no more, and counts the rest", () => {
    const denied = policyOf({}, { default: "deny" });
    const events = Array.from({ length: 30 }, (_, n) => recorded(nothing, ping({ user: `u${n % 10}` })));
    const { groups, changed, ungrouped } = simulated(denied, events, { mostGroups: 4 });
    expect([groups.length, changed, ungrouped]).toEqual([4, 30, 18]);
  });
});
