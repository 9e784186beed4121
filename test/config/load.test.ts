import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type LoadOptions, loadSettings } from "../../src/config/load.ts";
import { settingRows } from "../../src/config/setting-rows.ts";
import { settingsTable, shownSettings } from "../../src/config/show.ts";
import { securityRemarks } from "../../src/config/tls-files.ts";
import { SluiceError } from "../../src/errors.ts";
import { topicNamed } from "../../src/events/topic-names.ts";
import { Authority } from "../hosts/certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileWith(text: string): string {
  const path = join(folder, `${++files}.toml`);
  writeFileSync(path, text);
  return path;
}

function problemsOf(file: string | null, env: Record<string, string>, options: LoadOptions = {}): string {
  try {
    loadSettings(file, env, options);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(SluiceError);
    expect((thrown as SluiceError).code).toBe("config_invalid");
    return (thrown as SluiceError).message;
  }
  throw new Error("the settings were taken");
}

const nothing = fileWith("");

describe("settings", () => {
  it("work without any file or variable", () => {
    const { settings } = loadSettings(nothing, {});
    expect(settings.http).toMatchObject({
      host: "127.0.0.1",
      port: 9000,
      path: "/handler",
      deadlineMs: 2000,
    });
    expect(settings.journal).toMatchObject({ sync: "fsync", segmentBytes: 67_108_864, onFailure: "answer" });
    expect(settings.kafka.brokers).toEqual([]);
    expect(Object.isFrozen(settings.http)).toBe(true);
  });

  it("come from the file, and the environment outranks it", () => {
    const file = fileWith(
      'node = "edge-1"\n[http]\nport = 9100\n[journal]\nsegmentBytes = "1MiB"\n[nodes.edge-2]\nauth = "u:p"\n',
    );
    const { settings, origins } = loadSettings(file, {
      SLUICE_HTTP_PORT: "9200",
      SLUICE_KAFKA_BROKERS: "a:1, b:2",
      SLUICE_POLICY_OWN_NAMES: "false",
    });
    expect(settings.node).toBe("edge-1");
    expect(settings.http.port).toBe(9200);
    expect(settings.journal.segmentBytes).toBe(1_048_576);
    expect(settings.kafka.brokers).toEqual(["a:1", "b:2"]);
    expect(settings.policy.ownNames).toBe(false);
    expect(settings.nodes).toEqual({ "edge-2": { auth: "u:p", closeUserConn: [] } });
    expect(origins.get("http.port")).toBe("SLUICE_HTTP_PORT");
    expect(origins.get("node")).toBe(file);
  });

  it("take a secret from the file that <name>_FILE names", () => {
    const { settings } = loadSettings(nothing, { SLUICE_ADMIN_TOKEN_FILE: fileWith("t0ken\n") });
    expect(settings.admin.token).toBe("t0ken");
  });

  it("take secrets from files that the settings file names; the environment outranks them", () => {
    const [own, token] = [fileWith("edge:its-own\n"), fileWith("t0ken\n")];
    const file = fileWith(
      `[admin]\ntokenFile = "${token}"\n[http]\nauthFile = "${token}"\n[nodes.edge-1]\nauthFile = "${own}"`,
    );
    const { settings, origins } = loadSettings(file, { SLUICE_HTTP_AUTH: "u:p" });
    expect(settings).toMatchObject({
      admin: { token: "t0ken" },
      http: { auth: "u:p" },
      nodes: { "edge-1": { auth: "edge:its-own" } },
    });
    expect(origins.get("nodes.edge-1.auth")).toBe(`${file}, authFile`);
    expect(origins.get("http.auth")).toBe("SLUICE_HTTP_AUTH");
  });

  it("give a stream's topic by its own name, or by * for all", () => {
    const { kafka } = loadSettings(nothing, {
      SLUICE_KAFKA_TOPICS: "logins=corp.logins, *=corp.all",
    }).settings;
    expect(["logins", "proxies", "ocsf", "dead-letters"].map((name) => topicNamed(kafka, name))).toEqual([
      "corp.logins",
      "corp.all",
      "sluice.ocsf",
      "sluice.dead-letters",
    ]);
  });

  it("give shares of events, in quotes, as TOML's own tables, or in the environment", () => {
    const shares = { "heartbeat.allowed": 0.01, "workconn.allowed": 0, "request.allowed": 1 };
    const written = [
      "'heartbeat.allowed' = 0.01\n'workconn.allowed' = 'off'\n'request.allowed' = 'on'",
      "heartbeat.allowed = 0.01\nworkconn.allowed = 'off'\nrequest.allowed = 'on'",
    ].map((text) => loadSettings(fileWith(`[events.publish]\n${text}`), {}));
    const env = { SLUICE_EVENTS_PUBLISH: "heartbeat.allowed=0.01,workconn.allowed=off,request.allowed=on" };
    for (const { settings } of [...written, loadSettings(nothing, env)])
      expect(settings.events.publish).toEqual(shares);
  });

  it("name each file of TLS that cannot be used, where they are looked into", () => {
    const [one, other] = [new Authority().issue(), new Authority().issue()];
    const [cert, key, wrong] = [fileWith(one.cert), fileWith(one.key), fileWith(other.key)];
    const env = {
      SLUICE_HTTP_TLS_CERT: cert,
      SLUICE_HTTP_TLS_KEY: wrong,
      SLUICE_REDIS_URL: "rediss://h",
      SLUICE_REDIS_TLS_CA: "/nowhere/ca.pem",
      SLUICE_KAFKA_TLS_CA: key,
    };
    expect(loadSettings(nothing, env).settings.http.tls.cert).toBe(cert);
    const text = problemsOf(nothing, env, { tlsFiles: true });
    expect(text).toMatch(/^3 problems/);
    expect(text).toContain(`names ${wrong}, which is not the key of the certificate that http.tls.cert`);
    expect(text).toContain("names /nowhere/ca.pem, which is not there (ENOENT)");
    expect(text).toContain(`names ${key}, which holds a private key`);
  });

  it("bring a remark where a secret or a key lies open", () => {
    const { cert, key } = new Authority().issue();
    const settings = (path: string) =>
      loadSettings(nothing, {
        SLUICE_HTTP_TLS_CERT: fileWith(cert),
        SLUICE_HTTP_TLS_KEY: path,
        SLUICE_KAFKA_SASL_MECHANISM: "PLAIN",
        SLUICE_KAFKA_SASL_USERNAME: "u",
        SLUICE_KAFKA_SASL_PASSWORD: "hunter2",
      }).settings;
    const path = fileWith(key);
    chmodSync(path, 0o644);
    const remarks = securityRemarks(settings(path)).join("\n");
    expect(remarks).toMatch(/kafka\.sasl\.mechanism is PLAIN and there is no TLS.*\n.*http\.tls\.key/);
    expect(remarks).not.toContain("hunter2");
    chmodSync(path, 0o640);
    expect(securityRemarks(settings(path)).join("\n")).not.toContain("http.tls.key");
  });

  it("of ports are judged only where something listens there", () => {
    const open = { SLUICE_HTTP_HOST: "0.0.0.0", SLUICE_ADMIN_HOST: "0.0.0.0", SLUICE_ADMIN_PORT: "9000" };
    expect(problemsOf(nothing, open)).toMatch(/^3 problems/);
    const asPlugin = problemsOf(nothing, open, { ports: ["admin"] });
    expect(asPlugin).toMatch(/^1 problem .*\n.*set admin\.token \(SLUICE_ADMIN_TOKEN\)$/);
    expect(loadSettings(nothing, open, { ports: [] }).settings.http.host).toBe("0.0.0.0");
  });

  it("that are wrong come all at once", () => {
    const text = problemsOf(nothing, { SLUICE_HTTP_PORT: "x", SLUICE_JOURNAL_SYNC: "y", SLUICE_NOPE: "z" });
    expect(text).toMatch(/^3 problems/);
  });

  it("never show a secret, in a problem or in the listing", () => {
    expect(
      problemsOf(nothing, { SLUICE_HTTP_AUTH: "hunter2", SLUICE_REDIS_URL: "rdis://:hunter2@h" }),
    ).not.toContain("hunter2");
    const file = fileWith('[nodes.a]\nauth = "u:hunter2"');
    const shown = shownSettings(
      loadSettings(file, {
        SLUICE_HTTP_AUTH: "u:hunter2",
        SLUICE_REDIS_URL: "redis://:hunter2@h",
        SLUICE_REDIS_PASSWORD: "hunter2",
        SLUICE_KAFKA_SASL_MECHANISM: "PLAIN",
        SLUICE_KAFKA_SASL_USERNAME: "u",
        SLUICE_KAFKA_SASL_PASSWORD: "hunter2",
      }),
    );
    expect(JSON.stringify(shown)).not.toContain("hunter2");
    expect(shown.find((s) => s.key === "http.auth")?.value).toBe("***");
  });

  it("that Kubernetes puts beside a service named sluice are no mistake", () => {
    const env = {
      SLUICE_SERVICE_HOST: "10.0.0.1",
      SLUICE_PORT: "tcp://10.0.0.1:9000",
      SLUICE_PORT_9000_TCP_ADDR: "10.0.0.1",
    };
    expect(loadSettings(nothing, env).settings.http.port).toBe(9000);
  });

  it("all stand in the table with a sentence", () => {
    for (const row of settingRows) expect(row.sentence, row.key).not.toBe("");
    expect(settingsTable().split("\n")).toHaveLength(settingRows.length + 2);
  });
});
