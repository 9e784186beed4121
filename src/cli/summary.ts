/** What an operator reads when the bridge has started: what is connected, what is embedded, what to try. */
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import type { App } from "../app.ts";
import type { Settings } from "../config/settings.ts";
import { topicsText } from "../events/topic-names.ts";
import { leftOutText } from "../events/volume.ts";

/** What of the app a summary tells. */
export type Started = Pick<App, "instance" | "pluginPort" | "adminPort" | "policy">;

export type SummaryRow = readonly [name: string, text: string];

export function summaryRows(settings: Settings, app: Started): SummaryRow[] {
  const { http, policy, ban, data, journal } = settings;
  const base = urlOf(app.pluginPort, schemeOf(settings));
  const perNode = `${http.path === "/" ? "" : http.path}/<node>`;
  const password = needsPassword(settings);
  const { pseudonyms } = settings.events;
  const leftOut = leftOutText(settings.events.publish);
  return [
    [
      "answers",
      `${base}${http.path} as node ${settings.node}, ${perNode} as others${password ? "; with password" : ""}`,
    ],
    ["admin", `${urlOf(app.adminPort)}/readyz, /healthz, /metrics, /v1/sessions, /v1/policy, /v1/explain`],
    ["policy", policyText(settings, app.policy)],
    [
      "default",
      `${policy.default} what no rule decides${policy.mode === "observe" ? "; refusals are only recorded (policy.mode observe)" : ""}`,
    ],
    ...(ban.after === 0 ? [] : [["bans", bansText(settings)] as const]),
    ["Kafka", kafkaText(settings)],
    ["journal", `${resolve(data.dir)}/journal (${journal.sync}), instance ${app.instance}`],
    ...(pseudonyms.length === 0 ? [] : [["events", `hold pseudonyms of: ${pseudonyms.join(", ")}`] as const]),
    ...(leftOut === null ? [] : [["left out", `${leftOut}, by events.publish`] as const]),
    ["try it", tryText(settings, app, password)],
  ];
}

export function summaryText(version: string, rows: readonly SummaryRow[]): string {
  const lines = rows.map(([name, text]) => `  ${name.padEnd(8)} ${text}\n`);
  return `sluice ${version} answers\n${lines.join("")}`;
}

function policyText(settings: Settings, policy: Started["policy"]): string {
  const source = sourceText(settings);
  if (!policy.available) return `${source}: NOT LOADED YET, everything is refused until it is`;
  const rules = policy.rules === 0 ? "no rules" : `${policy.rules} ${policy.rules === 1 ? "rule" : "rules"}`;
  const unreadable =
    policy.unreadable === 0
      ? ""
      : `, ${policy.unreadable} of them UNREADABLE: what they cover is refused (sluice tail -t policy.rejected)`;
  const away = policy.connected ? "" : "; NOT REACHED NOW, these are the rules last known";
  return `${source}, ${rules}${unreadable}${away}`;
}

function sourceText({ redis, policy }: Settings): string {
  if (redis.url === undefined) return `file ${resolve(policy.file)}`;
  const { host, pathname } = new URL(redis.url);
  return `Redis ${host}${pathname}, keys ${redis.prefix}policy:* and ${redis.prefix}ban:*`;
}

function bansText({ ban }: Settings): string {
  const { after, withinSeconds, forSeconds } = ban;
  return `of addresses refused ${after} times within ${withinSeconds} s, for ${forSeconds} s`;
}

function kafkaText({ kafka }: Settings): string {
  return kafka.brokers.length === 0
    ? "none: events stay in the journal; read them with `sluice tail`"
    : `${kafka.brokers.join(", ")}, topics ${topicsText(kafka)}; until it takes events they wait in the journal`;
}

/** A call that works as it is printed, but for the password. */
function tryText(settings: Settings, { pluginPort }: Started, password: boolean): string {
  const { http } = settings;
  const address = { ...pluginPort, address: reachable(pluginPort.address) };
  const url = urlOf(address, schemeOf(settings)) + http.path;
  const login = '{"version":"0.1.0","op":"Login","content":{"user":"alice"}}';
  const trust = http.tls.cert === undefined ? "" : `--cacert ${shellWord(http.tls.cert)} `;
  return `curl ${trust}${password ? "-u user:password " : ""}${shellWord(url)} -d '${login}'`;
}

function needsPassword({ http, nodes, node }: Settings): boolean {
  return http.auth !== undefined || nodes[node]?.auth !== undefined;
}

function schemeOf({ http }: Settings): "http" | "https" {
  return http.tls.cert === undefined ? "http" : "https";
}

function urlOf({ address, port, family }: AddressInfo, scheme = "http"): string {
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/** Not every system can call the address that stands for all addresses. */
function reachable(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

function shellWord(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
