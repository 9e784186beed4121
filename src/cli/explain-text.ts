/** An explanation as text: the op, the rules that it met, and the decision. */
import type { Explained } from "../admin/explain.ts";
import type { MetRule, Outcome } from "../policy/trace.ts";
import { aligned } from "./aligned.ts";
import { addressText } from "./event-row.ts";
import { cut, printable, widthOf } from "./screen-text.ts";

const screenWidth = 80;
/** A longer key stands on a line of its own. */
const mostKeyWidth = 32;
const mostDomains = 8;

const words: Readonly<Record<Outcome, string>> = {
  refused: "refused",
  would_refuse: "would refuse",
  granted: "granted",
  held: "held",
  not_needed: "not needed",
  outranked: "outranked",
  out_of_force: "out of force",
};

type Row = readonly string[] | string;

/** Printable. Wider than 80 columns only where a name is. */
export function explanationLines(explained: Explained): string[] {
  const { recorded, notes, decision, set } = explained;
  const changed = set && `${decision.effect === "refused" ? "answers" : "changes"} ${JSON.stringify(set)}`;
  const lines = [
    ...wrapped(opText(explained)),
    ...(recorded === null
      ? []
      : [
          ...wrapped(`then  ${recorded.time}  ${decisionText(recorded)}`, "      "),
          `      revision ${recorded.revision}`,
        ]),
    ...aligned([...explained.rules.flatMap(ruleRows), ...otherRows(explained)], 3),
    ...wrapped(`${recorded === null ? "" : "now   "}${decisionText(decision)}`, "      "),
    ...(changed === null ? [] : [cut(changed, screenWidth)]),
    stateText(explained),
    ...notes.flatMap((note) => wrapped(`note: ${note}`, "      ")),
  ];
  return lines.map(printable);
}

/** `NewProxy of alice at edge-1, proxy alice.web (http) for a.example.com` */
function opText({ op }: Explained): string {
  const { name, user, node, client, proxy, prox, remote } = op;
  const whose = user === null ? "" : ` of ${user === "" ? "the anonymous user" : user}`;
  const from = addressText(remote);
  const about = [
    `${name}${whose} at ${node}${from === null ? "" : ` from ${from}`}`,
    client === null ? null : `client ${client}`,
    proxy === null ? null : proxyText(proxy),
    prox?.route ? `route ${prox.route}` : null,
    prox ? `${prox.method ?? ""} ${prox.domain ?? ""}${prox.path ?? ""}`.trim() || null : null,
  ];
  return about.filter((part) => part !== null).join(", ");
}

function proxyText({ name, type, remotePort, domains }: NonNullable<Explained["op"]["proxy"]>): string {
  const kind = [type, remotePort === null ? null : `port ${remotePort}`].filter((part) => part !== null);
  const more = domains.length > mostDomains ? ", …" : "";
  return [
    `proxy ${name === "" ? '""' : name}`,
    kind.length === 0 ? "" : ` (${kind.join(", ")})`,
    domains.length === 0 ? "" : ` for ${domains.slice(0, mostDomains).join(", ")}${more}`,
  ].join("");
}

function ruleRows({ key, value, effect, outcome, detail, conditions }: MetRule): Row[] {
  const joint = outcome === "outranked" ? " " : ": ";
  const became = `${words[outcome]}${detail === null ? "" : joint + detail}`;
  const shownEffect = effect ?? (value === null ? "missing" : "unreadable");
  return [
    ...row(key, shownEffect, became),
    ...(value === null || /^(allow|deny)/.test(value) ? [] : [cut(printable(`  ${value}`), screenWidth)]),
    ...conditions.flatMap(({ condition, result, seen }) =>
      row(`  ${condition}`, result, seen ?? (result === "skip" ? "not asked of this op" : "")),
    ),
  ];
}

function row(...[name, ...rest]: [string, string, string]): Row[] {
  const cells = rest.map(printable);
  const shown = printable(name);
  return widthOf(shown) > mostKeyWidth ? [shown, ["", ...cells]] : [[shown, ...cells]];
}

/** What was asked besides rules. */
function otherRows({ op, policy, ownNames, rules, rulesLeftOut, default: byDefault }: Explained): Row[] {
  if (!op.refusable) {
    const changes = op.prox !== undefined && op.name === "on_response";
    const but = changes ? "rules that let it pass may change it" : "it is recorded, whatever the rules say";
    return [`${op.name} cannot be refused: ${but}`];
  }
  if (!policy.available) return [`no policy has been loaded yet: ${refusing(policy)}`];
  if (policy.stale) return [`the policy is older than policy.maxStaleMs: ${refusing(policy)}`];
  return [
    ...(rules.length === 0 ? ["no rule is about this"] : []),
    ...(rulesLeftOut === 0 ? [] : [`… and ${rulesLeftOut} more rules`]),
    ...(ownNames.result === "skip" ? [] : row("policy.ownNames", ownNames.result, ownNames.seen)),
    ...(byDefault?.by === "policy.default" ? row("policy.default", byDefault.effect ?? "", "decides") : []),
    ...(op.known ? [] : ["an op that nobody knows: no default, client, proxy or domain is asked"]),
  ];
}

function refusing({ mode }: Explained["policy"]): string {
  return mode === "observe" ? "everything would be refused" : "everything is refused";
}

/** Now, or as an event tells it. */
interface Decided extends Refusal {
  readonly effect: string;
  readonly wouldRefuse?: Refusal | undefined;
}

interface Refusal {
  readonly reason: string;
  readonly code: string;
  readonly rule: string | null;
}

function decisionText({ effect, reason, code, rule, wouldRefuse }: Decided): string {
  if (effect === "allowed") {
    const by = `allowed by ${rule ?? "default"} [${code}]`;
    return wouldRefuse ? `${by}, and ${refusalText("would be refused", wouldRefuse)}` : by;
  }
  return refusalText(effect, { reason, code, rule });
}

function refusalText(effect: string, { reason, code, rule }: Refusal): string {
  return `${effect}${rule === null ? "" : ` by ${rule}`}: ${reason} [${code}]`;
}

function stateText({ at, decision, policy }: Explained): string {
  const count = `${policy.rules} ${policy.rules === 1 ? "rule" : "rules"}`;
  const mode = policy.mode === "observe" ? ", policy.mode observe" : "";
  return `revision ${decision.revision}, ${count}${mode}, at ${at}`;
}

/** At most 80 columns a line where the words are no wider. */
function wrapped(text: string, indent = "  "): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).split(" ")) {
    if (line.trim() !== "" && widthOf(line) + 1 + widthOf(word) > screenWidth) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" && lines.length === 0 ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
