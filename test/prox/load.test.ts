/** The plugin process with many connections at once: each answer belongs to its call, and each call has its event. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { frameOf } from "../../src/prox/frames.ts";
import { proxes } from "../hosts/prox-setting.ts";
import { makeDir } from "../journal/harness.ts";
import { randomFrom } from "../random.ts";
import type { AnyEvent } from "../sessions/world.ts";
import { envelopeOf } from "./asked.ts";
import { deniedAs, domainOf, loadPolicy, ProxLoad } from "./load.ts";
import { startLoaded } from "./loaded.ts";
import { PluginProcess } from "./plugin-process.ts";
import { Talk } from "./talk.ts";
import { endsCame, eventsIn, expectPairedOnce, expectRuled, expectToldOnce, ofHook } from "./told.ts";

const throughProx = Number(process.env.SLUICE_TEST_PROX_REQUESTS ?? 1_000);
const atSocket = Number(process.env.SLUICE_TEST_PROX_CALLS ?? 10_000);
const connections = 64;

describe.each(proxes)("under $name", ({ start }) => {
  it(`gives each of ${throughProx} requests on ${connections} connections its own answer, and keeps one event of each`, {
    timeout: 30_000 + throughProx * 5,
  }, async () => {
    const { prox, upstream, dir } = await startLoaded(start);
    const load = new ProxLoad(prox, { count: throughProx, connections });
    await load.done();
    expect(load.answers).toHaveLength(throughProx);
    expectRuled(load);
    expect(upstream.seen.map(({ url }) => url).sort()).toEqual(load.allowed.map(({ path }) => path).sort());
    // prox itself drops ends that find its queue full.
    const dropped = "droppedDisconnects" in prox ? Number(prox.droppedDisconnects) : null;
    if (dropped !== null) await endsCame(join(dir, "prox-1"), load, dropped);
    await prox.stop();
    const events = await eventsIn(dir);
    expectToldOnce(events, [load]);
    expectPairedOnce(events);
    expect(ofHook(events, "on_response")).toHaveLength(load.allowed.length);
    const ends = ofHook(events, "on_disconnect");
    if (dropped === null) expect(ends.length).toBeLessThanOrEqual(load.allowed.length);
    else expect(ends).toHaveLength(load.allowed.length - dropped);
  });
});

interface Call {
  readonly id: string;
  readonly hook: "on_request" | "on_response" | "on_connect" | "on_disconnect";
  readonly frame: Buffer;
  readonly decision: "allowed" | "refused" | "recorded";
  /** Why it is refused, where the answer says it. */
  readonly reason: string | null;
}

const hooks = ["on_request", "on_response", "on_connect", "on_disconnect"] as const;
const banned = "203.0.113.2";
const addresses = ["203.0.113.1", banned, "203.0.113.3"];
const rules = { ...loadPolicy, [`ip:${banned}`]: "deny not from there" };

/** One of the four hooks, under a name that no other has. */
function callOf(id: string, random: () => number): Call {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const [hook, from, n] = [pick(hooks), pick(addresses), Math.floor(random() * 90) + 1];
  const [a, d] = [`${from}:${1024 + n}`, domainOf(n)];
  const request = { r: "web:0", m: "GET", p: id, a, d };
  const payloads = {
    on_request: request,
    on_response: { req: request, resp: { s: 200 } },
    on_connect: { r: "gw:0", a, d, md: id },
    on_disconnect: { r: "web:0", tg: id, a, rx: 1, tx: 2, ms: 3 },
  };
  const asks = hook === "on_request" || hook === "on_connect";
  const reason = !asks ? null : from === banned ? "not from there" : deniedAs(n);
  const decision = !asks ? "recorded" : reason === null ? "allowed" : "refused";
  return { id, hook, frame: frameOf(envelopeOf(hook, payloads[hook])), decision, reason };
}

/** Reads an answer as the one to this call. */
function isAnswerTo({ hook, reason }: Call, frame: Buffer): boolean {
  const answer = decode(frame) as { ok?: unknown; s?: unknown; b?: Uint8Array };
  if (hook === "on_response") return answer.s === 0 && answer.ok === undefined;
  if (answer.ok !== (reason === null)) return false;
  return hook === "on_connect" || reason === null || String(Buffer.from(answer.b ?? [])) === reason;
}

/** What names it, in its event. */
function idIn({ op, data }: AnyEvent): string {
  if (op === "on_connect") return data.content.md;
  return op === "on_disconnect" ? data.prox.target : data.prox.path;
}

describe("straight at its socket", () => {
  it(`the plugin answers ${atSocket} calls on ${connections} connections in their order, in whatever pieces they come`, {
    timeout: 30_000 + atSocket * 3,
  }, async () => {
    const cwd = makeDir();
    writeFileSync(join(cwd, "policy.json"), JSON.stringify(rules));
    const plugin = new PluginProcess({ cwd });
    const socket = await plugin.ready();
    await plugin.settled();
    const all = await Promise.all(
      Array.from({ length: connections }, async (_, at) => {
        const random = randomFrom(at + 1);
        const calls = Array.from({ length: Math.ceil(atSocket / connections) }, (_, n) =>
          callOf(`/${at}/${n}`, random),
        );
        const answered = calls.filter(({ hook }) => hook !== "on_disconnect");
        const talk = await Talk.to(socket);
        const stream = Buffer.concat(calls.map(({ frame }) => frame));
        for (let from = 0; from < stream.length; ) {
          // From the half of a length to a crowd of frames.
          const to = from + 1 + Math.floor(random() ** 3 * 2_000);
          talk.send(stream.subarray(from, to));
          await new Promise(setImmediate);
          from = to;
        }
        const answers = await talk.take(answered.length);
        const wrong = answered.filter((call, n) => !isAnswerTo(call, answers[n]!));
        expect(wrong.map(({ id }) => id)).toEqual([]);
        return { talk, calls, answers: answered.length };
      }),
    );
    plugin.child.stdin.end();
    expect(await plugin.ended).toBe(0);
    // None that nobody waits for, either.
    expect(all.filter(({ talk, answers }) => talk.answers.length !== answers)).toEqual([]);
    const told = (await eventsIn(join(cwd, "data"))).filter(({ op }) => op !== undefined);
    const name = (id: string, decision: string): string => `${id} ${decision}`;
    expect(told.map((event) => name(idIn(event), event.decision)).sort()).toEqual(
      all.flatMap(({ calls }) => calls.map(({ id, decision }) => name(id, decision))).sort(),
    );
  });
});
