import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/decision.ts";
import { redactor } from "../../src/events/redact.ts";
import { opDraft } from "../../src/events/render.ts";
import type { Op } from "../../src/op.ts";
import { Requests } from "../../src/prox/requests.ts";
import { anyEvent } from "../events/strict.ts";
import { FakeClock } from "../fake-clock.ts";
import { type AnyEvent, allowed } from "../sessions/world.ts";
import { asked } from "./asked.ts";

const recorded: Decision = { ...allowed, effect: "recorded", code: "not_refusable", rule: null };
const refused: Decision = { ...allowed, effect: "refused", code: "rule_deny" };

interface Asking {
  readonly r?: string;
  readonly a?: string;
  readonly p?: string;
  readonly pr?: string;
  readonly ms?: number;
}

const base = { r: "web:0", a: "203.0.113.9:50000" };

/** A prox whose hooks take the way that the bridge goes, with a clock that the test moves. */
class Edge {
  readonly clock = new FakeClock();
  readonly requests = new Requests(this.clock);

  ask(op: Op, decision: Decision = op.refusable ? allowed : recorded): AnyEvent {
    const context = this.requests.begin(op);
    const origin = { instance: "i_test", epoch: "019b76da-a800-7000-8000-000000000000" };
    const draft = opDraft(op, decision, origin, redactor("mask"), context);
    const event = JSON.parse(draft.render({ sequence: 1, journalseq: 1 }));
    expect(anyEvent.safeParse(event).error).toBeUndefined();
    this.requests.record(op, decision, draft.id, context, this.clock.monotonic());
    return event;
  }

  request({ p = "/", pr = "HTTP/1.1", ...about }: Asking = {}, decision = allowed): AnyEvent {
    return this.ask(asked("on_request", { ...base, m: "GET", p, pr, ...about }), decision);
  }

  response({ p = "/", pr = "HTTP/1.1", ...about }: Asking = {}): AnyEvent {
    const req = { ...base, m: "GET", p, pr, ...about };
    return this.ask(asked("on_response", { req, resp: { s: 200 } })).data.request;
  }

  end({ ms = 0, ...about }: Asking = {}): AnyEvent {
    return this.ask(asked("on_disconnect", { ...base, rx: 1, tx: 2, ms, ...about })).data.request;
  }
}

const none = { id: null, pairing: "none" };

