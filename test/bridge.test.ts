import { describe, expect, it } from "vitest";
import { answerTo, Bridge } from "../src/bridge.ts";
import type { Decision } from "../src/decision.ts";
import { opId } from "../src/events/ids.ts";
import { redactor } from "../src/events/redact.ts";
import type { Answer, Op } from "../src/op.ts";
import { RuleSet } from "../src/policy/rule-set.ts";
import { anyEvent } from "./events/strict.ts";
import { FakeClock } from "./fake-clock.ts";
import { FailingFiles } from "./journal/failing-files.ts";
import { makeDir, openJournal, readAll, recordsOf } from "./journal/harness.ts";
import { login, newProxy } from "./policy/cases.ts";
import { asked } from "./prox/asked.ts";
import { World } from "./sessions/world.ts";

const epoch = "019b76da-a800-7000-8000-000000000000";
const deadlineMs = 2000;

async function bridgeWith(onFailure: "answer" | "refuse", rules: Record<string, string> = {}) {
  const files = new FailingFiles();
  const clock = new FakeClock();
  const opened = await openJournal(makeDir(), { files, clock, epoch });
  const { journal, dir, log } = opened;
  const unrecorded: string[] = [];
  const bridge = new Bridge({
    policy: {
      rules: new RuleSet(Object.entries(rules)),
      settings: { default: "allow", mode: "enforce", ownNames: true, tokenMeta: "token" },
      available: true,
      refuseAsStale: false,
    },
    sessions: new World({ publish: ({ stream, key, render }) => journal.append(stream, key, render) })
      .sessions,
    journal,
    origin: { instance: "i_test", epoch },
    redact: redactor("mask"),
    clock,
    observer: {
      answered: (_op, _decision, { unkept, answer }) => {
        if (unkept !== null) unrecorded.push(`${unkept.failure}: ${answer.kind}`);
      },
    },
    onFailure,
    volume: null,
    pseudonyms: null,
  });
  const events = async () => recordsOf(await readAll(dir)).map(({ event }) => JSON.parse(event));
  return { bridge, files, clock, journal, log, unrecorded, events };
}

