import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnNames, eventRow, parseEvent, type ShownEvent } from "../../src/cli/event-row.ts";
import { EventTable } from "../../src/cli/event-table.ts";
import { cut, printable, printableJson, widthOf } from "../../src/cli/screen-text.ts";
import { patternProblem, typeFilter } from "../../src/cli/type-filter.ts";
import { type EventType, eventTypes } from "../../src/events/schema.ts";

const time = "2026-11-21T03:34:06.036Z";

function event(type: string, data: Record<string, unknown>): ShownEvent {
  return { type: `sluice.${type}`, time, data };
}

const refusedLogin = event("login.refused", {
  node: "frps",
  user: "mallory",
  proxy: null,
  remote: { ip: "203.0.113.7", port: 5000 },
  decision: { effect: "refused", rule: "user:mallory", code: "rule_deny", reason: "moved away" },
});

/** The cell under a head. */
function cell(shown: ShownEvent, column: (typeof columnNames)[number]): string {
  return eventRow(shown)[columnNames.indexOf(column)]!;
}

const whole = (...events: ShownEvent[]): string[] => new EventTable(() => null).lines(events);
const onScreen = (width: number, ...events: ShownEvent[]): string[] =>
  new EventTable(() => width).lines(events);

/** Everything that could move a cursor, hide text or turn its direction. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;

describe("a row", () => {
  it("says who asked, from where, and what came of it", () => {
    expect(whole(refusedLogin)).toEqual([
      "TIME                      TYPE           NODE  USER     PROXY  FROM              OUTCOME",
      "2026-11-21T03:34:06.036Z  login.refused  frps  mallory  -      203.0.113.7:5000  refused by user:mallory: moved away",
    ]);
  });

  it.each<[EventType, Record<string, unknown>, string]>([
    [
      "bridge.started",
      { version: "0.1.0", policy: { source: "redis", rules: 3, available: true }, kafka: true },
      "version 0.1.0, 3 rules from redis, with Kafka",
    ],
    [
      "bridge.started",
      { version: "0.1.0", policy: { source: "redis", rules: 0, available: false }, kafka: false },
      "version 0.1.0, no policy from redis yet, no Kafka",
    ],
    [
      "session.ended",
      { durationMs: 1234, bytes: { in: 10, out: null }, end: { reason: "closed", inferred: false } },
      "ended after 1.234 s: closed, 10 bytes in",
    ],
    [
      "session.ended",
      { durationMs: 5000, bytes: null, end: { reason: "closed", inferred: false }, pairing: "ambiguous" },
      "ended after 5 s: closed, one of several",
    ],
    ["session.closed", { session: { id: null, key: "k" } }, "closed; no session of it is known"],
    ["session.closed", { session: { id: "0", key: "k" } }, "closed"],
    [
      "session.ended",
      { durationMs: null, bytes: null, end: { reason: "proxy_closed", inferred: true } },
      "inferred: proxy_closed",
    ],
    [
      "login.confirmed",
      {
        pairing: "likely",
        clientInfo: { address: "203.0.113.7", port: 5000, hostname: "office", version: "0.70.1" },
        confirmedBy: { op: "Ping" },
      },
      "got in by Ping, from office, 203.0.113.7, frpc 0.70.1 (likely)",
    ],
    [
      "login.confirmed",
      { pairing: "none", clientInfo: null, confirmedBy: { op: "NewProxy" } },
      "got in by NewProxy, of a Login that is not known (none)",
    ],
    [
      "request.refused",
      {
        prox: { route: "web:0", method: "GET", domain: "web.test", path: "/deny" },
        decision: { effect: "refused", rule: "domain:web.test", code: "rule_deny", reason: "closed" },
      },
      "GET web.test/deny: refused by domain:web.test: closed",
    ],
    [
      "request.refused",
      {
        rewrite: { status: { from: null, to: 503 } },
        decision: { effect: "refused", rule: "node:prox", reason: "closed" },
      },
      "refused by node:prox: closed, answered with 503",
    ],
    [
      "request.refused",
      {
        rewrite: { drop: { from: null, to: true } },
        decision: { effect: "refused", rule: "node:prox", reason: "closed" },
      },
      "refused by node:prox: closed, dropped",
    ],
    [
      "request.refused",
      {
        rewrite: { fallback: { from: null, to: true } },
        decision: { effect: "refused", rule: "node:prox", reason: "closed" },
      },
      "refused by node:prox: closed, sent to the fallback",
    ],
    [
      "response.seen",
      {
        prox: { status: 200 },
        rewrite: { status: { from: 200, to: 404 }, remove: { from: null, to: ["Server"] } },
      },
      "status 200, changed: status, remove",
    ],
    [
      "session.admitted",
      {
        prox: { route: "gw:0", method: null, domain: "a.l4.test", path: null },
        decision: { effect: "allowed", rule: null, code: "default_allow" },
      },
      "a.l4.test: allowed by default_allow",
    ],
    [
      "response.seen",
      { prox: { method: "GET", domain: "web.test", path: "/", status: 200 } },
      "GET web.test/: status 200",
    ],
    [
      "request.completed",
      { durationMs: 9, bytes: { in: 0, out: 6 }, request: { id: "0", pairing: "exact" } },
      "completed after 0.009 s, 0 bytes in, 6 bytes out",
    ],
    [
      "request.completed",
      { durationMs: null, bytes: { in: null, out: null }, request: { id: null, pairing: "none" } },
      "completed, its request is not known",
    ],
    ["bridge.stopped", { reason: "SIGTERM" }, "SIGTERM"],
    ["bridge.gap", { cause: "journal_full", count: 12 }, "journal_full: 12 events lost"],
    [
      "bridge.gap",
      { cause: "killed_while_failing", count: null },
      "killed_while_failing: an unknown number of events lost",
    ],
    ["bridge.progress", { journalseq: 120 }, "Kafka has all up to journalseq 120"],
    [
      "policy.changed",
      { key: "user:alice", before: null, after: "deny moved away", cause: "written" },
      "user:alice = deny moved away (written)",
    ],
    [
      "policy.changed",
      { key: "user:alice", before: "deny", after: null, cause: "expired" },
      "user:alice is gone (expired)",
    ],
    [
      "policy.rejected",
      { key: "user:bob", problem: "unknown key proxis" },
      "user:bob cannot be read: unknown key proxis",
    ],
    ["policy.emptied", { rulesKept: 4 }, "the source has no rules left; 4 stay in force"],
    ["op.malformed", { reason: "not_json", length: 7, suppressed: 0 }, "not_json, 7 bytes"],
    [
      "op.malformed",
      { reason: "login_flood", length: null, suppressed: 41 },
      "login_flood, and 41 more like it",
    ],
    [
      "op.unknown",
      { op: "Frob", decision: { effect: "allowed", rule: null, code: "default_allow" } },
      "Frob allowed by default_allow",
    ],
    ["proxy.closed", { decision: { effect: "recorded", rule: null, code: "recorded" } }, "recorded"],
    [
      "proxy.allowed",
      {
        decision: { effect: "allowed", rule: "user:alice", code: "rule_allow" },
        rewrite: { bandwidth_limit: {} },
      },
      "allowed by user:alice, changed: bandwidth_limit",
    ],
    [
      "login.allowed",
      {
        decision: {
          effect: "allowed",
          rule: null,
          code: "default_allow",
          wouldRefuse: { rule: "user:bob", code: "rule_deny", reason: "late" },
        },
      },
      "would be refused by user:bob: late",
    ],
  ])("of %s with %j ends with its outcome", (type, data, outcome) => {
    expect(cell(event(type, data), "OUTCOME")).toBe(outcome);
  });

  it("tells an anonymous user from none", () => {
    expect(cell(event("login.allowed", { user: "" }), "USER")).toBe('""');
    expect(cell(event("bridge.stopped", {}), "USER")).toBe("-");
  });

  it("takes whatever another version may send, for every type", () => {
    for (const type of [...Object.keys(eventTypes), "moon.risen"]) {
      fc.assert(
        fc.property(fc.dictionary(fc.string(), fc.anything()), fc.string(), (data, odd) => {
          expect(eventRow({ type, time: odd, data })).toHaveLength(columnNames.length);
        }),
        { numRuns: 20 },
      );
    }
  });

  it("is made of events only", () => {
    for (const text of ["", "null", "17", "{}", '{"type":"x"}', '{"type":1,"time":"t"}', "{"])
      expect(parseEvent(text)).toBeNull();
    expect(parseEvent(JSON.stringify(refusedLogin))).toEqual(refusedLogin);
  });
});

describe("what strangers chose", () => {
  const anything = fc.string({ unit: "binary", maxLength: 40 });

  it("never brings a control or format character to the table", () => {
    fc.assert(
      fc.property(
        anything,
        anything,
        anything,
        fc.option(fc.integer({ min: 20, max: 200 })),
        (a, b, c, width) => {
          const shown = event("login.refused", {
            node: a,
            user: b,
            proxy: { name: c, type: a },
            remote: { ip: b, port: 1 },
            decision: { effect: "refused", rule: c, code: a, reason: b },
          });
          for (const line of new EventTable(() => width).lines([
            { ...shown, time: a },
            { ...shown, type: c },
          ]))
            expect(line).not.toMatch(unprintable);
        },
      ),
    );
  });

  it.each([
    "\u001b[2J",
    "\u009b2J",
    "\u202egpj.exe",
    "\u2066",
    "\u200b",
    "\u2028",
    "a\nb",
    "\ud800",
    "\u{e0041}",
    "\u0007",
  ])("such as %j stays visible as a question mark", (text) => {
    expect(printable(text)).toContain("?");
    expect(printable(text)).not.toMatch(unprintable);
  });

  it("means the same in JSON for a terminal, and is printable there too", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (json) => {
        expect(JSON.parse(printableJson(json))).toEqual(JSON.parse(json));
        expect(printableJson(json)).not.toMatch(unprintable);
      }),
    );
  });
});

describe("on a terminal", () => {
  it("each event is one line of at most its width, whatever the names", () => {
    const name = fc.string({ unit: "grapheme", maxLength: 300 });
    fc.assert(
      fc.property(name, name, fc.integer({ min: 40, max: 250 }), (user, reason, width) => {
        const long = event("login.refused", {
          user,
          node: reason,
          decision: { effect: "refused", code: "x", reason },
        });
        for (const line of onScreen(width, long, refusedLogin))
          expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it("names are cut so that the outcome has room", () => {
    const long = event("login.refused", {
      user: "u".repeat(90),
      decision: { effect: "refused", rule: null, code: "default_deny", reason: "no rule" },
    });
    const [, line] = onScreen(120, long);
    expect(line).toMatch(/u…/);
    expect(line).toContain("refused by default_deny");
  });

  it("columns grow with what comes, and the head stands once", () => {
    const table = new EventTable(() => 200);
    expect(table.lines([event("bridge.stopped", { reason: "x" })])).toHaveLength(2);
    expect(table.lines([])).toEqual([]);
    const [line, ...more] = table.lines([refusedLogin]);
    expect(more).toEqual([]);
    expect(line).toBe(
      "11-21 03:34:06  login.refused   frps  mallory  -      203.0.113.7:5000  refused by user:mallory: moved away",
    );
  });

  it("letters that take two columns count as two", () => {
    expect([widthOf("张三"), widthOf("e\u0301"), widthOf("ab")]).toEqual([4, 1, 2]);
    expect(cut("张三李四", 5)).toBe("张三…");
  });
});

it("in a file or a pipe nothing is left out", () => {
  const reason = "r".repeat(500);
  const [, line] = whole(
    event("login.refused", { user: "u".repeat(300), decision: { effect: "refused", code: "x", reason } }),
  );
  expect(line).toContain("u".repeat(300));
  expect(line).toContain(reason);
});

describe("a type pattern", () => {
  it("means what it names, with or without prefix, and * stands for anything", () => {
    const meant = typeFilter(["login.refused", "sluice.session.*"]);
    expect(["login.refused", "session.started", "sluice.session.closed"].filter(meant)).toHaveLength(3);
    expect(["login.allowed", "xlogin.refused", "sessions"].filter(meant)).toEqual([]);
    expect(typeFilter(undefined)("anything.new")).toBe(true);
  });

  it("that means nothing gets a hint", () => {
    expect(patternProblem("session.*")).toBeNull();
    expect(patternProblem("polcy.changed")).toContain("did you mean policy.changed?");
    expect(patternProblem("zzz.*")).toBe("No event has such a type.");
  });
});