describe("a request", () => {
  it("that was refused belongs to a response and an end only where a fallback answered it", () => {
    const edge = new Edge();
    const { id } = edge.request({}, { ...refused, prox: { fallback: true } });
    expect(edge.response()).toEqual({ id, pairing: "exact" });
    expect(edge.end()).toEqual({ id, pairing: "exact" });
    edge.request({}, { ...refused, prox: { status: 404 } });
    expect(edge.response()).toEqual(none);
  });

  it("that is open alone is what its response and its end belong to, once", () => {
    const edge = new Edge();
    const { id } = edge.request();
    expect(edge.response()).toEqual({ id, pairing: "exact" });
    expect(edge.response()).toEqual(none);
    expect(edge.end()).toEqual({ id, pairing: "exact" });
    expect(edge.end()).toEqual(none);
    expect(edge.requests.size).toBe(0);
  });

  it("is told from those of another route, address and port", () => {
    const edge = new Edge();
    const places = [{}, { r: "web:1" }, { a: "203.0.113.9:50001" }, { a: "[2001:db8::1]:50000" }];
    const ids = places.map((place) => edge.request(place).id);
    places.toReversed().forEach((place, n) => {
      expect(edge.end(place)).toEqual({ id: ids.at(-1 - n), pairing: "exact" });
    });
  });

  it("that was refused, at once or after all, is none that a response or an end could belong to", () => {
    const edge = new Edge();
    edge.request({}, refused);
    const later = edge.request();
    edge.requests.takeBack(asked("on_request", base), later.id);
    expect(edge.response()).toEqual(none);
    expect(edge.end()).toEqual(none);
  });

  it("among several on one connection of HTTP/2 is found by what it asked for, and by its duration", () => {
    const edge = new Edge();
    const first = edge.request({ pr: "HTTP/2.0", p: "/a" });
    edge.clock.advance(5_000);
    const second = edge.request({ pr: "HTTP/2.0", p: "/b" });
    edge.clock.advance(100);
    expect(edge.response({ pr: "HTTP/2.0", p: "/b" })).toEqual({ id: second.id, pairing: "exact" });
    expect(edge.end({ ms: 105 })).toEqual({ id: second.id, pairing: "ambiguous" });
    expect(edge.response({ pr: "HTTP/2.0", p: "/a" })).toEqual({ id: first.id, pairing: "exact" });
    expect(edge.end({ ms: 5_100 })).toEqual({ id: first.id, pairing: "exact" });
  });

  it("is the oldest of those that asked for the same, and that is said to be ambiguous", () => {
    const edge = new Edge();
    const [first, second] = [edge.request({ pr: "HTTP/2.0" }), edge.request({ pr: "HTTP/2.0" })];
    expect(edge.response({ pr: "HTTP/2.0" })).toEqual({ id: first.id, pairing: "ambiguous" });
    expect(edge.response({ pr: "HTTP/2.0" })).toEqual({ id: second.id, pairing: "exact" });
  });

  it("whose end prox dropped makes the next one's ambiguous, and none behind that", () => {
    const edge = new Edge();
    edge.request();
    edge.clock.advance(60_000);
    const second = edge.request();
    expect(edge.end({ ms: 8 })).toEqual({ id: second.id, pairing: "ambiguous" });
    expect(edge.requests.size).toBe(0);
    const third = edge.request();
    expect(edge.end({ ms: 8 })).toEqual({ id: third.id, pairing: "exact" });
  });

  it("from before a restart ends as none, though its connection has another by now", () => {
    const edge = new Edge();
    const { id } = edge.request();
    edge.clock.advance(10);
    expect(edge.end({ ms: 60_000 })).toEqual(none);
    expect(edge.end({ ms: 12 })).toEqual({ id, pairing: "exact" });
  });

  it("is forgotten after a day", () => {
    const edge = new Edge();
    edge.request();
    edge.clock.advance(86_400_001);
    edge.request({ a: "203.0.113.10:1" });
    expect(edge.requests.size).toBe(1);
    expect(edge.end({ ms: 86_400_001 })).toEqual(none);
  });

  it("takes the place of the oldest when one address has too many open, or all together", () => {
    const edge = new Edge();
    for (let n = 0; n < 300; n++) edge.request({ pr: "HTTP/2.0" });
    expect(edge.requests.size).toBe(256);
    const { requests } = edge;
    const context = { clientInfo: null, proxy: null, session: null };
    const op = asked("on_request", base);
    for (let n = 0; n < 100_000; n++) {
      const from = { ...op, remote: { ip: "203.0.113.10", port: n } };
      requests.record(from, allowed, `id ${n}`, context, 0);
    }
    expect(requests.size).toBe(100_000);
  });

  it("is never one that was answered for already, whatever happens in what order", () => {
    const step = fc.record({
      what: fc.constantFrom("request", "response", "end", "wait"),
      a: fc.constantFrom("203.0.113.9:1", "203.0.113.9:2"),
      p: fc.constantFrom("/a", "/b"),
      pr: fc.constantFrom("HTTP/1.1", "HTTP/2.0"),
      ms: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const edge = new Edge();
        const open = new Set<string>();
        const seen = { response: new Set<string>(), end: new Set<string>() };
        for (const { what, ms, ...about } of steps) {
          if (what === "request") open.add(edge.request(about).id);
          else if (what === "wait") edge.clock.advance(ms);
          else {
            const { id, pairing } = what === "response" ? edge.response(about) : edge.end({ ...about, ms });
            expect(id === null).toBe(pairing === "none");
            if (id === null) continue;
            expect(open).toContain(id);
            expect(seen[what]).not.toContain(id);
            seen[what].add(id);
          }
        }
        expect(edge.requests.size).toBeLessThanOrEqual(open.size - seen.end.size);
      }),
    );
  });
});
