import { describe, expect, it } from "vitest";
import { Announcer } from "../src/announcer.ts";
import { Bridge, type BridgeSessions } from "../src/bridge.ts";
import { redactor } from "../src/events/redact.ts";
import { isWithin, Volume } from "../src/events/volume.ts";
import type { Journal } from "../src/journal/journal.ts";
import type { Op } from "../src/op.ts";
import { RuleSet } from "../src/policy/rule-set.ts";
import { Requests } from "../src/prox/requests.ts";
import { anyEvent } from "./events/strict.ts";
import { FakeClock } from "./fake-clock.ts";
import { FailingFiles } from "./journal/failing-files.ts";
import { makeDir, openJournal, readAll, recordsOf } from "./journal/harness.ts";
import { asked } from "./prox/asked.ts";
import { ping } from "./sessions/ops.ts";
import { type AnyEvent, World } from "./sessions/world.ts";

const epoch = "019b76da-a800-7000-8000-000000000000";
const deadlineMs = 2000;

interface Given {
  readonly shares: Record<string, number>;
  readonly rules?: Record<string, string>;
  readonly sessions?: (journal: Journal, clock: FakeClock) => BridgeSessions;
  readonly onFailure?: "answer" | "refuse";
}

const ofFrp = (journal: Journal): BridgeSessions =>
  new World({ publish: ({ stream, key, render }) => journal.append(stream, key, render) }).sessions;

async function bridgeOf({ shares, rules = {}, sessions = ofFrp, onFailure = "answer" }: Given) {
  const [files, clock] = [new FailingFiles(), new FakeClock()];
  const { journal, dir } = await openJournal(makeDir(), { files, clock, epoch });
  const volume = new Volume(shares);
  const answered: string[] = [];
  const bridge = new Bridge({
    policy: {
      rules: new RuleSet(Object.entries(rules)),
      settings: { default: "allow", mode: "enforce", ownNames: true, tokenMeta: "token" },
      available: true,
      refuseAsStale: false,
    },
    sessions: sessions(journal, clock),
    journal,
    origin: { instance: "i_test", epoch },
    redact: redactor("mask"),
    clock,
    observer: { answered: (op) => answered.push(op.name) },
    onFailure,
    volume,
    pseudonyms: null,
  });
  const events = async (): Promise<AnyEvent[]> => {
    const all = recordsOf(await readAll(dir)).map(({ event }) => JSON.parse(event));
    for (const event of all) expect(anyEvent.safeParse(event).error).toBeUndefined();
    return all;
  };
  return { bridge, volume, answered, files, journal, events };
}

const reqid = (n: number): string => n.toString(16).padStart(16, "0");
const pings = (count: number, of: Parameters<typeof ping>[0] = {}): Op[] =>
  Array.from({ length: count }, (_, n) => ping({ ...of, reqid: reqid(n) }));
const namesOf = (events: AnyEvent[]): string[] => events.map(({ type }) => type.slice("sluice.".length));

describe("a type that is left out", () => {
  it("is answered, counted, and takes no number; the op that a login is confirmed by is published all the same", async () => {
    const { bridge, volume, answered, events } = await bridgeOf({ shares: { "heartbeat.allowed": 0 } });
    for (const op of pings(5)) expect(await bridge.handle(op, deadlineMs)).toEqual({ kind: "allow" });
    const found = await events();
    expect(namesOf(found)).toEqual(["heartbeat.allowed", "login.confirmed"]);
    expect(found[1].data.confirmedBy.id).toBe(found[0].id);
    expect(found.map(({ journalseq }) => Number(journalseq))).toEqual([1, 2]);
    expect(volume.leftOut()).toEqual({ "heartbeat.allowed": 4 });
    expect(answered).toHaveLength(5);
  });

  it("in part is published by its ids, with numbers that have no gap", async () => {
    const share = 0.3;
    const { bridge, volume, events } = await bridgeOf({ shares: { "heartbeat.allowed": share } });
    await Promise.all(pings(60).map((op) => bridge.handle(op, deadlineMs)));
    const [first, ...rest] = (await events()).filter(({ op }) => op === "Ping");
    expect(rest.every(({ id }) => isWithin(share, id))).toBe(true);
    expect(rest.length).toBeGreaterThan(0);
    expect([first, ...rest].map(({ sequence }) => Number(sequence))).toEqual(
      Array.from({ length: rest.length + 1 }, (_, n) => n + 1),
    );
    expect(volume.leftOut()).toEqual({ "heartbeat.allowed": 59 - rest.length });
  });

  it("is published where it was refused, or would have been were all rules enforced", async () => {
    const { bridge, events } = await bridgeOf({
      shares: { "heartbeat.allowed": 0 },
      rules: {
        "user:mallory": "deny",
        "user:bob": '{"effect":"deny","enforce":false}',
      },
    });
    for (const user of ["mallory", "bob"]) {
      for (const op of pings(3, { user, client: `c_${user}` })) await bridge.handle(op, deadlineMs);
    }
    const ops = (await events()).filter(({ op }) => op === "Ping");
    expect(namesOf(ops)).toEqual([
      ...Array(3).fill("heartbeat.refused"),
      ...Array(3).fill("heartbeat.allowed"),
    ]);
    expect(ops.slice(3).every(({ data }) => data.decision.wouldRefuse !== undefined)).toBe(true);
  });

  it("is answered as decided while the journal fails, since it needs no record", async () => {
    const { bridge, files, journal } = await bridgeOf({
      shares: { "heartbeat.allowed": 0 },
      onFailure: "refuse",
    });
    const [first, second, third] = pings(3) as [Op, Op, Op];
    await bridge.handle(first, deadlineMs);
    files.fail("write", "ENOSPC");
    await bridge.handle(ping({ client: "c_00000000000000ff", reqid: reqid(9) }), deadlineMs);
    expect(journal.failing).toBe(true);
    for (const op of [second, third]) expect(await bridge.handle(op, deadlineMs)).toEqual({ kind: "allow" });
  });
});

