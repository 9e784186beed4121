/** The projections, each judged by what its readers are judged by. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  eventSchemas,
  type SluiceEvent,
  toEcs,
  toFlat,
  toFlatSession,
  toOcsf,
} from "../../src/events/index.ts";
import { closeUserConn, login, newProxy, newUserConn } from "../sessions/ops.ts";
import { type AnyEvent, World } from "../sessions/world.ts";
import { generatedEvent } from "./generated.ts";
import { connectProblems, ecsProblems, ocsfProblems } from "./projection-judges.ts";
import { published } from "./published.ts";

const examples: AnyEvent[] = published().map((json) => JSON.parse(json));
const example = (type: string): AnyEvent => examples.find((event) => event.type === `sluice.${type}`);

function sessionProblems(event: SluiceEvent): string[] {
  const row = toFlatSession(event);
  return row === null ? [] : connectProblems(row);
}

const judges: readonly [string, (event: SluiceEvent) => string[]][] = [
  ["OCSF", (event) => ocsfProblems(toOcsf(event))],
  ["ECS", (event) => ecsProblems(toEcs(event))],
  ["flat", (event) => connectProblems(toFlat(event))],
  ["flat-sessions", sessionProblems],
];

function isStorable(value: unknown): boolean {
  return typeof value !== "string" || (value.isWellFormed() && !value.includes("\0"));
}

it("there is an example of every type of event", () => {
  expect(new Set(examples.map(({ type }) => type))).toEqual(
    new Set(Object.keys(eventSchemas).map((type) => `sluice.${type}`)),
  );
});

describe.each(judges)("%s", (_name, problemsOf) => {
  it.each(examples.map((event, at) => [event.type, at] as const))("takes %s (example %i)", (_type, at) => {
    expect(problemsOf(examples[at])).toEqual([]);
  });

  it("takes whatever an event may hold", () => {
    fc.assert(
      fc.property(generatedEvent, (event) => {
        expect(problemsOf(event)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});

it("no projection holds a NUL or half a surrogate pair, in whatever place the event had one", () => {
  fc.assert(
    fc.property(generatedEvent, (event) => {
      for (const project of [toOcsf, toEcs, toFlat, toFlatSession]) {
        const bad: unknown[] = [];
        JSON.stringify(project(event), (name, value) => {
          if (!isStorable(name) || !isStorable(value)) bad.push([name, value]);
          return value;
        });
        expect(bad).toEqual([]);
      }
    }),
    { numRuns: 1_000 },
  );
});

it("every session that begins or ends is a row, and no other event is", () => {
  const withRow = examples.filter((event) => toFlatSession(event) !== null).map(({ type }) => type);
  const types = ["sluice.session.started", "sluice.session.admitted", "sluice.session.ended"];
  expect(withRow).toEqual(examples.map(({ type }) => type).filter((type) => types.includes(type)));
});

it("a projection changes nothing of its event and gives the same bytes each time", () => {
  for (const event of examples) {
    const before = JSON.stringify(event);
    for (const project of [toOcsf, toEcs, toFlat, toFlatSession]) {
      expect(JSON.stringify(project(event))).toBe(JSON.stringify(project(JSON.parse(before))));
    }
    expect(JSON.stringify(event)).toBe(before);
  }
});

it("every projection names the event by its id", () => {
  for (const event of examples) {
    expect(toOcsf(event).metadata.uid).toBe(event.id);
    expect(toEcs(event).event.id).toBe(event.id);
    expect(toFlat(event).payload.event_id).toBe(event.id);
  }
});

describe("a Login", () => {
  it("that was allowed is no successful logon: frps has yet to authenticate it", () => {
    expect(toOcsf(example("login.allowed"))).toMatchObject({
      type_uid: 300201,
      status: "Unknown",
      status_id: 0,
      status_detail: "admitted by policy, not yet authenticated",
      action_id: 1,
    });
    expect(toEcs(example("login.allowed")).event).toMatchObject({ outcome: "unknown", type: ["start"] });
  });

  it("that was confirmed is one, from the address that was found for it", () => {
    const world = new World();
    world.ask(login());
    world.ask(newProxy());
    const [event] = world.of("login.confirmed");
    expect(event.data.clientInfo.address).toEqual(expect.any(String));
    expect(toOcsf(event)).toMatchObject({
      type_uid: 300201,
      status_id: 1,
      src_endpoint: { ip: event.data.clientInfo.address },
      metadata: { correlation_uid: event.data.login },
    });
    expect(toEcs(event)).toMatchObject({
      event: { outcome: "success" },
      source: { ip: event.data.clientInfo.address },
    });
  });

  it("that was refused is a failed one, by the rule that refused it", () => {
    const event = example("login.refused");
    expect(toOcsf(event)).toMatchObject({
      type_uid: 300201,
      status_id: 2,
      action_id: 2,
      disposition_id: 2,
      policy: { uid: event.data.decision.rule, version: event.policyrev },
    });
    expect(toEcs(event)).toMatchObject({
      event: { outcome: "failure" },
      rule: { id: event.data.decision.rule },
    });
  });
});

it("what was refused is a failure in OCSF and in ECS, whatever it was", () => {
  const refused = examples.filter(({ decision }) => decision === "refused");
  expect(refused.length).toBeGreaterThan(5);
  for (const event of refused) {
    expect(toOcsf(event), event.type).toMatchObject({ status_id: 2, action_id: 2 });
    expect(toEcs(event).event, event.type).toMatchObject({ outcome: "failure" });
  }
});

describe("a session", () => {
  const ended = (): AnyEvent[] => {
    const world = new World();
    world.ask(newUserConn());
    world.clock.advance(1_500);
    world.ask(closeUserConn());
    return world.events;
  };

  it("has its length in the unit of each projection, and one end", () => {
    const events = ended();
    const end = events.find(({ type }) => type === "sluice.session.ended");
    expect(toOcsf(end)).toMatchObject({ type_uid: 400102, duration: 1_500 });
    expect(toEcs(end).event).toMatchObject({ duration: 1_500_000_000 });
    expect(toFlat(end).payload).toMatchObject({ duration_ms: 1_500 });
    expect(events.filter((event) => toOcsf(event).type_uid === 400102)).toHaveLength(1);
    expect(events.filter((event) => (toEcs(event).event.type as string[]).includes("end"))).toHaveLength(1);
  });

  it("is one row: its end says all that its start said, and outranks it", () => {
    const rows = ended()
      .map((event) => toFlatSession(event))
      .flatMap((row) => (row === null ? [] : [row.payload]));
    expect(rows.map(({ state, state_rank: rank }) => [state, rank])).toEqual([
      ["open", 0],
      ["ended", 2],
    ]);
    const [start, end] = rows;
    const own = ["state", "state_rank", "event_id", "event_time", "journalseq", "reason", "pairing"];
    for (const [column, value] of Object.entries(start!)) {
      if (value !== null && !own.includes(column)) expect([column, end![column]]).toEqual([column, value]);
    }
  });

  it("that was inferred to have ended is outranked by the end that is announced", () => {
    const end = example("session.ended");
    const inferred = { ...end, data: { ...end.data, end: { ...end.data.end, inferred: true } } };
    const [announcedRow, inferredRow] = [end, inferred].map((event) => toFlatSession(event)!.payload);
    expect(inferredRow!.session_id).toBe(announcedRow!.session_id);
    expect(Number(announcedRow!.state_rank)).toBeGreaterThan(Number(inferredRow!.state_rank));
  });

  it("counts what the visitor sent as what left the source", () => {
    const end = example("session.ended");
    const event = { ...end, data: { ...end.data, bytes: { in: 10, out: 300 } } };
    expect(toOcsf(event)).toMatchObject({ cumulative_traffic: { bytes_out: 10, bytes_in: 300, bytes: 310 } });
    expect(toEcs(event)).toMatchObject({ source: { bytes: 10 }, destination: { bytes: 300 } });
  });
});

describe("a request at prox", () => {
  it("is HTTP Activity by its method, and its response and its end name the same request", () => {
    const event = example("request.allowed");
    expect(toOcsf(event)).toMatchObject({
      class_uid: 4002,
      activity_name: "Get",
      http_request: { uid: event.id, http_method: "GET", url: { path: event.data.prox.path } },
    });
    const response = { ...example("response.seen") };
    response.data = { ...response.data, request: { id: event.id, pairing: "exact" } };
    expect(toOcsf(response)).toMatchObject({
      class_uid: 4002,
      http_request: { uid: event.id },
      http_response: { code: response.data.prox.status },
      metadata: { correlation_uid: event.id },
    });
  });

  it("of a method that OCSF does not list is Other, under its own name", () => {
    const event = example("request.allowed");
    const listed = { ...event, data: { ...event.data, prox: { ...event.data.prox, method: "PROPFIND" } } };
    expect(toOcsf(listed)).toMatchObject({ type_uid: 400299, activity_name: "PROPFIND" });
  });
});
