import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { type Started, summaryRows, summaryText } from "../../src/cli/summary.ts";
import { loadSettings } from "../../src/config/load.ts";

const at = (address: string, port: number): AddressInfo => ({
  address,
  port,
  family: address.includes(":") ? "IPv6" : "IPv4",
});

const loaded = { rules: 2, unreadable: 0, available: true, connected: true };

function summaryOf(env: Record<string, string>, app: Partial<Started> = {}): Record<string, string> {
  const { settings } = loadSettings(null, env);
  const started: Started = {
    instance: "i_1",
    pluginPort: at("127.0.0.1", 9000),
    adminPort: at("127.0.0.1", 9001),
    policy: loaded,
    ...app,
  };
  return Object.fromEntries(summaryRows(settings, started));
}

const redis = { SLUICE_REDIS_URL: "redis://me:hunter2@redis:6379/2" };

describe("the summary", () => {
  it("of the embedded default names the policy file, the journal and a call to try", () => {
    expect(summaryOf({})).toMatchObject({
      answers: "http://127.0.0.1:9000/handler as node frps, /handler/<node> as others",
      admin: "http://127.0.0.1:9001/readyz, /healthz, /metrics, /v1/sessions, /v1/policy, /v1/explain",
      policy: `file ${process.cwd()}/policy.json, 2 rules`,
      default: "allow what no rule decides",
      Kafka: "none: events stay in the journal; read them with `sluice tail`",
      journal: `${process.cwd()}/data/journal (fsync), instance i_1`,
      "try it":
        'curl http://127.0.0.1:9000/handler -d \'{"version":"0.1.0","op":"Login","content":{"user":"alice"}}\'',
    });
  });

  it.each([
    [loaded, "Redis redis:6379/2, keys sluice:policy:* and sluice:ban:*, 2 rules"],
    [{ ...loaded, rules: 0 }, /, no rules$/],
    [{ ...loaded, connected: false }, /2 rules; NOT REACHED NOW, these are the rules last known$/],
    [
      { ...loaded, available: false, connected: false },
      /: NOT LOADED YET, everything is refused until it is$/,
    ],
    [{ ...loaded, unreadable: 1 }, /2 rules, 1 of them UNREADABLE: what they cover is refused/],
  ])("says how it stands with the policy: %j", (policy, text) => {
    expect(summaryOf(redis, { policy }).policy).toMatch(text);
  });

  it("holds no secret", () => {
    const all = summaryOf({ ...redis, SLUICE_HTTP_AUTH: "frps:hunter2", SLUICE_ADMIN_TOKEN: "hunter2" });
    expect(JSON.stringify(all)).not.toContain("hunter2");
    expect(all["try it"]).toMatch(/^curl -u user:password http/);
  });

  it("names the brokers, the default and observe mode", () => {
    const { Kafka, default: byDefault } = summaryOf({
      SLUICE_KAFKA_BROKERS: "a:9092,b:9092",
      SLUICE_POLICY_DEFAULT: "deny",
      SLUICE_POLICY_MODE: "observe",
    });
    expect(Kafka).toContain("a:9092, b:9092, topics sluice.*");
    expect(byDefault).toBe("deny what no rule decides; refusals are only recorded (policy.mode observe)");
  });

  it.each([
    ["0.0.0.0", "/handler", "http://127.0.0.1:9000/handler"],
    ["::", "/handler", "'http://[::1]:9000/handler'"],
    ["::1", "/a'b&c", `'http://[::1]:9000/a'\\''b&c'`],
    ["127.0.0.1", "/", "http://127.0.0.1:9000/"],
  ])("gives a call that a shell takes as it stands: %s %s", (address, path, word) => {
    const env = { SLUICE_HTTP_HOST: address, SLUICE_HTTP_PATH: path, SLUICE_HTTP_AUTH: "u:p" };
    const text = summaryOf(env, { pluginPort: at(address, 9000) })["try it"];
    expect(text).toContain(`curl -u user:password ${word} -d '`);
  });

  it("is a line for each", () => {
    expect(
      summaryText("1.2.3", [
        ["answers", "here"],
        ["try it", "this"],
      ]),
    ).toBe("sluice 1.2.3 answers\n  answers  here\n  try it   this\n");
  });
});
