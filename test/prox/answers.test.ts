/** Answers in prox's words: each field where prox reads it, and a refusal never more than one. */
import { decode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import type { Answer, ProxChanges } from "../../src/op.ts";
import { answerTo } from "../../src/prox/answers.ts";
import type { HookName } from "../../src/prox/payloads.ts";

function answered(hook: HookName, answer: Answer): unknown {
  const bytes = answerTo(hook, answer);
  return bytes && decode(bytes);
}
const passing: ProxChanges = {
  requestHeaders: { "X-A": "a" },
  cleanQuery: true,
  rewritePath: "/new",
  speed: { download: 1.5, upload: 2, group: "g" },
};
const passed = {
  h: { "X-A": "a", Connection: "keep-alive" },
  cq: true,
  rp: "/new",
  sp: { dl: 1.5, ul: 2, gk: "g" },
};
const refuse = (prox?: ProxChanges): Answer => ({ kind: "refuse", reason: "no", ...(prox && { prox }) });
const standing = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };

describe("an answer to prox", () => {
  it.each<[string, HookName, Answer, unknown]>([
    ["of what passes is yes", "on_request", { kind: "allow" }, { ok: true }],
    [
      "of what passes has its changes",
      "on_request",
      { kind: "allow", prox: passing },
      { ok: true, ...passed },
    ],
    [
      "leaves out what changes nothing",
      "on_request",
      { kind: "allow", prox: { cleanQuery: false, speed: { upload: 1 } } },
      { ok: true, cq: false, sp: { ul: 1 } },
    ],
    [
      "of a refusal is 403 with the reason",
      "on_request",
      refuse(),
      { ok: false, s: 403, b: new Uint8Array([110, 111]), h: standing },
    ],
    [
      "of a refusal is what the rule says, in place of that",
      "on_request",
      refuse({ status: 404, body: "a", headers: { "Cache-Control": "max-age=9", "X-B": "b" } }),
      {
        ok: false,
        s: 404,
        b: new Uint8Array([97]),
        h: { ...standing, "Cache-Control": "max-age=9", "X-B": "b" },
      },
    ],
    [
      "of a refusal never has headers for the upstream",
      "on_request",
      refuse({ ...passing, drop: true }),
      { ok: false, dr: true },
    ],
    [
      "that falls back takes the request's changes along",
      "on_request",
      refuse({ ...passing, fallback: true }),
      { ok: false, fb: true, ...passed },
    ],
    ["of a connection is yes or no", "on_connect", refuse({ status: 404 }), { ok: false }],
    ["of a connection that passes is yes", "on_connect", { kind: "allow", prox: passing }, { ok: true }],
    ["leaves a response as it was", "on_response", { kind: "allow" }, { s: 0 }],
    [
      "changes a response",
      "on_response",
      { kind: "allow", prox: { status: 404, headers: { A: "1" }, remove: ["B"] } },
      { s: 404, h: { A: "1" }, rm: ["B"] },
    ],
    ["to the end of a request is none", "on_disconnect", refuse({ status: 404 }), null],
  ])("%s", (_what, hook, answer, is) => {
    expect(answered(hook, answer)).toEqual(is);
  });

  it("makes a request for a web socket one for a page, where a rule takes none", () => {
    const came = { Connection: "Upgrade", Upgrade: "websocket" };
    const connectionWith = (prox: ProxChanges): unknown => {
      const answer = decode(answerTo("on_request", { kind: "allow", prox }, came)!);
      return (answer as { h?: { Connection?: string } }).h?.Connection;
    };
    expect(connectionWith({ webSocket: false })).toBe("keep-alive");
    expect(connectionWith({ webSocket: false, requestHeaders: { A: "b" } })).toBe("keep-alive");
    expect(connectionWith({ webSocket: true, requestHeaders: { A: "b" } })).toBe("Upgrade");
    expect(connectionWith({ webSocket: true })).toBe(undefined);
  });

  it.each<[Record<string, string>, string]>([
    [{}, "keep-alive"],
    [{ Connection: "X-A, close" }, "keep-alive"],
    [{ Connection: "keep-alive, upgrade, X-A", Upgrade: "websocket" }, "Upgrade"],
    [{ Connection: "X-A", Upgrade: "websocket" }, "keep-alive"],
    [{ Connection: "Upgrade" }, "keep-alive"],
  ])("of a request with %j leaves no Connection that would take its headers away", (came, connection) => {
    const bytes = answerTo("on_request", { kind: "allow", prox: { requestHeaders: { "X-A": "a" } } }, came);
    expect(decode(bytes!)).toEqual({ ok: true, h: { "X-A": "a", Connection: connection } });
  });
});
