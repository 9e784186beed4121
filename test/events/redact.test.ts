import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientId } from "../../src/events/ids.ts";
import { redactor } from "../../src/events/redact.ts";
import { parseJson } from "../../src/exact-json.ts";
import { secretsOf } from "../fixtures.ts";

const mask = redactor("mask");
const fixtures = new URL("../fixtures/frp/", import.meta.url);

describe("redaction", () => {
  it("hides the table's fields, at any depth, and leaves the rest", () => {
    const content = {
      user: { user: "alice", metas: { token: "t", team: "blue", empty: "" }, run_id: "abc" },
      proxy_name: "alice.ssh",
      privilege_key: "k",
      client_spec: { always_auth_pass: true },
      headers: { Authorization: "Bearer x", "x-from": "frp", "X-Api-Key": "y" },
      response_headers: { "Set-Cookie": "z" },
      custom_domains: ["a.example.com"],
      extra: [{ my_password: 7, shown: 8 }],
    };
    expect(JSON.parse(JSON.stringify(mask(content)))).toEqual({
      user: { user: "alice", metas: { token: "***", team: "***", empty: "" }, run_id: clientId("abc") },
      proxy_name: "alice.ssh",
      privilege_key: "***",
      client_spec: { always_auth_pass: true },
      headers: { Authorization: "***", "x-from": "frp", "X-Api-Key": "***" },
      response_headers: { "Set-Cookie": "***" },
      custom_domains: ["a.example.com"],
      extra: [{ my_password: "***", shown: 8 }],
    });
  });

  it("hides all within a field of a secret name, whatever its shape", () => {
    const out = JSON.stringify(
      mask({
        tokens: [{ value: "deep-secret", more: ["deep-secret"] }, "deep-secret", 42],
        auth: { a: { b: "deep-secret" } },
      }),
    );
    expect(out).not.toMatch(/deep-secret|42/);
  });

  it("knows the table's fields and run ids by any spelling", () => {
    const out = mask({ SK: "a", Metas: { x: "b" }, runId: "r", "visitor_run-id": "r", constructor: "c" });
    expect(out).toEqual({
      SK: "***",
      Metas: { x: "***" },
      runId: clientId("r"),
      "visitor_run-id": clientId("r"),
      constructor: "c",
    });
  });

  it("takes what stands deeper in a secret as one value, so that a large one costs one hash", () => {
    const hmac = redactor("hmac", "k".repeat(16));
    const out = hmac({
      metas: { many: Array(1000).fill(1), deep: JSON.parse(`${"[".repeat(9000)}${"]".repeat(9000)}`) },
    });
    expect(out).toEqual({
      metas: { many: expect.stringMatching(/^hmac:/), deep: expect.stringMatching(/^hmac:/) },
    });
  });

  it("by keyed hash gives the same text for the same value and key, and never the value", () => {
    const [a, b, other] = [
      redactor("hmac", "k".repeat(16)),
      redactor("hmac", "k".repeat(16)),
      redactor("hmac", "z".repeat(16)),
    ];
    expect(a({ sk: "s" })).toEqual(b({ sk: "s" }));
    expect(a({ sk: "s" })).not.toEqual(other({ sk: "s" }));
    expect(String(a({ sk: "s" }).sk)).toMatch(/^hmac:[0-9a-f]{32}$/);
  });

  it("switched off leaves what came, but for the run id, which is a credential", () => {
    const out = redactor("off")({ sk: "s", run_id: "r", metas: { inner: { run_id: "r" } } });
    expect(out).toEqual({ sk: "s", run_id: clientId("r"), metas: { inner: { run_id: clientId("r") } } });
  });

  it("keeps a field named __proto__ a field like any other", () => {
    const content = JSON.parse('{"__proto__":{"token":"t","polluted":1}}');
    expect(JSON.stringify(mask(content))).toBe('{"__proto__":{"token":"***","polluted":1}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("survives any depth", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5000)}"end"${"}".repeat(5000)}`);
    expect(JSON.stringify(mask(deep))).toContain("[too deep]");
  });

  it("keeps numbers beyond 2^53 to the digit", () => {
    const content = parseJson('{"traffic_in":9223372036854775807}') as Record<string, unknown>;
    expect(JSON.stringify(mask(content))).toBe('{"traffic_in":9223372036854775807}');
  });

  it("changes no value of a plain name, whatever the content", () => {
    const plain = fc.dictionary(
      fc.constantFrom("a", "b", "proxy_name", "remote_port", "custom_domains"),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(plain, (content) => {
        const names = JSON.stringify(content).match(
          /pass|pwd|secret|token|key|auth|cookie|credential|metas|sk|run_id|http_|"q"|link|refresh|location|referer|ur[il]"/i,
        );
        fc.pre(names === null);
        expect(JSON.parse(JSON.stringify(mask(content)))).toEqual(JSON.parse(JSON.stringify(content)));
      }),
    );
  });

  it.each(readdirSync(fixtures).filter((name) => !name.startsWith("session")))(
    "leaves no secret of %s",
    (name) => {
      const { body } = JSON.parse(readFileSync(new URL(name, fixtures), "utf8"));
      const out = JSON.stringify(mask(body.content));
      for (const secret of secretsOf(body.content)) expect(out).not.toContain(secret);
    },
  );
});

it("tells of each secret that was hidden, and of nothing else", () => {
  let hidden = 0;
  const redact = redactor("mask", undefined, () => hidden++);
  redact({ user: "alice", privilege_key: "k", metas: { token: "t", other: "o", empty: "" }, run_id: "r" });
  expect(hidden).toBe(3);
  redactor("off", undefined, () => hidden++)({ privilege_key: "k" });
  expect(hidden).toBe(3);
});
