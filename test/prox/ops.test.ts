import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RedactMode, redactor } from "../../src/events/redact.ts";
import type { Op } from "../../src/op.ts";
import { proxCalls } from "../fixtures.ts";
import { nowMs } from "../policy/cases.ts";
import { asked } from "./asked.ts";

function recorded(file: string): Op {
  const { hook, payload } = proxCalls.find((call) => call.file === `${file}.json`)!;
  return asked(hook, payload);
}

const web = { route: "web:0", domain: "web.test", version: "HTTP/1.1", target: null, durationMs: null };
const visitor = { ip: "127.0.0.1", port: 33_320 };
const noFrp = { reqid: null, user: null, client: null, proxy: null, metas: null, clientInfo: null };

describe("an op of prox", () => {
  it("is on_connect, which can be refused", () => {
    expect(recorded("on_connect.l4-allowed")).toMatchObject({
      ...noFrp,
      protocol: "prox",
      node: "edge-1",
      name: "on_connect",
      known: true,
      refusable: true,
      remote: { ip: "127.0.0.1", port: 47_208 },
      traffic: null,
      prox: { route: "gw:0", domain: "n.l4.test", method: null, path: null, query: null, status: null },
      atMs: nowMs,
    });
  });

  it("is on_request, which can be refused", () => {
    expect(recorded("on_request.get-secrets")).toMatchObject({
      ...noFrp,
      name: "on_request",
      refusable: true,
      remote: visitor,
      prox: { ...web, method: "GET", path: "/hello", query: "x=1&token=q-secret", status: null },
    });
  });

  it("is on_response, with the status and all of its request", () => {
    expect(recorded("on_response.get")).toMatchObject({
      ...noFrp,
      name: "on_response",
      refusable: false,
      remote: visitor,
      prox: { ...web, method: "GET", path: "/hello", status: 200 },
    });
  });

  it("is on_disconnect, with the bytes and the duration of its request", () => {
    expect(recorded("on_disconnect.post-body")).toMatchObject({
      ...noFrp,
      name: "on_disconnect",
      refusable: false,
      remote: visitor,
      traffic: { in: 15, out: 7 },
      prox: { route: "web:0", domain: null, durationMs: 3 },
    });
  });

  it("of a hook that nobody knows is named for its type, holds what came, and can't be refused", () => {
    expect(asked(9, { r: "web:0", b: Buffer.from("x") })).toMatchObject({
      name: "hook_9",
      known: false,
      refusable: false,
      prox: null,
      content: { r: "web:0", b: { length: 1 } },
    });
    expect(asked(9, ["x"]).content).toEqual({ payload: ["x"] });
    expect(asked(9, Buffer.from("x")).content).toMatchObject({ payload: { length: 1 } });
  });

  it.each([
    ["Web.TEST.", "web.test"],
    ["web.test:8080", "web.test"],
    ["bücher.test", "xn--bcher-kva.test"],
    ["[::1]:8080", "[::1]"],
    ["", null],
    [undefined, null],
  ])("asks for the domain %s in its one form, %s", (d, domain) => {
    expect(asked("on_connect", { r: "gw:0", ...(d !== undefined && { d }) }).prox?.domain).toBe(domain);
  });

  it("has null for what did not come, and for a figure that is none", () => {
    expect(asked("on_disconnect", { rx: -1, tx: 2 ** 60, ms: -5 })).toMatchObject({
      remote: null,
      traffic: { in: null, out: null },
      prox: { route: null, durationMs: null },
    });
    expect(asked("on_response", {})).toMatchObject({ remote: null, prox: { route: null, status: null } });
    expect(asked("on_connect", { a: "@" }).remote).toEqual({ ip: null, port: null });
  });
});

describe("the content of an op of prox", () => {
  it("is what came, with length and hash in the place of a body", () => {
    const { payload } = proxCalls.find(({ file }) => file === "on_request.post-body.json")!;
    const body = payload.bd as Buffer;
    const sha256 = createHash("sha256").update(body).digest("hex");
    expect(recorded("on_request.post-body").content).toEqual({ ...payload, bd: { length: 15, sha256 } });
    expect(recorded("on_response.post-body").content).toMatchObject({
      req: { bd: { length: 15, sha256 } },
      resp: { s: 200 },
    });
  });

  it("shows no secret of a recorded call", () => {
    const shown = (file: string): string => JSON.stringify(redactor("mask")(recorded(file).content));
    for (const file of ["on_request.get-secrets", "on_response.get"]) {
      expect(JSON.stringify(recorded(file).content)).toContain("q-secret");
      expect(shown(file)).not.toMatch(/q-secret|header-secret|c-secret/);
      expect(shown(file)).toContain('"q":"x=***&token=***"');
      expect(shown(file)).toContain('"X-Many":"a"');
    }
    const response = { resp: { s: 200, h: { "Set-Cookie": "sid=s3cret", "Proxy-Authorization": "s3cret" } } };
    expect(JSON.stringify(redactor("mask")(asked("on_response", response).content))).not.toContain("s3cret");
  });

  it("never holds bytes, whatever field brings them and whatever is redacted", () => {
    const hidden = fc.tuple(fc.constantFrom("bd", "later", "h2", "__proto__"), fc.boolean(), fc.nat(3));
    const modes = fc.constantFrom<RedactMode>("mask", "off");
    fc.assert(
      fc.property(
        hidden,
        modes,
        fc.constantFrom(...(["on_request", "on_response", "on_disconnect", 9] as const)),
        ([name, nested, depth], mode, hook) => {
          const body = Buffer.from("s3cret-s3cret");
          let held: unknown = nested ? { [name]: [body] } : body;
          for (let n = 0; n < depth; n++) held = { inner: held };
          const { content } = asked(hook, { later: held });
          const json = JSON.stringify(redactor(mode)(content));
          expect(json).toContain(createHash("sha256").update(body).digest("hex"));
          expect(json).not.toMatch(/s3cret|115,51|"type":"Buffer"|czNjcmV0/);
        },
      ),
    );
  });
});