it("while events are left out a bridge tells how many each minute, and as its last word", async () => {
  const { journal, dir, clock } = await openJournal(makeDir(), { epoch });
  const volume = new Volume({ "heartbeat.allowed": 0 });
  const announcer = new Announcer(journal, { instance: "i_test", epoch }, clock, "sluice.bridge", volume);
  await announcer.started("1", null, { source: "file", available: true, rules: 0, revision: "r" }, true);
  const [minuteMs, topics] = [60_000, { "sluice.logins": 7 }];
  clock.advance(minuteMs);
  volume.leaveOut("heartbeat.allowed");
  clock.advance(minuteMs);
  clock.advance(minuteMs);
  announcer.progress({ journalseq: 9, topics });
  volume.leaveOut("heartbeat.allowed");
  clock.advance(minuteMs);
  volume.leaveOut("heartbeat.allowed");
  await announcer.stopped("test");
  clock.advance(2 * minuteMs);
  const told = recordsOf(await readAll(dir)).map(({ event }) => JSON.parse(event) as AnyEvent);
  for (const event of told) expect(anyEvent.safeParse(event).error).toBeUndefined();
  expect(told.map(({ type, data }) => [type, data.leftOut?.["heartbeat.allowed"]])).toEqual([
    ["sluice.bridge.started", undefined],
    ["sluice.bridge.progress", 1],
    ["sluice.bridge.progress", 1],
    ["sluice.bridge.progress", 2],
    ["sluice.bridge.stopped", 3],
  ]);
  const span = { "sluice.logins": { first: 1, last: 7 } };
  expect(told.slice(1, 4).map(({ data }) => data.topics)).toEqual([{}, span, span]);
});

it("a request of prox is published with its response and its end, or none of them is", async () => {
  const share = 0.5;
  const { bridge, volume, events } = await bridgeOf({
    shares: { "request.allowed": share, "response.seen": share, "request.completed": share },
    sessions: (_journal, clock) => new Requests(clock),
  });
  const many = 40;
  const told = Array.from({ length: many }, (_, n) => ({
    r: "web:0",
    a: `203.0.113.9:${n + 1}`,
    m: "GET",
    p: "/",
  }));
  const all = (ops: Op[]) => Promise.all(ops.map((op) => bridge.handle(op, deadlineMs)));
  await all(told.map((request) => asked("on_request", request)));
  await all(told.map((request) => asked("on_response", { req: request, s: 200 })));
  await all(told.map((request) => asked("on_disconnect", request)));
  const found = await events();
  const requests = found.filter(({ type }) => type === "sluice.request.allowed");
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.length).toBeLessThan(many);
  for (const type of ["sluice.response.seen", "sluice.request.completed"]) {
    const own = found.filter((event) => event.type === type);
    expect(own.map(({ data }) => data.request.id)).toEqual(requests.map(({ id }) => id));
  }
  const left = many - requests.length;
  expect(volume.leftOut()).toEqual({
    "request.allowed": left,
    "response.seen": left,
    "request.completed": left,
  });
});
