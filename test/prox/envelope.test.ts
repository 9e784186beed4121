import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerTo } from "../../src/prox/answers.ts";
import { readEnvelope } from "../../src/prox/envelope.ts";
import { frameOf } from "../../src/prox/frames.ts";
import { connectAnswer, requestAnswer, responseAnswer } from "../../src/prox/payloads.ts";
import { proxCalls } from "../fixtures.ts";

function envelope(t: unknown, payload: unknown): Uint8Array {
  return encode({ t, d: encode(payload) });
}

describe("an envelope", () => {
  it.each(proxCalls)("of a real prox is read whole: $file", ({ frame, hook, payload }) => {
    expect(readEnvelope(frame.subarray(4))).toEqual({ kind: "hook", hook, payload });
  });

  it("may hold fields that a later prox adds, and leave out any that is known", () => {
    const payload = { r: "web:0", later: { deep: [1, "x"] } };
    for (const [t, hook] of [
      [1, "on_request"],
      [2, "on_response"],
      [3, "on_connect"],
      [4, "on_disconnect"],
    ] as const) {
      expect(readEnvelope(envelope(t, payload))).toEqual({ kind: "hook", hook, payload });
      expect(readEnvelope(envelope(t, {}))).toEqual({ kind: "hook", hook, payload: {} });
    }
  });

  it("takes nil for what is not there, as Go writes an empty map", () => {
    const payload = { r: "web:0", h: null, bd: null, v: null };
    expect(readEnvelope(envelope(1, payload))).toMatchObject({ kind: "hook", payload });
  });

  it("of a hook that nobody knows says its type, and what it holds as far as that can be read", () => {
    expect(readEnvelope(envelope(5, { r: "web:0" }))).toEqual({
      kind: "unknown",
      type: 5,
      payload: { r: "web:0" },
    });
    expect(readEnvelope(encode({ t: 0, d: Buffer.from([0xc1]) }))).toEqual({
      kind: "unknown",
      type: 0,
      payload: Buffer.from([0xc1]),
    });
  });

  it.each<[string, Uint8Array, string]>([
    ["nothing", Buffer.alloc(0), "not_msgpack"],
    ["no msgpack", Buffer.from([0xc1]), "not_msgpack"],
    ["two values", Buffer.from([1, 2]), "not_msgpack"],
    ["no map", encode([1]), "no_op"],
    ["no type", encode({ d: encode({}) }), "no_op"],
    ["the name of a hook for its type", envelope("on_request", {}), "no_op"],
    ["a broken number for its type", envelope(1.5, {}), "no_op"],
    ["a negative type", envelope(-1, {}), "no_op"],
    ["no payload", encode({ t: 1 }), "bad_content"],
    ["a payload that is not in bytes", encode({ t: 1, d: {} }), "bad_content"],
    ["a payload that is no msgpack", encode({ t: 1, d: Buffer.from([0xc1]) }), "bad_content"],
    ["a payload that is no map", envelope(3, [1]), "bad_content"],
    ["an address that is no text", envelope(3, { a: 1 }), "bad_content"],
    ["a header that is no text", envelope(1, { h: { X: 1 } }), "bad_content"],
    ["a body that is text", envelope(1, { bd: "x" }), "bad_content"],
    ["a status that is text", envelope(2, { resp: { s: "200" } }), "bad_content"],
  ])("that is %s is said to be malformed", (_what, frame, reason) => {
    expect(readEnvelope(frame)).toEqual({ kind: "malformed", reason });
  });

  it("is never a reason to fail, whatever it holds", () => {
    const rubbish = fc.oneof(
      fc.uint8Array(),
      fc.tuple(fc.nat(6), fc.uint8Array()).map(([t, d]) => encode({ t, d })),
      fc.tuple(fc.nat(6), fc.jsonValue()).map(([t, payload]) => envelope(t, payload)),
    );
    fc.assert(
      fc.property(rubbish, (frame) => {
        expect(["hook", "unknown", "malformed"]).toContain(readEnvelope(frame).kind);
      }),
    );
  });
});

describe("the answer to a decision", () => {
  const refuse = { kind: "refuse", reason: "moved away" } as const;
  const written = (answer: Uint8Array | null): unknown => answer && decode(answer);

  it("is the one that the hook takes", () => {
    expect(written(answerTo("on_connect", { kind: "allow" }))).toEqual({ ok: true });
    expect(written(answerTo("on_connect", refuse))).toEqual({ ok: false });
    expect(written(answerTo("on_request", { kind: "allow" }))).toEqual({ ok: true });
    expect(written(answerTo("on_request", refuse))).toEqual({
      ok: false,
      s: 403,
      b: new Uint8Array(Buffer.from("moved away")),
      h: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
    });
  });

  it("leaves a response as it was", () => {
    for (const answer of [{ kind: "allow" } as const, refuse]) {
      expect(written(answerTo("on_response", answer))).toEqual({ s: 0 });
    }
  });

  it("is none for on_disconnect, whatever was decided", () => {
    for (const answer of [{ kind: "allow" } as const, refuse]) {
      expect(answerTo("on_disconnect", answer)).toBeNull();
    }
  });
});

describe("an answer", () => {
  const recorded = (file: string): Buffer =>
    proxCalls.find((call) => call.file === `${file}.json`)!.reply!.frame;

  it("is written to the byte as prox was answered", () => {
    expect(frameOf(connectAnswer(true))).toEqual(recorded("on_connect.l4-allowed"));
    expect(frameOf(connectAnswer(false))).toEqual(recorded("on_connect.l4-denied"));
    expect(frameOf(requestAnswer({ ok: true }))).toEqual(recorded("on_request.get-secrets"));
    const denied = {
      ok: false,
      status: 403,
      body: Buffer.from("denied"),
      headers: { "X-Reason": "policy" },
    };
    expect(frameOf(requestAnswer(denied))).toEqual(recorded("on_request.denied"));
    expect(frameOf(responseAnswer({ status: 0 }))).toEqual(recorded("on_response.get"));
  });

  it("holds what was given under prox's own names, and nothing else", () => {
    const all = {
      ok: true,
      drop: true,
      fallback: true,
      status: 200,
      body: Buffer.from("b"),
      headers: { A: "1" },
      speed: { download: 1, upload: 2, group: "g" },
      cleanQuery: true,
      rewritePath: "/x",
    };
    expect(decode(requestAnswer(all))).toEqual({
      ok: true,
      dr: true,
      fb: true,
      s: 200,
      b: new Uint8Array([98]),
      h: { A: "1" },
      sp: { dl: 1, ul: 2, gk: "g" },
      cq: true,
      rp: "/x",
    });
    expect(decode(requestAnswer({ ok: true, speed: { download: 1 } }))).toEqual({ ok: true, sp: { dl: 1 } });
    const changed = { status: 201, headers: { A: "1" }, remove: ["B"] };
    expect(decode(responseAnswer(changed))).toEqual({ s: 201, h: { A: "1" }, rm: ["B"] });
  });
});
