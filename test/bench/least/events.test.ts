/** What the least program writes is what Sluice writes: a smaller one would bound nothing. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { Bridge } from "../../../src/bridge.ts";
import { redactor } from "../../../src/events/redact.ts";
import { parseOp } from "../../../src/frp/wire.ts";
import type { Journal, Kept, Stamp } from "../../../src/journal/journal.ts";
import { RuleSet } from "../../../src/policy/rule-set.ts";
import type { FakeClock } from "../../fake-clock.ts";
import { type AnyEvent, World } from "../../sessions/world.ts";
import { callFile } from "../load/call-file.ts";
import { callsOf, mixes } from "../load/calls.ts";
import { CallRow } from "../load/node-calls.ts";
import { type Call, Events, idsOf } from "./events.ts";

const origin = { instance: "i_test", epoch: "019b76da-a800-7000-8000-000000000000" };
const kept = Promise.resolve<Kept>({ ok: true });
/** More than lie between the begin of a user connection and its end (load/calls.ts). */
const count = 2_500;

interface Both {
  readonly sluice: readonly string[];
  readonly least: readonly string[];
}

/** A whole bridge but for its disk. */
function sluice(lines: string[]): { clock: FakeClock; bridge: Bridge } {
  let journalseq = 0;
  const append = (_stream: string, _key: string, render: (stamp: Stamp) => string): Promise<Kept> => {
    lines.push(render({ sequence: 1, journalseq: ++journalseq }));
    return kept;
  };
  const world = new World({ publish: ({ stream, key, render }) => append(stream, key, render) });
  const { sessions, clock } = world;
  const bridge = new Bridge({
    policy: {
      rules: new RuleSet(),
      settings: { default: "allow", mode: "enforce", ownNames: true, tokenMeta: "token" },
      available: true,
      refuseAsStale: false,
    },
    sessions,
    journal: { append, failing: false } as Partial<Journal> as Journal,
    origin,
    redact: redactor("mask"),
    clock,
    observer: { answered() {} },
    onFailure: "answer",
    volume: null,
    pseudonyms: null,
  });
  return { clock, bridge };
}

/** But for its numbers and the name of the rules. */
function comparable(line: string): AnyEvent {
  const event = JSON.parse(line);
  event.data.decision.revision = "";
  return { ...event, sequence: "", journalseq: "", policyrev: "" };
}

/**
 * Whether they say the same. Of client and proxy Sluice tells what it knows once an op has shown that frps let them in,
 * and a session's end what was known at its start; and it learns a proxy's type from its connections.
 */
function agrees(least: string, sluice: string): boolean {
  const [own, other] = [comparable(least), comparable(sluice)];
  const { clientInfo, proxy } = other.data;
  if (clientInfo === null) own.data.clientInfo = null;
  if (proxy !== null) {
    own.data.proxy.type ??= proxy.type;
    if (proxy.remotePort === null) own.data.proxy.remotePort = null;
    if (proxy.domains.length === 0) own.data.proxy.domains = [];
  }
  return isDeepStrictEqual(own, other);
}

/** Of two passes of the calls, op by op; without login.confirmed, which Sluice writes once for each login. */
async function bothOf(mix: (typeof mixes)[number]): Promise<Both[]> {
  const row = new CallRow(callFile(callsOf(mix, count)), 1, 1);
  const lines: string[] = [];
  const { clock, bridge } = sluice(lines);
  const events = new Events(origin);
  const both: Both[] = [];
  for (let at = 0; at < 2 * count; at++) {
    if (at % 20 === 0) clock.advance(1);
    const { id: reqid, body } = row.take();
    const atMs = clock.now();
    const parsed = parseOp(Buffer.from(body), { node: "frps", subdomainHost: undefined, reqid, atMs });
    if (!parsed.ok) throw new Error(parsed.reason);
    await bridge.handle(parsed.op, 1_000);
    const call = JSON.parse(body.toString()) as Call;
    both.push({
      sluice: lines.splice(0).filter((line) => !line.includes('"sluice.login.confirmed"')),
      least: events.of(call, reqid, idsOf(call, reqid), atMs),
    });
  }
  return both;
}

function bytesOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
}

describe.each(mixes)("the least program's events, %s", (mix) => {
  it("are those of Sluice, and as long", async () => {
    const both = await bothOf(mix);
    const [sluice, least] = [both.flatMap((one) => one.sluice), both.flatMap((one) => one.least)];
    const strange = least.findIndex((line, at) => !agrees(line, sluice[at]!));
    expect(strange === -1 ? null : [least[strange], sluice[strange]]).toBeNull();
    expect(least.length).toBe(sluice.length);
    expect(bytesOf(least) / bytesOf(sluice)).toBeCloseTo(1, 2);
  });
});

it("the least program tells the end of each session that it saw begin, once", () => {
  const events = new Events(origin);
  const typesOf = (op: string, reqid: string): string[] => {
    const user = { user: "alice", metas: {}, run_id: "r" };
    const content = { user, proxy_name: "alice.ssh", proxy_type: "tcp", remote_addr: "198.18.0.1:10000" };
    const lines = events.of({ op, content }, reqid, idsOf({ op, content }, reqid), 0);
    return lines.map((line) => JSON.parse(line).type);
  };
  expect(typesOf("NewUserConn", "a")).toEqual(["sluice.session.started"]);
  expect(typesOf("CloseUserConn", "b")).toEqual(["sluice.session.closed", "sluice.session.ended"]);
  expect(typesOf("CloseUserConn", "c")).toEqual(["sluice.session.closed"]);
});
