/** One event as the cells of a table. */
import { typePrefix } from "../events/schema.ts";
import { printable } from "./screen-text.ts";

/** What of an event is shown. It may come from another version of Sluice, so nothing below is taken for granted. */
export interface ShownEvent {
  readonly type: string;
  readonly time: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export const columnNames = ["TIME", "TYPE", "NODE", "USER", "PROXY", "FROM", "OUTCOME"] as const;

/** The event in a line of JSON, or null when it is none. */
export function parseEvent(json: string): ShownEvent | null {
  try {
    const event = JSON.parse(json) as ShownEvent | null;
    return typeof event?.type === "string" && typeof event.time === "string" ? event : null;
  } catch {
    return null;
  }
}

/** A cell for each column; printable. */
export function eventRow({ type: fullType, time, data = {} }: ShownEvent): string[] {
  const type = fullType.startsWith(typePrefix) ? fullType.slice(typePrefix.length) : fullType;
  const cells = [
    time,
    type,
    data.node,
    data.user === "" ? '""' : data.user,
    proxyText(data.proxy) ?? fieldsOf(data.prox).route,
    addressText(data.remote) ?? data.peer,
    (outcomes.get(type) ?? decisionText)(data),
  ];
  return cells.map((cell) => (cell === undefined || cell === null ? "-" : printable(textOf(cell))));
}

type Data = Readonly<Record<string, unknown>>;

/** What the last column says of events that are not about one op. */
const outcomes = new Map<string, (data: Data) => string>(
  Object.entries({
    "op.unknown": (data) => `${textOf(data.op)} ${decisionText(data)}`,
    "op.malformed": ({ reason, length, suppressed }) =>
      `${textOf(reason)}${typeof length === "number" ? `, ${length} bytes` : ""}` +
      `${suppressed === 0 || suppressed === undefined ? "" : `, and ${textOf(suppressed)} more like it`}`,
    "session.closed": ({ session }) =>
      fieldsOf(session).id === null ? "closed; no session of it is known" : "closed",
    "session.ended": endText,
    "session.admitted": (data) => `${askedText(data)}${decisionText(data)}`,
    "session.refused": (data) => `${askedText(data)}${decisionText(data)}`,
    "request.allowed": (data) => `${askedText(data)}${decisionText(data)}`,
    "request.refused": (data) => `${askedText(data)}${decisionText(data)}`,
    "response.seen": (data) =>
      `${askedText(data)}status ${textOf(fieldsOf(data.prox).status)}${changedText(data)}`,
    "request.completed": completedText,
    "login.confirmed": confirmedText,
    "policy.changed": ({ key, after, cause, by }) =>
      after === null
        ? `${textOf(key)} is gone (${textOf(cause)})`
        : `${textOf(key)} = ${textOf(after)} (${textOf(cause)}${typeof by === "string" ? `, by ${by}` : ""})`,
    "policy.rejected": ({ key, problem }) => `${textOf(key)} cannot be read: ${textOf(problem)}`,
    "policy.emptied": ({ rulesKept }) => `the source has no rules left; ${textOf(rulesKept)} stay in force`,
    "bridge.started": ({ version, policy, kafka }) =>
      `version ${textOf(version)}, ${startedPolicyText(policy)}, ${kafka === true ? "with" : "no"} Kafka`,
    "bridge.stopped": ({ reason }) => textOf(reason),
    "bridge.gap": ({ cause, count }) => `${textOf(cause)}: ${countText(count)} lost`,
    "bridge.progress": ({ journalseq }) => `Kafka has all up to journalseq ${textOf(journalseq)}`,
  }),
);

function decisionText({ decision, rewrite }: Data): string {
  const { effect, rule, code, reason, wouldRefuse } = fieldsOf(decision);
  if (effect === undefined) return "-";
  const by = textOf(rule ?? code);
  if (effect === "refused") return `refused by ${by}: ${textOf(reason)}${answeredText(fieldsOf(rewrite))}`;
  const would = fieldsOf(wouldRefuse);
  if (would.code !== undefined) {
    return `would be refused by ${textOf(would.rule ?? would.code)}: ${textOf(would.reason)}`;
  }
  if (effect === "recorded") return "recorded";
  return `allowed by ${by}${changedText({ rewrite })}`;
}

function changedText({ rewrite }: Data): string {
  const changed = Object.keys(fieldsOf(rewrite));
  return changed.length === 0 ? "" : `, changed: ${changed.join(", ")}`;
}

/** How prox was to refuse, where a rule says so. */
function answeredText({ drop, fallback, status }: Data): string {
  if (fieldsOf(drop).to === true) return ", dropped";
  if (fieldsOf(fallback).to === true) return ", sent to the fallback";
  const { to } = fieldsOf(status);
  return typeof to === "number" ? `, answered with ${to}` : "";
}

/** What was asked of prox: `GET web.test/hello: `, `web.test: `, or nothing. */
function askedText({ prox }: Data): string {
  const { method, domain, path } = fieldsOf(prox);
  const place = `${typeof domain === "string" ? domain : ""}${typeof path === "string" ? path : ""}`;
  const asked = [method, place].filter((part) => typeof part === "string" && part !== "");
  return asked.length === 0 ? "" : `${asked.join(" ")}: `;
}

function completedText({ durationMs, bytes, request }: Data): string {
  const lasted = typeof durationMs === "number" ? ` after ${durationMs / 1000} s` : "";
  const { pairing } = fieldsOf(request);
  const guessed =
    pairing === "ambiguous" ? ", one of several" : pairing === "none" ? ", its request is not known" : "";
  return [`completed${lasted}${guessed}`, ...trafficTexts(bytes)].join(", ");
}

function trafficTexts(bytes: unknown): string[] {
  const { in: received, out: sent } = fieldsOf(bytes);
  return [
    typeof received === "number" ? `${received} bytes in` : "",
    typeof sent === "number" ? `${sent} bytes out` : "",
  ].filter((part) => part !== "");
}

function endText({ end, durationMs, bytes, pairing }: Data): string {
  const { reason, inferred } = fieldsOf(end);
  const lasted = typeof durationMs === "number" ? ` after ${durationMs / 1000} s` : "";
  const guessed = pairing === "ambiguous" ? ", one of several" : "";
  const how =
    inferred === true ? `inferred: ${textOf(reason)}` : `ended${lasted}: ${textOf(reason)}${guessed}`;
  return [how, ...trafficTexts(bytes)].join(", ");
}

function confirmedText({ pairing, clientInfo, confirmedBy }: Data): string {
  const { address, hostname, version } = fieldsOf(clientInfo);
  const about = [
    hostname,
    address,
    version === null || version === undefined ? null : `frpc ${textOf(version)}`,
  ]
    .filter((part) => part !== null && part !== undefined)
    .map(textOf);
  const who = about.length === 0 ? "of a Login that is not known" : `from ${about.join(", ")}`;
  return `got in by ${textOf(fieldsOf(confirmedBy).op)}, ${who} (${textOf(pairing)})`;
}

function startedPolicyText(policy: unknown): string {
  const { source, rules, available } = fieldsOf(policy);
  return available === false
    ? `no policy from ${textOf(source)} yet`
    : `${textOf(rules)} ${rules === 1 ? "rule" : "rules"} from ${textOf(source)}`;
}

function countText(count: unknown): string {
  return typeof count === "number"
    ? `${count} ${count === 1 ? "event" : "events"}`
    : "an unknown number of events";
}

function proxyText(proxy: unknown): string | null {
  const { name, type } = fieldsOf(proxy);
  if (name === undefined) return null;
  return `${textOf(name)}${type === undefined || type === null ? "" : ` (${textOf(type)})`}`;
}

/** `1.2.3.4:5`, `[::1]:5`, or without a port; null where there is no address. */
export function addressText(remote: unknown): string | null {
  const { ip, port } = fieldsOf(remote);
  if (typeof ip !== "string") return null;
  if (typeof port !== "number") return ip;
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function fieldsOf(value: unknown): Data {
  return typeof value === "object" && value !== null ? (value as Data) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "?");
}