/** Whether a promise has settled by now, without waiting for it. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const waiting = Symbol("waiting");
  return (await Promise.race([promise, Promise.resolve(waiting)])) !== waiting;
}

const closing: Op = { ...newProxy("alice", "alice.ssh"), name: "CloseProxy", refusable: false };
const alice = { ...login("alice"), reqid: "0123456789abcdef" };

describe("the bridge", () => {
  it("answers only when the event is durable", async () => {
    const { bridge, files, events } = await bridgeWith("answer");
    const sync = files.hold("sync");
    const answered = bridge.handle(alice, deadlineMs);
    await sync.reached;
    expect(await settled(answered)).toBe(false);
    sync.release();
    expect(await answered).toEqual({ kind: "allow" });
    const [event] = await events();
    expect(anyEvent.safeParse(event).error).toBeUndefined();
    expect(event).toMatchObject({
      id: opId(alice.node, "0123456789abcdef", "Login"),
      sequence: "0000000000000001",
    });
  });

  it("gives the decided answer when the disk hangs and onFailure is answer; the record follows once", async () => {
    const { bridge, files, clock, events, unrecorded, journal } = await bridgeWith("answer", {
      "user:alice": "deny no",
    });
    const sync = files.hold("sync");
    const answered = bridge.handle(alice, deadlineMs);
    await sync.reached;
    clock.advance(deadlineMs);
    expect(await answered).toEqual({ kind: "refuse", reason: "no" });
    expect(unrecorded).toEqual(["journal_slow: refuse"]);
    sync.release();
    await journal.close(10_000);
    expect((await events()).map((e) => e.type)).toEqual(["sluice.login.refused"]);
  });

  it("refuses when the disk hangs and onFailure is refuse; a second event takes the place of the first", async () => {
    const { bridge, files, clock, events, journal } = await bridgeWith("refuse");
    const sync = files.hold("sync");
    const answered = bridge.handle(alice, deadlineMs);
    await sync.reached;
    clock.advance(deadlineMs);
    expect(await answered).toEqual({ kind: "refuse", reason: "could not be recorded" });
    sync.release();
    await journal.close(10_000);
    const [first, second] = (await events()).filter((e) => e.type.startsWith("sluice.login"));
    expect(first).toMatchObject({ type: "sluice.login.allowed", decision: "allowed" });
    expect(second).toMatchObject({ type: "sluice.login.refused", decision: "refused", supersedes: first.id });
    expect(second.partitionkey).toBe(first.partitionkey);
    expect(second.data.decision).toMatchObject({
      code: "not_recorded",
      reason: "could not be recorded",
      rule: null,
    });
    expect(anyEvent.safeParse(second).error).toBeUndefined();
  });

  it("says refused in the first place while the journal is known to fail", async () => {
    const { bridge, files, log, events, clock, journal } = await bridgeWith("refuse");
    files.fail("write", "ENOSPC");
    await bridge.handle(alice, deadlineMs);
    expect(journal.failing).toBe(true);
    expect(await bridge.handle({ ...alice, reqid: "b" }, deadlineMs)).toEqual({
      kind: "refuse",
      reason: "could not be recorded",
    });
    expect(await bridge.handle({ ...closing, reqid: "c" }, deadlineMs)).toEqual({
      kind: "allow",
    });
    files.mend();
    const writing = log.next("again");
    clock.advance(1000);
    await writing;
    await journal.close(10_000);
    const ofB = (await events()).filter((e) => e.data.reqid === "b");
    expect(ofB.map((e) => [e.type, e.supersedes])).toEqual([["sluice.login.refused", undefined]]);
  });

  it("answers what cannot be refused unchanged, whatever the disk does", async () => {
    const { bridge, files, unrecorded } = await bridgeWith("refuse", { "user:alice": "deny" });
    files.fail("write", "EIO");
    expect(await bridge.handle(closing, deadlineMs)).toEqual({ kind: "allow" });
    expect(unrecorded).toEqual(["journal_io: allow"]);
  });
});

describe("the bridge, asked by prox", () => {
  const told = { r: "web:0", a: "203.0.113.9:5" };
  const rules = {
    "route:web:0": '{"prox":{"on_request":{"cleanQuery":true},"on_response":{"status":404}}}',
  };

  it("refuses in the standing way what could not be recorded, and leaves a response as decided", async () => {
    const { bridge, files } = await bridgeWith("refuse", rules);
    files.fail("write", "EIO");
    const request = asked("on_request", told);
    for (const time of ["at first", "while the journal is known to fail"])
      expect([time, await bridge.handle(request, deadlineMs)]).toEqual([
        time,
        { kind: "refuse", reason: "could not be recorded" },
      ]);
    expect(await bridge.handle(asked("on_response", { req: told }), deadlineMs)).toEqual({
      kind: "allow",
      prox: { status: 404 },
    });
  });
});

describe("the answer to a decision", () => {
  const decision: Decision = {
    effect: "allowed",
    reason: "",
    code: "rule_allow",
    rule: null,
    revision: "0",
    checks: [],
  };

  it.each<[string, Partial<Decision>, Answer]>([
    ["that allows", {}, { kind: "allow" }],
    ["that only records", { effect: "recorded" }, { kind: "allow" }],
    ["that refuses", { effect: "refused", reason: "no" }, { kind: "refuse", reason: "no" }],
    ["that changes fields", { set: { a: 1 } }, { kind: "rewrite", set: { a: 1 } }],
    ["that changes something at prox", { prox: { status: 404 } }, { kind: "allow", prox: { status: 404 } }],
    [
      "that says how it refuses at prox",
      { effect: "refused", reason: "no", prox: { drop: true } },
      { kind: "refuse", reason: "no", prox: { drop: true } },
    ],
    [
      "that refuses and would have changed fields",
      { effect: "refused", reason: "no", set: { a: 1 } },
      { kind: "refuse", reason: "no" },
    ],
  ])("%s", (_what, part, answer) => {
    expect(answerTo({ ...decision, ...part })).toEqual(answer);
  });
});
