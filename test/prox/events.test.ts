/** What is published of the hooks of prox. */
import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/decision.ts";
import { sessionKey } from "../../src/events/ids.ts";
import { redactor } from "../../src/events/redact.ts";
import { opDraft } from "../../src/events/render.ts";
import { type EventType, topicOf } from "../../src/events/schema.ts";
import type { Op } from "../../src/op.ts";
import { Requests } from "../../src/prox/requests.ts";
import { anyEvent } from "../events/strict.ts";
import { FakeClock } from "../fake-clock.ts";
import { proxCalls } from "../fixtures.ts";
import { nowMs } from "../policy/cases.ts";
import { type AnyEvent, allowed, World } from "../sessions/world.ts";
import { asked } from "./asked.ts";

const origin = { instance: "i_test", epoch: "019b76da-a800-7000-8000-000000000000" };
const refused: Decision = { ...allowed, effect: "refused", code: "rule_deny", reason: "no" };
const recorded: Decision = { ...allowed, effect: "recorded", code: "not_refusable", rule: null };

/** As the bridge publishes it; judged by its strict schema. */
function published(op: Op, decision: Decision = op.refusable ? allowed : recorded): AnyEvent {
  const context = new Requests(new FakeClock()).begin(op);
  const draft = opDraft(op, decision, origin, redactor("mask"), context);
  const event = JSON.parse(draft.render({ sequence: 1, journalseq: 2 }));
  expect(anyEvent.safeParse(event).error).toBeUndefined();
  return { ...event, stream: draft.stream };
}

const from = { a: "203.0.113.9:50000" };
const connect = asked("on_connect", { ...from, r: "gw:0", d: "A.l4.test" });
const request = asked("on_request", { ...from, r: "web:0", m: "GET", p: "/a", q: "t=s3cret", d: "web.test" });
const response = asked("on_response", { req: { ...from, r: "web:0", m: "GET" }, resp: { s: 201 } });
const disconnect = asked("on_disconnect", { ...from, r: "web:0", tg: "10.0.0.1:80", rx: 1, tx: 2, ms: 3 });

const key = sessionKey("edge-1", "", "gw:0", "203.0.113.9 50000");

describe("events of prox", () => {
  it.each<[EventType, string, string, Op, Decision]>([
    ["session.admitted", "sluice.user-sessions", key, connect, allowed],
    ["session.refused", "sluice.user-sessions", key, connect, refused],
    ["request.allowed", "sluice.http-requests", "web:0 203.0.113.9", request, allowed],
    ["request.refused", "sluice.http-requests", "web:0 203.0.113.9", request, refused],
    ["response.seen", "sluice.http-requests", "web:0 203.0.113.9", response, recorded],
    ["request.completed", "sluice.http-requests", "web:0 203.0.113.9", disconnect, recorded],
    ["op.unknown", "sluice.unknown", "edge-1", asked(7, { r: "web:0" }), recorded],
  ])("%s go to %s under the key %s", (type, topic, partitionkey, op, decision) => {
    const event = published(op, decision);
    expect(topicOf(type)).toBe(topic);
    expect(event).toMatchObject({
      type: `sluice.${type}`,
      source: "/prox/edge-1",
      op: op.name,
      decision: decision.effect,
      partitionkey,
      time: new Date(nowMs).toISOString(),
      data: { protocol: "prox", node: "edge-1", user: null, client: null, proxy: null, reqid: null },
    });
    expect(event.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it("name the route as their subject, and nothing where there is none", () => {
    expect(published(request).subject).toBe("web:0");
    expect(published(asked("on_request", {})).subject).toBeUndefined();
    expect(published(asked("on_request", {})).partitionkey).toBe("edge-1");
  });

  it("say what was asked for without a look into their content", () => {
    expect(published(request).data).toMatchObject({
      remote: { ip: "203.0.113.9", port: 50_000 },
      prox: { route: "web:0", domain: "web.test", method: "GET", path: "/a", target: null, status: null },
      session: null,
    });
    expect(published(response).data.prox).toMatchObject({ route: "web:0", status: 201 });
    expect(published(disconnect).data).toMatchObject({
      prox: { target: "10.0.0.1:80" },
      bytes: { in: 1, out: 2 },
      durationMs: 3,
      request: { id: null, pairing: "none" },
    });
    expect(JSON.stringify(published(request))).not.toContain("s3cret");
  });

  it("cut a long path, of which the content has all", () => {
    const path = `/${"é".repeat(3_000)}`;
    const { prox, content } = published(asked("on_request", { p: path })).data;
    expect(prox.path).toBe(path.slice(0, 2048));
    expect(content.p).toBe(path);
  });

  it("of an admitted connection give it the id of the event, and its key without a look-up", () => {
    const event = published(connect);
    expect(event.data.session).toEqual({ id: event.id, key });
    expect(published(connect, refused).data.session).toEqual({ id: null, key });
  });

  it("of frp say nothing of prox", () => {
    const world = new World();
    const event = world.ask({ ...connect, protocol: "frp", known: false, prox: null });
    expect(event.data).not.toHaveProperty("prox");
    expect(event.data).not.toHaveProperty("request");
  });

  it.each(proxCalls)("of a recorded call hold none of its secrets: $file", ({ hook, payload }) => {
    const json = JSON.stringify(published(asked(hook, payload)));
    expect(json).not.toMatch(/secret|h\\"ello|wörl/);
  });
});

describe("a connection that prox let in", () => {
  it("is never counted as open, since nobody tells its end; nor after a restart", () => {
    const world = new World();
    const event = world.ask(connect);
    expect(event.type).toBe("sluice.session.admitted");
    expect(world.told.opened).toBe(0);
    expect(world.sessions.open.size).toBe(0);
    world.restart();
    expect(world.sessions.open.size).toBe(0);
    expect(world.of("session.ended")).toEqual([]);
  });

  it("leaves no limit a count to rise", () => {
    const { counts, proxies } = new Requests(new FakeClock());
    expect(counts.endsAnnounced()).toBe(false);
    expect([counts.open(), counts.begun(), counts.logins(), proxies.others()]).toEqual([0, 0, 0, 0]);
  });
});
