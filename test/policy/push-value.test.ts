/** Keys and values of what prox is told. */
import { describe, expect, it } from "vitest";
import { mostPushBytes, placeOf } from "../../src/policy/push-value.ts";
import { parseRule } from "../../src/policy/rule.ts";
import { shownValue } from "../../src/policy/shown-value.ts";

const pushOf = (key: string, value: unknown): unknown => {
  const rule = parseRule(key, typeof value === "string" ? value : JSON.stringify(value));
  return rule.readable ? rule.terms.push : rule.problem;
};

describe("what prox is told", () => {
  it.each<[key: string, value: unknown, push: object]>([
    ["prox:targets:web:0", ["10.0.0.5:8080"], { route_id: "web:0", targets: ["10.0.0.5:8080"] }],
    [
      "prox:targets:*",
      { targets: ["a.test", "[::1]:80"], by: "olga" },
      { route_id: "*", targets: ["a.test", "[::1]:80"] },
    ],
    ["prox:targets:blue", { groups: { b: ["x:1"] } }, { action: "blue", groups: { b: ["x:1"] } }],
    ["prox:targets:_inline_web_0", ["x:1"], { action: "_inline_web_0", targets: ["x:1"] }],
    ["prox:speed:a:b:12", { downloadMbps: 0.5 }, { route_id: "a:b:12", download_mbps: 0.5, upload_mbps: 0 }],
    ["prox:speed:*", { uploadMbps: 8, note: "x" }, { route_id: "*", download_mbps: 0, upload_mbps: 8 }],
    [
      "prox:speed:blue",
      ' {"downloadMbps":1,"uploadMbps":2,"groupKey":"g"}\n',
      { action: "blue", download_mbps: 1, upload_mbps: 2, group_key: "g" },
    ],
  ])("%s %j is %j", (key, value, params) => {
    const method = key.startsWith("prox:targets:") ? "set_targets" : "set_speed";
    expect(pushOf(key, value)).toEqual({ method, params });
  });

  it.each<[key: string, value: unknown, problem: string]>([
    ["prox:targets:web:0", "allow", "the value is not a JSON list of targets"],
    ["prox:targets:web:0", "", "the value is not a JSON list"],
    ["prox:targets:web:0", "null", "the value is not a JSON list"],
    ["prox:targets:web:0", [], "targets must not be empty"],
    ["prox:targets:web:0", {}, "the value must have either targets or groups"],
    ["prox:targets:web:0", { targets: ["a:1"], groups: { b: ["a:1"] } }, "the value must have either"],
    ["prox:targets:web:0", { target: ["a:1"] }, "unknown key target, did you mean targets?"],
    ["prox:targets:web:0", { groups: {} }, "groups must not be empty"],
    ["prox:targets:web:0", { groups: { b: [] } }, "groups.b must not be empty"],
    ["prox:targets:web:0", { groups: ["a:1"] }, "groups must be an object"],
    ["prox:targets:web:0", '{"groups":{"a":["b:1"],"__proto__":[{}]}}', "groups takes no __proto__"],
    ["prox:targets:web:0", ["a:1", "a:1"], "targets must not name a target twice"],
    ["prox:targets:web:0", [1], "targets must be a list of targets"],
    ...["", "a b", "http://a:1", "a:0", "a:65536", "a:", "::1", "-a", "a/b", "u@a"].map(
      (target): [string, unknown, string] => ["prox:targets:web:0", [target], "targets must be hosts"],
    ),
    ["prox:targets:web:0", ["\ufffd"], "not valid UTF-8"],
    ["prox:speed:web:0", "20", "the value is not a JSON object"],
    ["prox:speed:web:0", [20], "the value is not a JSON object"],
    ["prox:speed:web:0", {}, "the value must have downloadMbps, uploadMbps"],
    ["prox:speed:web:0", { download: 1 }, "unknown key download, did you mean downloadMbps?"],
    ["prox:speed:web:0", { download_mbps: 1 }, "unknown key download_mbps, did you mean downloadMbps?"],
    ["prox:speed:web:0", { downloadMbps: "1" }, "downloadMbps must be a number"],
    ["prox:speed:web:0", { downloadMbps: -1 }, "downloadMbps must be 0"],
    ["prox:speed:web:0", { downloadMbps: 0.000001 }, "downloadMbps must be 0"],
    ["prox:speed:web:0", { uploadMbps: 1e9 }, "uploadMbps must be 0"],
    ["prox:speed:web:0", { uploadMbps: 1, groupKey: "" }, "groupKey must not be empty"],
    ["prox:web:0", ["a:1"], "what prox is told is prox:targets:<route> or prox:speed:<route>"],
    ["prox:targets:", ["a:1"], "what prox is told is"],
    ["prox:targets:\ufffd", ["a:1"], "the key is not valid UTF-8"],
    ["policy:prox:targets:web:0", ["a:1"], "no scope has this name"],
  ])("%s %j is unreadable: %s", (key, value, problem) => {
    expect(pushOf(key, value)).toContain(problem);
  });

  it("quotes nothing of a value that can't be read", () => {
    const secret = ["s3cret/1"];
    expect(pushOf("prox:targets:web:0", secret)).not.toContain("s3cret");
    expect(shownValue("prox:targets:web:0", JSON.stringify(secret))).not.toContain("s3cret");
    expect(shownValue("prox:targets:web:0", JSON.stringify({ targets: secret }))).not.toContain("s3cret");
    expect(shownValue("prox:targets:web:0", '["a:1"]')).toBe('["a:1"]');
    const twice = '{"note":{"a":"s3cret"},"targets":["a:1"],"note":"b"}';
    expect(pushOf("prox:targets:web:0", twice)).toHaveProperty("params.targets", ["a:1"]);
    expect(shownValue("prox:targets:web:0", twice)).not.toContain("s3cret");
  });

  it.each([{ name: "web:0" }, { name: `\u00e4"${"x".repeat(300)}` }])(
    "of an id of $name.length characters fits into a line that prox can read, and no more is taken",
    ({ name }) => {
      const made = (count: number): unknown =>
        pushOf(
          `prox:targets:${name}`,
          Array.from({ length: count }, (_, n) => `host-${n}.example.test:80`),
        );
      let [taken, refused] = [1, 10_000];
      while (refused - taken > 1) {
        const between = Math.floor((taken + refused) / 2);
        if (typeof made(between) === "object") taken = between;
        else refused = between;
      }
      const bytes = Buffer.byteLength(`${JSON.stringify(made(taken))}\n`);
      expect(bytes).toBeLessThanOrEqual(mostPushBytes);
      expect(bytes).toBeGreaterThan(mostPushBytes - 40);
      expect(made(refused)).toMatch(/a line of \d+ bytes, and prox reads no more than 61440/);
    },
  );

  it.each([
    ["targets:*", "all", "*"],
    ["targets:web:0", "route", "web:0"],
    ["speed:web:", "action", "web:"],
    ["speed:web:x0", "action", "web:x0"],
    ["speed:web", "action", "web"],
  ])("%s reaches %s %s", (id, reach, name) => {
    expect(placeOf(id)).toEqual({ kind: id.split(":")[0], reach, name });
  });
});
