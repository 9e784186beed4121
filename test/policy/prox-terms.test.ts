/** What `prox` of a rule takes, and what it says of what it does not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ProxChanges } from "../../src/op.ts";
import { mergedChanges } from "../../src/policy/prox-terms.ts";
import { parseRule } from "../../src/policy/rule.ts";
import { redactedValue } from "../../src/policy/rule-value.ts";

const deny = { effect: "deny" };
const hours = { hours: { zone: "UTC", windows: ["mon 08:00-09:00"] } };

function read(key: string, rule: object): object | string {
  const parsed = parseRule(key, JSON.stringify(rule));
  return parsed.readable ? parsed.terms.prox! : parsed.problem;
}
const request = (fields: object, rule: object = {}, key = "route:web:0"): object | string =>
  read(key, { ...rule, prox: { on_request: fields } });
const response = (fields: object, rule: object = {}): object | string =>
  read("route:web:0", { ...rule, prox: { on_response: fields } });

describe("what a rule says of prox", () => {
  it("is taken to pieces: how it refuses, what it changes, and of the response", () => {
    const rule = {
      ...hours,
      prox: {
        on_request: {
          status: 404,
          body: "gone\n",
          headers: { "retry-after": "5" },
          requestHeaders: { "x-tenant": "a" },
          cleanQuery: true,
          rewritePath: "/new path/é",
          speed: { download: 1.5, group: "g" },
        },
        on_response: { status: 599, headers: { "x-a": "" }, remove: ["sERVER"] },
      },
    };
    expect(read("domain:a.test", rule)).toEqual({
      refusal: { status: 404, body: "gone\n", headers: { "Retry-After": "5" } },
      passing: {
        requestHeaders: { "X-Tenant": "a" },
        cleanQuery: true,
        rewritePath: "/new path/é",
        speed: { download: 1.5, group: "g" },
      },
      response: { status: 599, headers: { "X-A": "" }, remove: ["Server"] },
    });
  });

  it.each(["ip:10.0.0.0/8", "domain:*", "route:a", "node:n", "op:on_request", "ban:10.0.0.1", "default"])(
    "stands on %s",
    (key) => {
      expect(request({ drop: true }, deny, key)).toEqual({
        refusal: { drop: true },
        passing: null,
        response: null,
      });
    },
  );

  it.each<[object | string, string]>([
    [read("route:a", { prox: 1 }), "prox must be an object of on_request, on_response"],
    [read("route:a", { prox: {} }), "prox must not be empty"],
    [read("route:a", { prox: { on_reqest: {} } }), "prox takes no on_reqest, did you mean on_request?"],
    [
      read("route:a", { prox: { on_connect: {} } }),
      "prox takes no on_connect: of a connection prox takes only yes or no",
    ],
    [
      read("route:a", { prox: { status: 503 } }),
      "prox takes no status: it stands in prox.on_request or prox.on_response",
    ],
    [read("route:a", { drop: true }), "unknown key drop: it stands in prox.on_request"],
    [request({}), "prox.on_request must not be empty"],
    [request({ stats: 1 }), "prox.on_request takes no stats, did you mean status?"],
    [response({ body: "x" }), "prox.on_response takes no body"],
    ...[199, 600, 200.5, "404", 101].map((status): [object | string, string] => [
      request({ status }, deny),
      "prox.on_request.status must be a status from 200 to 599",
    ]),
    [response({ status: 204 }), "prox.on_response.status must be one that has a body"],
    [request({ body: "x".repeat(32_769) }, deny), "prox.on_request.body must not be longer than 32768"],
    [request({ drop: false }, deny), "prox.on_request.drop must be true, or left out"],
    [request({ rewritePath: "a" }), "prox.on_request.rewritePath must begin with /"],
    ...["/a?b", "/a#b", "/a%20b", "/a\nb"].map((rewritePath): [object | string, string] => [
      request({ rewritePath }),
      "prox.on_request.rewritePath must be a path without query, and without escapes",
    ]),
    [request({ speed: { group: "g" } }), "prox.on_request.speed needs download or upload"],
    [request({ speed: { download: 0 } }), "prox.on_request.speed.download must be at least 0.001"],
    [request({ speed: { up: 1 } }), "prox.on_request.speed takes no up"],
    [request({ requestHeaders: { Host: "x" } }), "prox.on_request.requestHeaders takes no Host"],
    [
      request({ requestHeaders: { "x-forwarded-for": "x" } }),
      "takes no X-Forwarded-For, which prox sets itself",
    ],
    [request({ requestHeaders: { "a b": "x" } }), "prox.on_request.requestHeaders has a b, which is no name"],
    [request({ requestHeaders: { a: "x", A: "y" } }), "prox.on_request.requestHeaders has A twice"],
    [request({ requestHeaders: {} }), "prox.on_request.requestHeaders must be an object of headers"],
    [request({ requestHeaders: ["a"] }), "prox.on_request.requestHeaders must be an object of headers"],
    ...["a\r\nB: c", "a\nb", "a\0", "é"].map((value): [object | string, string] => [
      response({ headers: { A: value } }),
      "prox.on_response.headers has a value of A that is not up to 8192 printable ASCII characters",
    ]),
    [response({ headers: { A: 1 } }), "prox.on_response.headers has a value of A"],
    [response({ headers: { "content-length": "1" } }), "takes no Content-Length, which is about the body"],
    [
      response({ headers: { Connection: "close" } }),
      "takes no Connection, which is about one connection alone",
    ],
    [response({ remove: ["transfer-encoding"] }), "prox.on_response.remove takes no Transfer-Encoding"],
    [response({ remove: [] }), "prox.on_response.remove must be a list of names of headers"],
    [response({ remove: ["a", "A"] }), "prox.on_response.remove has an entry twice"],
    [
      request({ headers: { "content-type": "text/html" } }, deny),
      "since prox sends every refusal as text/plain",
    ],
  ])("%j is read with a hint", (problem, hint) => {
    expect(problem).toContain(hint);
  });

  it.each<[string, object | string, string]>([
    [
      "a user",
      request({ drop: true }, deny, "user:a"),
      "prox has no effect here: what prox asks names no user",
    ],
    [
      "a default that allows",
      request({ cleanQuery: true }, { effect: "allow" }, "default"),
      "prox stands on a default that denies",
    ],
    [
      "drop and fallback",
      request({ drop: true, fallback: true }, deny),
      "drop and fallback exclude each other",
    ],
    ["drop with a status", request({ drop: true, status: 404 }, deny), "status has no effect beside drop"],
    [
      "fallback with a body",
      request({ fallback: true, body: "x" }, deny),
      "body has no effect beside fallback",
    ],
    ["204 with a body", request({ status: 204, body: "x" }, deny), "a response of status 204 has none"],
    [
      "a deny that changes",
      request({ cleanQuery: true }, deny),
      "cleanQuery has no effect: a deny lets nothing pass",
    ],
    [
      "a deny with a response",
      response({ status: 404 }, deny),
      "on_response has no effect: a deny lets nothing pass",
    ],
    [
      "an allow that refuses nothing",
      request({ status: 404 }),
      "status has no effect: it is for refusals, and this rule refuses no request",
    ],
    [
      "conditions that prox asks nobody",
      request({ drop: true }, { tokens: [`sha256:${"0".repeat(64)}`] }, "node:n"),
      "this rule refuses no request",
    ],
    [
      "headers meant for the upstream",
      request({ headers: { A: "b" } }),
      "headers for the upstream are requestHeaders",
    ],
    [
      "the same on a rule that may refuse",
      request({ headers: { A: "b" } }, hours),
      "headers of a refusal need status or body beside them; headers for the upstream are requestHeaders",
    ],
    [
      "what is set and removed",
      response({ headers: { a: "b" }, remove: ["A"] }),
      "on_response.remove has A, which headers sets anew",
    ],
  ])("would do nothing with %s, and is refused with the reason", (_what, problem, hint) => {
    expect(problem).toContain(hint);
  });

  it.each(["tokens", "proxies", "clientFrom"])("takes no %s on a route, which frp never names", (name) => {
    const values = { tokens: [`sha256:${"0".repeat(64)}`], proxies: { max: 1 }, clientFrom: ["10.0.0.1"] };
    const problem = read("route:a", { [name]: values[name as keyof typeof values] });
    expect(problem).toMatch(name === "proxies" ? /proxies/ : `${name} is asked of frp, which names no route`);
  });

  it("tells of a header's line that stands for its name no more than the name", () => {
    const problem = request({ requestHeaders: { "Authorization: Bearer s3cret": "" } });
    expect(problem).toBe("prox.on_request.requestHeaders has Authorization, which is no name of a header");
  });

  it("is published without what headers of secret names hold", () => {
    const prox = { on_request: { requestHeaders: { Authorization: "s3cret", "X-Tenant": "a" } } };
    expect(redactedValue(JSON.stringify({ prox }))).toBe(
      '{"prox":{"on_request":{"requestHeaders":{"Authorization":"***","X-Tenant":"a"}}}}',
    );
  });
});

describe("changes of several rules", () => {
  const headers = fc.dictionary(fc.constantFrom("A", "B", "C"), fc.constantFrom("1", "2"), { maxKeys: 3 });
  const changes: fc.Arbitrary<ProxChanges> = fc.record(
    {
      status: fc.constantFrom(200, 404),
      headers,
      requestHeaders: headers,
      remove: fc.subarray(["A", "B", "C"], { minLength: 1 }),
      rewritePath: fc.constantFrom("/a", "/b"),
    },
    { requiredKeys: [] },
  );
  /** As prox applies them: what is removed goes first. */
  const applied = (before: Record<string, string>, { remove = [], headers: set = {} }: ProxChanges) => {
    const kept = Object.entries(before).filter(([name]) => !remove.includes(name));
    return { ...Object.fromEntries(kept), ...set };
  };

  it("come out as if the general one had been applied first, and the specific one after it", () => {
    fc.assert(
      fc.property(changes, changes, headers, (specific, general, before) => {
        const merged = mergedChanges(specific, general);
        expect(applied(before, merged)).toEqual(applied(applied(before, general), specific));
        expect(merged.requestHeaders ?? {}).toEqual({
          ...general.requestHeaders,
          ...specific.requestHeaders,
        });
        expect(merged.status).toBe(specific.status ?? general.status);
        expect(merged.rewritePath).toBe(specific.rewritePath ?? general.rewritePath);
      }),
    );
  });
});
