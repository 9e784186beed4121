import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientId } from "../../src/events/ids.ts";
import { parseRule, type ReadableRule } from "../../src/policy/rule.ts";
import { shownKey } from "../../src/policy/rule-key.ts";
import { redactedValue } from "../../src/policy/rule-value.ts";

function readable(key: string, value: string): ReadableRule {
  const rule = parseRule(key, value);
  if (!rule.readable) throw new Error(`${key} cannot be read: ${rule.problem}`);
  return rule;
}

function problem(key: string, value: string): string {
  const rule = parseRule(key, value);
  return rule.readable ? "none" : rule.problem;
}

describe("a key in logs and events", () => {
  it("never shows a run id that stands where a client id belongs", () => {
    expect(shownKey("client:b23d3b0e534b0222")).toBe(`client:${clientId("b23d3b0e534b0222")}`);
    expect(shownKey("client:c_00112233445566aa")).toBe("client:c_00112233445566aa");
    expect(shownKey("user:client:x")).toBe("user:client:x");
    for (const scope of ["Client", "cleint", "clients"])
      expect(shownKey(`${scope}:b23d3b0e534b0222`)).toBe(`${scope}:${clientId("b23d3b0e534b0222")}`);
    expect(shownKey("usr:alice")).toBe("usr:alice");
  });
});

describe("a key", () => {
  it.each([
    ["default", "default", ""],
    ["op:NewProxy", "op", "NewProxy"],
    ["op:NewHTTPRequest", "op", "NewHTTPRequest"],
    ["node:edge-1", "node", "edge-1"],
    ["user:alice", "user", "alice"],
    ["user:", "user", ""],
    ["user:a:b:c", "user", "a:b:c"],
    ["client:c_00112233445566aa", "client", "c_00112233445566aa"],
    ["proxy:alice.web:v2", "proxy", "alice.web:v2"],
    ["route:web:0", "route", "web:0"],
    ["ip:10.1.2.3", "ip", "10.1.2.3"],
    ["ip:10.1.2.3/32", "ip", "10.1.2.3"],
    ["ip:10.1.2.3/8", "ip", "10.0.0.0/8"],
    ["ip:::1", "ip", "::1"],
    ["ip:2001:DB8::1/32", "ip", "2001:db8::/32"],
    ["ip:::ffff:10.1.2.3", "ip", "10.1.2.3"],
    ["domain:A.Example.com.", "domain", "a.example.com"],
    ["domain:*.bücher.example", "domain", "*.xn--bcher-kva.example"],
    ["domain:*", "domain", "*"],
  ])("%s covers %s %s", (text, scope, id) => {
    expect(readable(text, "deny").key).toEqual({ text, scope, id });
  });

  it.each([
    ["usr:alice", "no scope has this name, did you mean user?"],
    ["", "no scope has this name"],
    ["user", "the key lacks an id: user:<id>"],
    ["Default", "no scope has this name, did you mean default?"],
    ["default:", "default takes no id and no colon"],
    ["node:", "the id of a node is never empty"],
    ["route:", "the id of a route is never empty"],
    ["rote:web:0", "no scope has this name, did you mean route?"],
    ["proxy:", "the id of a proxy is never empty"],
    ["op:", "not an op"],
    ["op:newproxy", "not an op, did you mean NewProxy?"],
    [
      "client:b23d3b0e534b0222",
      "a client id is c_ and 16 lower-case hex digits; shown here is the one that a run id would have",
    ],
    [
      "client:c_00112233445566AA",
      "a client id is c_ and 16 lower-case hex digits; shown here is the one that a run id would have",
    ],
    ["ip:10.0.0.256", "not an address and not a CIDR"],
    ["ip:10.0.0.0/33", "not an address and not a CIDR"],
    ["ip:10.0.0", "not an address and not a CIDR"],
    ["ip:", "not an address and not a CIDR"],
    ["domain:a..b", "not a domain and not a wildcard such as *.example.com"],
    ["domain:a.*.com", "not a domain and not a wildcard such as *.example.com"],
    ["domain:", "not a domain and not a wildcard such as *.example.com"],
    ["__proto__:x", "no scope has this name"],
  ])("%j covers nothing, and says why", (text, why) => {
    const rule = parseRule(text, "deny");
    expect(rule).toMatchObject({
      readable: false,
      key: { text, scope: null, id: text },
      value: "deny",
      problem: why,
    });
  });

  it("that is not UTF-8 refuses what it seems to cover", () => {
    const rule = parseRule("user:al\ufffdce", "allow");
    expect(rule).toMatchObject({
      readable: false,
      key: { scope: "user" },
      problem: "the key is not valid UTF-8",
    });
  });
});

