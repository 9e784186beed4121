/** Kafka as it is in the field: TLS, signing in, and what is said when either goes wrong. */
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { kafkaFindings } from "../../src/cli/doctor/kafka.ts";
import { systemClock } from "../../src/clock.ts";
import { KafkaBroker } from "../../src/kafka/broker.ts";
import type { KafkaSasl, KafkaSettings } from "../../src/kafka/settings.ts";
import { Load } from "../app/load.ts";
import { settingsOf } from "../cli/doctor/settings-of.ts";
import { call, sluice } from "../cli/sluice.ts";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, countOf, createTopic, quickSettings, readTopics } from "./kafka-reading.ts";
import {
  clientSecret,
  password,
  type SecuredKafka,
  startSecuredKafka,
  startTokenEndpoint,
  unsignedToken,
} from "./secured-kafka.ts";

type Endpoint = Awaited<ReturnType<typeof startTokenEndpoint>>;

describeWith(["kafka"], "a Kafka that is secured", () => {
  let kafka: SecuredKafka;
  let endpoint: Endpoint;
  let topic: string;
  beforeAll(async () => {
    [kafka, endpoint] = await Promise.all([startSecuredKafka(), startTokenEndpoint()]);
    topic = unique("secured");
    await createTopic(kafka.brokers, topic, 1);
  });

  const lines: string[] = [];
  const write = (fields: object, text: string) => void lines.push(`${JSON.stringify(fields)} ${text}`);
  const log = { debug: write, info: write, warn: write, error: write };

  function brokerOn(listener: string, more: Partial<KafkaSettings>): KafkaBroker {
    const address = listener === "PLAIN" ? kafka.brokers[0]! : kafka.listeners[listener]!;
    const patient = { connectTimeoutMs: 10_000, requestTimeoutMs: 10_000, ...more };
    const broker = new KafkaBroker(quickSettings([address], patient), systemClock, log);
    onTestFinished(() => broker.close());
    return broker;
  }

  async function sends(broker: KafkaBroker): Promise<void> {
    const before = await countOf(kafka.brokers, topic);
    await broker.send(topic, 0, [{ key: "k", value: "{}", headers: {} }]);
    expect(await countOf(kafka.brokers, topic)).toBe(before + 1);
  }

  const signIn = (
    mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512",
    username = "alice",
    word = password,
  ): KafkaSasl => ({ mechanism, username, password: word });
  const byToken = (): KafkaSasl => ({
    mechanism: "OAUTHBEARER",
    token: { endpoint: endpoint.url, clientId: "sluice", clientSecret, scope: "kafka" },
  });

  it("takes events over TLS from who has a certificate that it knows", async () => {
    const { ca, cert, key } = kafka.files;
    await sends(brokerOn("TLS", { tls: { ca, cert, key } }));
  });

  it.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const)(
    "takes events from who signs in with %s, over TLS and without",
    async (mechanism) => {
      await sends(brokerOn("SECURE", { tls: { ca: kafka.files.ca }, sasl: signIn(mechanism) }));
      await sends(brokerOn("OPEN", { sasl: signIn(mechanism) }));
    },
  );

  it("takes events from who has a token of the endpoint, which is asked once for all connections", async () => {
    const asked = endpoint.asked.length;
    const broker = brokerOn("SECURE", { tls: { ca: kafka.files.ca }, sasl: byToken() });
    await Promise.all([broker.partitions(topic), broker.partitions(topic)]);
    await sends(broker);
    expect(endpoint.asked.slice(asked)).toEqual([
      {
        authorization: `Basic ${Buffer.from(`sluice:${clientSecret}`).toString("base64")}`,
        form: "grant_type=client_credentials&scope=kafka",
      },
    ]);
  });

  it.each<[string, string, (files: SecuredKafka["files"]) => Partial<KafkaSettings>, string, RegExp]>([
    [
      "a password is wrong",
      "SECURE",
      ({ ca }) => ({ tls: { ca }, sasl: signIn("PLAIN", "alice", "wrong-password") }),
      "kafka_denied",
      /see kafka\.sasl\.username and kafka\.sasl\.password/,
    ],
    [
      "a SCRAM password is wrong",
      "OPEN",
      () => ({ sasl: signIn("SCRAM-SHA-512", "alice", "wrong-password") }),
      "kafka_denied",
      /see kafka\.sasl\.username and kafka\.sasl\.password/,
    ],
    [
      "a user lacks a right",
      "OPEN",
      () => ({ sasl: signIn("PLAIN", "bob") }),
      "kafka_denied",
      /TOPIC_AUTHORIZATION_FAILED.*lacks a right on this topic: Describe and Write/,
    ],
    [
      "the listener wants SASL and we bring none",
      "OPEN",
      () => ({}),
      "kafka_unavailable",
      /kafka\.sasl\.mechanism/,
    ],
    [
      "we bring SASL and the listener has none",
      "PLAIN",
      () => ({ sasl: signIn("PLAIN") }),
      "kafka_denied",
      /kafka\.sasl\.mechanism/,
    ],
    [
      "the CA is another",
      "SECURE",
      ({ otherCa }) => ({ tls: { ca: otherCa }, sasl: signIn("PLAIN") }),
      "kafka_untrusted",
      /a CA that is not trusted .*kafka\.tls\.ca/,
    ],
    [
      "the CA is none of the system's",
      "SECURE",
      () => ({ tls: {}, sasl: signIn("PLAIN") }),
      "kafka_untrusted",
      /a CA that is not trusted .*kafka\.tls\.ca/,
    ],
    [
      "the certificate is for another host",
      "ELSEWHERE",
      ({ ca }) => ({ tls: { ca } }),
      "kafka_untrusted",
      /for another name .*elsewhere\.test/,
    ],
    [
      "the certificate has expired",
      "EXPIRED",
      ({ ca }) => ({ tls: { ca } }),
      "kafka_untrusted",
      /has expired/,
    ],
    [
      "it wants a certificate of ours",
      "TLS",
      ({ ca }) => ({ tls: { ca } }),
      "kafka_denied",
      /kafka\.tls\.cert and kafka\.tls\.key/,
    ],
    [
      "our certificate is of an unknown CA",
      "TLS",
      ({ ca, strangerCert: cert, strangerKey: key }) => ({ tls: { ca, cert, key } }),
      "kafka_denied",
      /refuses our certificate .*kafka\.tls\.cert and kafka\.tls\.key/,
    ],
    [
      "it speaks TLS and we do not",
      "EXPIRED",
      () => ({}),
      "kafka_untrusted",
      /wants TLS .*kafka\.tls\.enabled/,
    ],
    [
      "we speak TLS and it does not",
      "PLAIN",
      ({ ca }) => ({ tls: { ca } }),
      "kafka_unavailable",
      /does it speak TLS on this port \(kafka\.tls\.enabled\)/,
    ],
    [
      "our CA's file is not there",
      "SECURE",
      () => ({ tls: { ca: "/nowhere/ca.pem" } }),
      "config_invalid",
      /kafka\.tls\.ca names \/nowhere\/ca\.pem, which is not there \(ENOENT\)/,
    ],
  ])(
    "that is out of reach because %s is told in words that name the setting",
    async (_, listener, of, code, text) => {
      const broker = brokerOn(listener, of(kafka.files));
      for (const attempt of [
        () => broker.partitions(topic),
        () => broker.send(topic, 0, [{ key: "k", value: "{}", headers: {} }]),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
      }
    },
  );

  it("takes events again as soon as a refused token is followed by a good one", async () => {
    const { answer } = endpoint;
    onTestFinished(() => {
      endpoint.answer = answer;
    });
    endpoint.answer = () => ({ status: 401, body: { error: "invalid_client", secret: clientSecret } });
    const broker = brokerOn("SECURE", { tls: { ca: kafka.files.ca }, sasl: byToken() });
    await expect(broker.partitions(topic)).rejects.toMatchObject({
      code: "kafka_denied",
      message: expect.stringMatching(/answered 401 invalid_client: see kafka\.sasl\.clientId/),
    });
    // Of the life that the endpoint names nothing is left when the broker looks.
    endpoint.answer = () => ({ status: 200, body: { access_token: unsignedToken(-600), expires_in: 0.001 } });
    await expect(broker.partitions(topic)).rejects.toMatchObject({
      code: "kafka_denied",
      message: expect.stringMatching(/does not take our token \(invalid_token\)/),
    });
    endpoint.answer = answer;
    await sends(broker);
  });

  it("is reached with a new certificate from the next connection on, and with the old one while that is broken", async () => {
    const at = (name: string): string => join(kafka.folder, `mine-${name}.pem`);
    const put = async (cert: "cert" | "strangerCert", key: "key" | "strangerKey"): Promise<void> => {
      await copyFile(kafka.files[cert], at("cert"));
      await copyFile(kafka.files[key], at("key"));
    };
    await put("strangerCert", "strangerKey");
    const broker = brokerOn("TLS", { tls: { ca: kafka.files.ca, cert: at("cert"), key: at("key") } });
    await expect(broker.partitions(topic)).rejects.toMatchObject({ code: "kafka_denied" });
    await put("cert", "key");
    expect(await broker.partitions(topic)).toBe(1);
    await put("strangerCert", "key");
    expect(await broker.partitions(topic)).toBe(1);
    expect(await broker.partitions(topic)).toBe(1);
    const said = lines.filter((line) => line.includes("the old one stays in force"));
    expect(said).toEqual([
      expect.stringContaining("is not the key of the certificate that kafka.tls.cert names"),
    ]);
  });

  it("has all events of a bridge on one topic, provably, by every command; logins on another", async () => {
    const secretFile = join(kafka.folder, "password");
    await writeFile(secretFile, `${password}\n`);
    const [all, logins] = [unique("all"), unique("logins")];
    const settings = {
      "kafka.brokers": kafka.listeners.SECURE!,
      "kafka.tls.ca": kafka.files.ca,
      "kafka.sasl.mechanism": "SCRAM-SHA-512",
      "kafka.sasl.username": "alice",
      "kafka.topics": `*=${all}, logins=${logins}, dead-letters=${all}-letters`,
    };
    const env = { SLUICE_KAFKA_SASL_PASSWORD_FILE: secretFile };
    const bridge = await startBridge(settings, { env });
    const load = new Load({ url: bridge.url });
    await load.more(150);
    await bridge.kill();
    await bridge.start();
    await load.more(150);
    await load.stop();
    await bridge.log.saw(/topics created|the topics are there/);
    const missing = new Set(load.answeredIds);
    await readTopics(kafka.brokers, [all, logins], (records) => {
      missing.delete(JSON.parse(records.at(-1)!.value).id);
      return missing.size === 0;
    });
    await bridge.stop();

    const here = { settings: { ...settings, "data.dir": bridge.dataDir }, env };
    const verified = await sluice(["verify"], here);
    expect(verified.stdout).toMatch(/^WHOLE/m);
    expect(verified.code).toBe(0);
    const stored = (await countOf(kafka.brokers, all)) + (await countOf(kafka.brokers, logins));
    const read = await readTopics(kafka.brokers, [all, logins], ({ length }) => length >= stored);
    // A number that is not there is missed on the topic of many streams too.
    const copy = unique("copy");
    const lostId = JSON.parse(read.find(({ value }) => value.includes("sluice.heartbeat.allowed"))!.value).id;
    await createTopic(kafka.brokers, copy, 1);
    const copies = new KafkaBroker(quickSettings(kafka.brokers), systemClock, log);
    onTestFinished(() => copies.close());
    const kept = read
      .filter(({ value }) => JSON.parse(value).id !== lostId)
      .map(({ key, headers, value }) => ({
        key,
        headers,
        value: value.replaceAll(`"${all}"`, `"${copy}"`),
      }));
    await copies.send(
      copy,
      0,
      kept.filter(({ value }) => !value.includes('"type":"sluice.login.')),
    );
    const judged = await sluice(["verify"], {
      settings: { "kafka.brokers": kafka.brokers[0]!, "kafka.topics": `*=${copy}` },
    });
    expect(judged.stdout).toMatch(/^WHOLE SO FAR: .*1 is not there and not confirmed yet/m);

    const exported = await sluice(["export", "--kafka", "--topic", logins], here);
    const types = new Set(
      exported.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).type),
    );
    expect([...types].filter((type) => !type.startsWith("sluice.login."))).toEqual([]);
    expect(types.size).toBeGreaterThan(0);
    const tailed = await sluice(["tail", "--kafka", "-n", "3"], here);
    expect(tailed.stdout.trim().split("\n").length).toBeGreaterThanOrEqual(3);

    const before = await countOf(kafka.brokers, all);
    const replayed = await sluice(["replay", "--from", "journal", "--topic", "heartbeats", "--json"], here);
    const { records, complete } = JSON.parse(replayed.stdout);
    expect({ complete, sent: (await countOf(kafka.brokers, all)) - before }).toEqual({
      complete: true,
      sent: records,
    });
    expect(records).toBeGreaterThan(0);
    expect(bridge.log.lines.join("\n") + verified.stderr + replayed.stderr).not.toContain(password);
  }, 90_000);

  it("keeps no bridge from answering while no token is to be had, which the log says once", async () => {
    const { answer } = endpoint;
    onTestFinished(() => {
      endpoint.answer = answer;
    });
    endpoint.answer = () => ({ status: 401, body: { error: "invalid_client" } });
    const [asked, prefix] = [endpoint.asked.length, `${unique("token")}.`];
    const bridge = await startBridge({
      "kafka.brokers": kafka.listeners.SECURE!,
      "kafka.topicPrefix": prefix,
      "kafka.tls.ca": kafka.files.ca,
      "kafka.sasl.mechanism": "OAUTHBEARER",
      "kafka.sasl.tokenEndpoint": endpoint.url,
      "kafka.sasl.clientId": "sluice",
      "kafka.sasl.clientSecret": clientSecret,
    });
    expect(await call(bridge.url, "Login", { user: "alice" })).toEqual({ reject: false, unchange: true });
    await endpoint.times(asked + 5);
    const said = bridge.log.lines.filter((line) => line.includes("invalid_client"));
    expect(said).toEqual([expect.stringMatching(/"kafka_denied".*Kafka takes nothing; events wait/)]);
    endpoint.answer = answer;
    await bridge.log.saw(/topics created/);
    await using topics = await TopicEvents.read(kafka.brokers, prefix);
    await topics.saw(({ type }) => type === "sluice.login.allowed", "the login");
    await bridge.stop();
    expect(bridge.log.lines.join("\n")).not.toMatch(new RegExp(`${clientSecret}|eyJ`));
  });

  it("appears in no line of the log with a password, a secret or a token", () => {
    const all = lines.join("\n");
    for (const secret of [password, clientSecret, "wrong-password", unsignedToken(300).split(".")[0]!])
      expect(all).not.toContain(secret);
    expect(lines.length).toBeGreaterThan(10);
  });

  it("is told by the doctor: rights that lack, certificates that ended, and how long the others last", async () => {
    const { ca, cert, key } = kafka.files;
    const named = `*=${topic},dead-letters=${topic}.letters`;
    const found = async (listener: string, more: BridgeSettings): Promise<Record<string, string>> => {
      const settings = settingsOf({
        "kafka.brokers": kafka.listeners[listener]!,
        "kafka.topics": named,
        ...more,
      });
      const findings = await kafkaFindings(settings, systemClock);
      return Object.fromEntries(findings.map(({ what, level, seen }) => [what, `${level}: ${seen}`]));
    };
    const tls = { "kafka.tls.ca": ca, "kafka.tls.cert": cert, "kafka.tls.key": key };
    const trusted = await found("TLS", tls);
    expect(trusted).toMatchObject({
      brokers: expect.stringMatching(/^green/),
      certificate: expect.stringMatching(/^yellow: \d days? left/),
      "kafka.tls.cert": expect.stringMatching(/^yellow: \d days? left/),
      rights: expect.stringMatching(/^green/),
    });
    expect(await found("EXPIRED", tls)).toMatchObject({
      broker: expect.stringMatching(/^red: .*CERT_HAS_EXPIRED/),
      certificate: expect.stringMatching(/^red: ended on /),
    });
    const bob = {
      "kafka.sasl.mechanism": "PLAIN",
      "kafka.sasl.username": "bob",
      "kafka.sasl.password": password,
    };
    expect(await found("OPEN", bob)).toMatchObject({
      topics: expect.stringMatching(/^red: .*TOPIC_AUTHORIZATION/),
    });
    const admin = clientOf(kafka.brokers).admin();
    await admin.connect();
    const acl = {
      principal: "User:bob",
      host: "*",
      operation: kafkajs.AclOperationTypes.DESCRIBE,
      permissionType: kafkajs.AclPermissionTypes.ALLOW,
      resourceType: kafkajs.AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED,
    };
    await admin.createAcls({ acl: [acl] });
    expect(await found("OPEN", bob)).toMatchObject({
      rights: `red: no Write on ${topic}`,
      missing: expect.stringMatching(/^red: 1 of 1: .*cannot be created: .*TOPIC_AUTHORIZATION_FAILED/),
    });
    await admin.deleteAcls({ filters: [acl] });
    await admin.disconnect();
    const wrong = await found("OPEN", { ...bob, "kafka.sasl.password": "wrong-password" });
    expect(wrong.broker).toMatch(/^red: .*kafka\.sasl\.password/);
    expect(wrong.broker).not.toContain("wrong-password");
  });
});
