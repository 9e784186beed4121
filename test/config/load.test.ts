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

  it.each([
    ["a misspelt variable", {}, { SLUICE_HTTP_PROT: "1" }, "did you mean SLUICE_HTTP_PORT?"],
    ["a misspelt group", {}, { SLUICE_HTPP_PORT: "1" }, "did you mean SLUICE_HTTP_PORT?"],
    ["a misspelt key", "[http]\nprot = 1", {}, "http.prot: no such setting; did you mean http.port?"],
    ["a word for a number", {}, { SLUICE_HTTP_PORT: "many" }, 'http.port (SLUICE_HTTP_PORT): is "many"'],
    ["a number out of range", "[http]\nport = 99999", {}, "http.port"],
    ["a choice that is none", {}, { SLUICE_JOURNAL_SYNC: "never" }, "journal.sync"],
    ["a broker without port", {}, { SLUICE_KAFKA_BROKERS: "kafka" }, "must be host:port"],
    ["a wrong scheme", {}, { SLUICE_REDIS_URL: "http://redis:6379" }, "must begin with redis://"],
    ["an open bind without auth", {}, { SLUICE_HTTP_HOST: "0.0.0.0" }, "set http.auth (SLUICE_HTTP_AUTH)"],
    ["an open admin port without token", {}, { SLUICE_ADMIN_HOST: "::" }, "SLUICE_ADMIN_TOKEN"],
    ["two ports that are one", {}, { SLUICE_ADMIN_PORT: "9000" }, "http.port and admin.port are both 9000"],
    [
      "a projection that is none",
      {},
      { SLUICE_EVENTS_PROJECTIONS: "ocsf,splunk" },
      '"ocsf", "ecs" and "flat"',
    ],
    ["projections that are no list", '[events]\nprojections = "ocsf"', {}, "events.projections"],
    ["hmac without key", {}, { SLUICE_EVENTS_REDACT: "hmac" }, "SLUICE_EVENTS_HMAC_KEY"],
    [
      "a secret's file that is not there",
      {},
      { SLUICE_HTTP_AUTH_FILE: "/nowhere/auth" },
      "SLUICE_HTTP_AUTH_FILE",
    ],
    ["a journal smaller than two segments", "[journal]\nmaxBytes = 1000", {}, "journal.maxBytes"],
    [
      "bans without a Redis to keep them in",
      "",
      { SLUICE_BAN_AFTER: "3" },
      "ban.after is 3 and redis.url is not set",
    ],
    [
      "an exception from bans that is no network",
      "",
      { SLUICE_BAN_EXCEPT: "10.0.0.0/8, lb" },
      "must be addresses or CIDRs",
    ],
    ["exceptions from bans that are no list", "[ban]\nexcept = 4", {}, "is 4: must be a list"],
    ["an exception from bans that is no text", "[ban]\nexcept = [4]", {}, "is 4: must be addresses or CIDRs"],
    ...["1001", "-1", "1.5", "x"].map((after): [string, string, object, string] => [
      `a ban after ${after}`,
      "",
      { SLUICE_BAN_AFTER: after },
      "must be a whole number, 0 to 1000",
    ]),
    ["a ban that lasts no time", "", { SLUICE_BAN_FOR_SECONDS: "0" }, "ban.forSeconds"],
    ["a certificate without key", "", { SLUICE_HTTP_TLS_CERT: "c.pem" }, "http.tls.key is not: set both"],
    ["a key without certificate", "", { SLUICE_KAFKA_TLS_KEY: "k.pem" }, "kafka.tls.cert is not: set both"],
    [
      "a CA for a Redis without TLS",
      "",
      { SLUICE_REDIS_URL: "redis://h", SLUICE_REDIS_TLS_CA: "ca.pem" },
      "begin it with rediss://",
    ],
    ["a Redis user without password", "", { SLUICE_REDIS_USER: "sluice" }, "SLUICE_REDIS_PASSWORD_FILE"],
    [
      "TLS that is off and has a CA",
      "[kafka.tls]\nenabled = false\nca = 'ca.pem'",
      {},
      "kafka.tls.enabled is false and kafka.tls.ca set",
    ],
    ["a password without mechanism", "", { SLUICE_KAFKA_SASL_PASSWORD: "x" }, "kafka.sasl.mechanism is not"],
    [
      "a mechanism that is none",
      "",
      { SLUICE_KAFKA_SASL_MECHANISM: "GSSAPI" },
      "must be one of PLAIN, SCRAM",
    ],
    [
      "a mechanism without credentials",
      "",
      { SLUICE_KAFKA_SASL_MECHANISM: "PLAIN" },
      "kafka.sasl.username, kafka.sasl.password are not set",
    ],
    [
      "OAUTHBEARER with a password",
      "",
      { SLUICE_KAFKA_SASL_MECHANISM: "OAUTHBEARER", SLUICE_KAFKA_SASL_PASSWORD: "x" },
      "kafka.sasl.password is set, for PLAIN and SCRAM",
    ],
    [
      "OAUTHBEARER without a source of tokens",
      "",
      { SLUICE_KAFKA_SASL_MECHANISM: "OAUTHBEARER" },
      "or set kafka.sasl.tokenFile",
    ],
    [
      "a token endpoint in the clear",
      "[kafka.sasl]\nmechanism = 'OAUTHBEARER'\ntokenEndpoint = 'http://id.example/t'\nclientId = 'c'\nclientSecret = 's'",
      {},
      "use https://",
    ],
    [
      "a topic for what is no stream",
      "",
      { SLUICE_KAFKA_TOPICS: "login=x" },
      "kafka.topics.login: no such setting; did you mean kafka.topics.logins?",
    ],
    ["a topic with a wrong name", "", { SLUICE_KAFKA_TOPICS: "logins=a b" }, "must be 1 to 249"],
    ["topics that are no map", "[kafka]\ntopics = 'all'", {}, "must give topics by stream"],
    [
      "an event that is never left out",
      "[events.publish]\n'login.refused' = 0.5",
      {},
      "is 0.5: is always published; heartbeat.allowed, workconn.allowed,",
    ],
    [
      "a share that is none",
      "",
      { SLUICE_EVENTS_PUBLISH: "heartbeat.allowed=10%" },
      'events.publish.heartbeat.allowed (SLUICE_EVENTS_PUBLISH): is "10%": must be on, off, or a share',
    ],
    ["a share above 1", "[events.publish]\n'heartbeat.allowed' = 2", {}, "a share from 0 to 1"],
    [
      "dead letters among events",
      "",
      { SLUICE_KAFKA_TOPICS: "*=all, dead-letters=all" },
      "which only streams of events may share",
    ],
    [
      "a secret that is given twice",
      "",
      { SLUICE_ADMIN_TOKEN: "a", SLUICE_ADMIN_TOKEN_FILE: "b" },
      "are both set: take one of them away",
    ],
    ["a file that is not TOML", "[http\nport = 1", {}, "is not TOML in line 1"],
  ])("%s is refused in words that name it", (_what, toml, env, expected) => {
    expect(
      problemsOf(typeof toml === "string" ? fileWith(toml) : nothing, env as Record<string, string>),
    ).toContain(expected);
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
    expect(text).toContain(`http.tls.key (${wrong}) is not the key of the certificate http.tls.cert`);
    expect(text).toContain("redis.tls.ca (/nowhere/ca.pem) cannot be read (ENOENT)");
    expect(text).toContain(`kafka.tls.ca (${key}) holds no certificate in PEM`);
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
    expect(asPlugin).toMatch(/^1 problem .*\n.*set SLUICE_ADMIN_TOKEN$/);
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