describe("a value", () => {
  it.each([
    ["allow", "allow", null],
    ["deny", "deny", null],
    ["deny moved away", "deny", "moved away"],
    ["deny\tmoved\naway", "deny", "moved away"],
    [" allow\r\n", "allow", null],
    ["deny moved away\n", "deny", "moved away"],
    ['\n{"effect":"deny","reason":"moved away"}\n', "deny", "moved away"],
    ['{"effect":"deny","reason":"  "}', "deny", null],
  ])("%j reads as %s", (value, effect, reason) => {
    expect(readable("user:alice", value).terms).toMatchObject({ effect, reason });
  });

  it("in JSON gives every field", () => {
    const value =
      '{"effect":"require","ops":["Login","NewThing"],"notBefore":"2026-01-01T00:00:00Z",' +
      '"expiresAt":"2027-01-01T00:00:00.5+02:00","enforce":false,"by":"ann","note":"pilot"}';
    expect(readable("user:alice", value).terms).toEqual({
      effect: "require",
      reason: null,
      ops: new Set(["Login", "NewThing"]),
      notBeforeMs: Date.UTC(2026, 0, 1),
      expiresAtMs: Date.UTC(2026, 11, 31, 22, 0, 0, 500),
      enforce: false,
      by: "ann",
      note: "pilot",
      conditions: [],
      groups: [],
      set: null,
      prox: null,
    });
  });

  it.each([
    ["user:alice", "allow"],
    ["client:c_00112233445566aa", "allow"],
    ["proxy:alice.ssh", "allow"],
    ["op:Login", "require"],
    ["node:edge-1", "require"],
    ["ip:10.0.0.1", "require"],
    ["domain:a.example.com", "require"],
  ])("in JSON without an effect is for %s: %s", (key, effect) => {
    expect(readable(key, '{"note":"x"}').terms.effect).toBe(effect);
  });

  it.each([
    ["", "the value is empty"],
    [" \n", "the value is empty"],
    ["alow", "the value is neither allow, nor deny with or without a reason, nor a JSON object"],
    ["ALLOW", "the value is neither allow, nor deny with or without a reason, nor a JSON object"],
    ["allow all", "the value is neither allow, nor deny with or without a reason, nor a JSON object"],
    ["denyall", "the value is neither allow, nor deny with or without a reason, nor a JSON object"],
    ['"allow"', "the value is neither allow, nor deny with or without a reason, nor a JSON object"],
    ['["allow"]', "the value is neither allow, nor deny with or without a reason, nor a JSON object"],
    ["allow\ufffd", "the value is not valid UTF-8"],
    ['{"effect":"allow"', "the value begins like a JSON object but is none"],
    ['{"effect":"allow"} {}', "the value begins like a JSON object but is none"],
    ['{"efect":"allow"}', "unknown key efect, did you mean effect?"],
    ['{"effect":"allow","expires":"2027-01-01T00:00:00Z"}', "unknown key expires, did you mean expiresAt?"],
    ['{"effect":"allow","visitors":[]}', "unknown key visitors"],
    ['{"effect":"allow","__proto__":{"effect":"deny"}}', "unknown key __proto__"],
    ['{"effect":"allow","constructor":1}', "unknown key constructor"],
    ['{"effect":"allow","":1}', "unknown key (a key without a name)"],
    ['{"effect":"alow"}', "effect must be allow, deny or require"],
    ['{"effect":null}', "effect must be allow, deny or require"],
    ['{"effect":"deny","reason":5}', "reason must be a text"],
    ['{"ops":[]}', "ops must not be empty"],
    ['{"ops":"Login"}', "ops must be a list of ops"],
    ['{"ops":[1]}', "ops must be names of ops"],
    ['{"ops":[""]}', "ops must be names of ops"],
    ['{"ops":["login"]}', "ops has a name that is no op, did you mean Login?"],
    ['{"enforce":"false"}', "enforce must be true or false"],
    ['{"note":{}}', "note must be a text"],
    ['{"limits":5}', "limits must be an object of loginsPerMinute, connections, connectionsPerMinute"],
    ['{"limits":{}}', "limits must not be empty"],
    ['{"limits":{"conections":5}}', "limits takes no conections, did you mean connections?"],
    ['{"limits":{"connections":"5"}}', "limits.connections must be a whole number"],
    ['{"limits":{"connections":1.5}}', "limits.connections must be a whole number"],
    ['{"limits":{"connectionsPerMinute":-1}}', "limits.connectionsPerMinute must not be negative"],
    [
      '{"effect":"deny","limits":{"connections":5}}',
      "a deny takes no limits: an allow or a require with it refuses what does not meet it",
    ],
    [
      '{"notBefore":"2027-01-01T00:00:00Z","expiresAt":"2027-01-01T00:00:00Z"}',
      "expiresAt is not after notBefore",
    ],
  ])("%j cannot be read, and says why", (value, why) => {
    expect(problem("user:alice", value)).toBe(why);
  });

  it.each([
    "2027-01-01",
    "2027-01-01T00:00:00",
    "2027-01-01 00:00:00Z",
    "2027-02-29T00:00:00Z",
    "2027-01-01T24:00:00Z",
    "2027-01-01T00:00:60Z",
    "2027-01-01T00:00:00+0200",
    "1798761600",
    "tomorrow",
    "",
    1798761600,
    null,
  ])("with the time %j cannot be read", (time) => {
    const why = "must be an ISO 8601 time with a zone, such as 2027-01-01T00:00:00Z";
    expect(problem("user:alice", JSON.stringify({ expiresAt: time }))).toBe(`expiresAt ${why}`);
    expect(problem("user:alice", JSON.stringify({ notBefore: time }))).toBe(`notBefore ${why}`);
  });

  it.each(["op:NewUserConn", "node:edge-1", "client:c_00112233445566aa", "domain:a.example.com"])(
    "of %s takes no limits, since there is nobody to count",
    (key) => {
      expect(problem(key, '{"effect":"allow","limits":{"connections":5}}')).toBe(
        "limits count per user, proxy or address: they stand on a user, group, proxy or ip rule",
      );
    },
  );

  it("of the default says allow or deny", () => {
    const why = "default takes the effect allow or deny, and it must be said";
    expect(problem("default", '{"effect":"require"}')).toBe(why);
    expect(problem("default", '{"note":"x"}')).toBe(why);
    expect(readable("default", '{"effect":"deny","reason":"closed"}').terms.reason).toBe("closed");
  });

  it("of a megabyte cannot be read, nor one nested as deep as it may be long", () => {
    expect(problem("user:alice", "a".repeat(1_000_000))).toBe("the value is longer than 65536 characters");
    const deep = `{"note":${"[".repeat(32_000)}${"]".repeat(32_000)}}`;
    expect(problem("user:alice", deep)).toBe("note must be a text");
  });

  it("tells a reason without control characters and of bounded length", () => {
    const { reason } = readable("user:alice", `deny a\u0000\u001b[31mb\u202ec ${"x".repeat(2000)}`).terms;
    expect(reason).toMatch(/^a \[31mb c x+$/);
    expect(reason).toHaveLength(512);
    expect(readable("user:alice", `deny ${"x".repeat(511)}😀`).terms.reason?.isWellFormed()).toBe(true);
  });

  it("shares its terms with rules of its scope that say the same, and only with those", () => {
    const said = `{"limits":{"connections":50},"tokens":["sha256:${"0".repeat(64)}"]}`;
    expect(readable("user:a", said).terms).toBe(readable("user:b", said).terms);
    expect(readable("ip:::1", said).terms.effect).toBe("require");
    expect(readable("user:c", said.replace("50", "51")).terms).not.toBe(readable("user:b", said).terms);
  });

  it("is read alike while it is known and when thousands of others were read since", () => {
    const said = '{"ops":["Login"],"note":"x"}';
    const first = readable("user:a", said).terms;
    for (let n = 0; n < 5000; n++) readable("user:a", `deny ${n}`);
    expect(readable("user:b", said).terms).toEqual(first);
  });

  it("shares its terms with every other plain allow or deny", () => {
    expect(readable("user:a", "allow").terms).toBe(readable("ip:::1", " allow\n").terms);
    expect(readable("user:a", "deny").terms).toBe(readable("default", "deny").terms);
  });

  it("that cannot be read puts nothing of itself but the names of its JSON keys into the problem", () => {
    const secret = "hunter2hunter2";
    const anySecret = fc.constantFrom<unknown>(secret, [secret], [[secret]], [{ a: secret }], {
      a: [secret],
    });
    const fieldNames = "effect reason ops notBefore enforce by x tokens clientFrom visitorFrom groups".split(
      " ",
    );
    const partNames =
      "zone windows names types max requireEncryption ports domains subdomains connections Login x".split(
        " ",
      );
    const proxNames =
      "status body headers remove drop fallback requestHeaders cleanQuery webSocket rewritePath speed".split(
        " ",
      );
    const values = fc.oneof(
      fc.string().map((text) => secret + text),
      fc.string().map((text) => `{"note":"${secret}${text}`),
      fc
        .constantFrom(...fieldNames)
        .chain((name) => anySecret.map((field) => JSON.stringify({ [name]: field }))),
      fc
        .tuple(fc.constantFrom("hours", "proxies", "limits", "set"), fc.constantFrom(...partNames), anySecret)
        .map(([name, part, field]) => JSON.stringify({ [name]: { [part]: field } })),
      anySecret.map((field) =>
        JSON.stringify({ set: { NewProxy: { http_pwd: field, remote_port: field } } }),
      ),
      fc
        .tuple(fc.constantFrom("on_request", "on_response"), fc.constantFrom(...proxNames), anySecret)
        .map(([hook, name, field]) => JSON.stringify({ prox: { [hook]: { [name]: field } } })),
    );
    for (const key of ["user:alice", "route:web:0"])
      fc.assert(fc.property(values, (value) => !problem(key, value).includes(secret)));
  });
});

describe("a published value", () => {
  it.each([
    ["allow", "allow"],
    [" deny\n", "deny"],
    ["deny moved away", "deny moved away"],
    ["deny a\u0007b", "deny a b"],
    ["", ""],
    ["hunter2", "***"],
    ["{hunter2", "***"],
    ['["hunter2"]', "***"],
    [
      '{"effect":"allow","ops":["Login"],"note":"pilot"}',
      '{"effect":"allow","ops":["Login"],"note":"pilot"}',
    ],
    ['{"tokens":["sha256:00"],"by":"ann"}', '{"tokens":"***","by":"ann"}'],
    ['{"password":"hunter2","noote":"hunter2"}', '{"password":"***","noote":"***"}'],
    ['{"effect":"hunter2","note":{"secret":"hunter2"}}', '{"effect":"***","note":"***"}'],
    ['{"__proto__":"hunter2"}', '{"__proto__":"***"}'],
  ])("of %j is %j", (value, published) => {
    expect(redactedValue(value)).toBe(published);
  });
});
