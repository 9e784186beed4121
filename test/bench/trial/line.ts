/** How an event line of ~1.3 KB is built. `node test/bench/trial/line.ts` */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { print, timeInTurns } from "./turns.ts";

type Json = Record<string, unknown>;
const fixture = (name: string): string =>
  (
    JSON.parse(readFileSync(new URL(`../../fixtures/frp/${name}.json`, import.meta.url), "utf8")) as {
      rawBody: string;
    }
  ).rawBody;
const raw = fixture("NewProxy.tcp-all-options");
const content = (JSON.parse(raw) as { content: Json }).content;

const secretNames = /pass|pwd|secret|token|key|auth|cookie|metas/i;
const secretName = new Map<string, boolean>();
function isSecret(name: string): boolean {
  let secret = secretName.get(name);
  if (secret === undefined) {
    secret = secretNames.test(name);
    if (secretName.size < 1000) secretName.set(name, secret);
  }
  return secret;
}

function redacted(value: unknown, secret = false): unknown {
  if (typeof value !== "object" || value === null) return secret ? "***" : value;
  if (Array.isArray(value)) return value.map((item) => redacted(item, secret));
  const copy: Json = {};
  for (const name in value) copy[name] = redacted((value as Json)[name], secret || isSecret(name));
  return copy;
}

const escapes = /["\\\u0000-\u001f\ud800-\udfff]/;
const quoted = (text: string): string => (escapes.test(text) ? JSON.stringify(text) : `"${text}"`);

/** Redacts while writing: no copy of the content is made. */
function written(value: unknown, secret = false): string {
  if (typeof value === "string") return secret ? '"***"' : quoted(value);
  if (typeof value !== "object" || value === null) return secret ? '"***"' : JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `${text && ","}${written(item, secret)}`;
    return `[${text}]`;
  }
  for (const name in value) {
    text += `${text && ","}${quoted(name)}:${written((value as Json)[name], secret || isSecret(name))}`;
  }
  return `{${text}}`;
}
assert.equal(written(content), JSON.stringify(redacted(content)));

const op = {
  node: "edge-1",
  op: "NewProxy",
  reqid: "9d5af15f04e9875d",
  user: "alice",
  client: "c_0123456789abcdef",
};
const proxy = { name: "alice.db.main", type: "tcp", domains: [] };
const decision = { effect: "allowed", reason: "allowed by rule", code: "rule_allow", rule: "user:alice" };
const checks = [
  { rule: "user:alice", condition: "tokens", result: "pass" },
  { rule: "user:alice", condition: "proxies.types", result: "pass", seen: "tcp" },
];
const id = "0191e6a0-5b1c-5d7e-8f00-0123456789ab";
const policyrev = "5f1d3a90c2b7e846";
let journalseq = 1_000_000;
const digits = (sequence: number): string => sequence.toString().padStart(16, "0");

const whole = (data: (content: Json) => unknown) => (): string => {
  journalseq++;
  return JSON.stringify({
    specversion: "1.0",
    type: "sluice.proxy.allowed",
    id,
    source: `/frp/${op.node}`,
    subject: `${op.user}/${proxy.name}`,
    time: new Date(1795219010123).toISOString(),
    datacontenttype: "application/json",
    dataschema: "https://sluice.example/schemas/op/1",
    op: op.op,
    decision: "allowed",
    policyrev,
    instance: id,
    epoch: id,
    sequence: digits(journalseq - 5000),
    journalseq: digits(journalseq),
    partitionkey: proxy.name,
    data: dataOf(data(content)),
  });
};
const attributes = (text: (value: string) => string): string =>
  `{"specversion":"1.0","type":"sluice.proxy.allowed","id":"${id}","source":"/frp/${op.node}","subject":${text(`${op.user}/${proxy.name}`)},"time":"${new Date(1795219010123).toISOString()}","datacontenttype":"application/json","dataschema":"https://sluice.example/schemas/op/1","op":${text(op.op)},"decision":"allowed","policyrev":"${policyrev}","instance":"${id}","epoch":"${id}","sequence":"${digits(journalseq - 5000)}","journalseq":"${digits(journalseq)}","partitionkey":${text(proxy.name)},"data":`;
const dataOf = (content: unknown): Json => ({
  protocol: "frp",
  node: op.node,
  op: op.op,
  reqid: op.reqid,
  user: op.user,
  client: op.client,
  proxy,
  remote: null,
  session: null,
  decision: { ...decision, checks },
  rewrite: null,
  content,
});
const template =
  (parts: (value: unknown) => string, text: (value: string) => string, content_: () => string) =>
  (): string => {
    journalseq++;
    return `${attributes(text)}{"protocol":"frp","node":"${op.node}","op":${text(op.op)},"reqid":${text(op.reqid)},"user":${text(op.user)},"client":"${op.client}","proxy":${parts(proxy)},"remote":${parts(null)},"session":${parts(null)},"decision":${decisionText(parts, text)},"rewrite":null,"content":${content_()}}}`;
  };
function decisionText(parts: (value: unknown) => string, text: (value: string) => string): string {
  return `{"effect":"${decision.effect}","reason":${text(decision.reason)},"code":"${decision.code}","rule":${text(decision.rule)},"checks":${parts(checks)}}`;
}

const plain = whole(redacted);
const withoutSecrets = whole((value) => value);
const attributesApart = (): string => {
  journalseq++;
  return `${attributes(quoted)}${JSON.stringify(dataOf(redacted(content)))}}`;
};
const byParts = template(JSON.stringify, JSON.stringify, () => JSON.stringify(redacted(content)));
const compiled = template(
  (value) => written(value),
  quoted,
  () => written(content),
);
/** Flat, so that nothing is put off to the moment of writing. */
const flat = (render: () => string) => () => Buffer.byteLength(render());
for (const render of [byParts, attributesApart, compiled]) {
  journalseq = 1;
  const expected = plain();
  journalseq = 1;
  assert.equal(render(), expected);
}
print(
  `one event line of ${plain().length} bytes, its content ${JSON.stringify(content).length}`,
  timeInTurns([
    { name: "JSON.stringify of the whole, redacted copy", call: flat(plain) },
    { name: "the same without redaction (no option)", call: flat(withoutSecrets) },
    { name: "template, JSON.stringify for each part", call: flat(byParts) },
    { name: "attributes by template, data by one JSON.stringify", call: flat(attributesApart) },
    { name: "template, own quote; content written while redacting", call: flat(compiled) },
  ]),
);
