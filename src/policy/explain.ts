/**
 * Why the policy says of an op what it says: the decision, and every rule that it met on the way there.
 *
 * Decides by the very function that `decide` is, so the two can't differ. Holds no secret.
 */
import type { Decision } from "../decision.ts";
import { shownChanges } from "../events/prox-changes.ts";
import { redactor } from "../events/redact.ts";
import type { Op, ProxFacts, ProxyFacts } from "../op.ts";
import { decideBy } from "./decide.ts";
import type { Facts } from "./facts.ts";
import { nameProblem } from "./own-names.ts";
import type { PolicySettings, PolicyView } from "./policy.ts";
import { type MetRule, Trace } from "./trace.ts";

/** An op that asks for thousands of domains may meet thousands of rules. */
const mostRules = 1000;
/** As many as an event has. */
const mostDomains = 64;
/** A visitor chooses it. */
const longestPath = 2048;
const hideSecrets = redactor("mask");

export interface Explanation {
  readonly op: Pick<
    Op,
    "protocol" | "node" | "name" | "known" | "refusable" | "user" | "client" | "proxy" | "remote"
  > & {
    /** Where prox asks. */
    readonly prox?: Pick<ProxFacts, "route" | "domain" | "method" | "path">;
  };
  readonly decision: Omit<Decision, "set" | "prox">;
  /** Fields that the answer changes, or how it refuses at prox, secrets masked; null where it changes none. */
  readonly set: Readonly<Record<string, unknown>> | null;
  readonly policy: {
    /** Without one everything is refused. */
    readonly available: boolean;
    /** It is older than policy.maxStaleMs, and policy.whenStale is deny. */
    readonly stale: boolean;
    readonly rules: number;
    readonly mode: PolicySettings["mode"];
  };
  /** From the most specific scope to the least. */
  readonly rules: readonly MetRule[];
  /** How many more there were; listed are those of the weightiest outcomes. */
  readonly rulesLeftOut: number;
  /** policy.ownNames: whether the proxy's name may be used by this user. */
  readonly ownNames: { readonly result: "pass" | "fail" | "skip"; readonly seen: string };
  /** What decided where no rule did; null where it was not needed. */
  readonly default: {
    readonly by: "default" | "policy.default";
    readonly effect: MetRule["effect"];
  } | null;
}

export function explain(policy: PolicyView, op: Op, facts: Facts): Explanation {
  const trace = new Trace(op, facts);
  const { set, prox, ...decision } = decideBy(policy, op, trace);
  const changed = set ?? (prox && shownChanges(prox));
  const { available, refuseAsStale: stale, rules, settings } = policy;
  const met = trace.met(mostRules);
  return {
    op: aboutOp(op),
    decision,
    set: changed === undefined ? null : hideSecrets(changed),
    policy: { available, stale, rules: rules.size, mode: settings.mode },
    rules: met.map((rule) => (op.refusable ? inMode(settings.mode, rule) : refusingNothing(rule))),
    rulesLeftOut: trace.size - met.length,
    ownNames: ownNamesOf(policy, op),
    default: defaultOf(policy, op, trace, met),
  };
}

/** In observe mode what refuses only says so. */
function inMode(mode: PolicySettings["mode"], rule: MetRule): MetRule {
  return mode === "observe" && rule.outcome === "refused" ? { ...rule, outcome: "would_refuse" } : rule;
}

/** Of an op that cannot be refused. */
function refusingNothing(rule: MetRule): MetRule {
  const refuses = rule.outcome === "refused" || rule.outcome === "would_refuse";
  return refuses ? { ...rule, outcome: "held" } : rule;
}

function ownNamesOf(policy: PolicyView, op: Op): Explanation["ownNames"] {
  if (!isAsked(policy, op)) return { result: "skip", seen: "not asked" };
  if (!policy.settings.ownNames) return { result: "skip", seen: "policy.ownNames is off" };
  if (op.proxy === null || op.user === null) return { result: "skip", seen: "names no proxy" };
  const problem = nameProblem(op, policy.rules);
  return problem === null
    ? { result: "pass", seen: "the user may use this name" }
    : { result: "fail", seen: problem };
}

function defaultOf(
  policy: PolicyView,
  op: Op,
  { refusal, grant }: Trace,
  met: readonly MetRule[],
): Explanation["default"] {
  const notByDefault =
    (refusal !== null && refusal.code !== "default_deny" && refusal.rule !== "default") ||
    (grant !== null && grant.key.scope !== "default");
  if (!isAsked(policy, op) || notByDefault) return null;
  const rule = met.find(({ key, outcome }) => key === "default" && outcome !== "out_of_force");
  return rule
    ? { by: "default", effect: rule.effect }
    : { by: "policy.default", effect: policy.settings.default };
}

/** Whether anything but the rules of an op that nobody knows is asked. */
function isAsked({ available, refuseAsStale }: PolicyView, op: Op): boolean {
  return op.refusable && op.known && available && !refuseAsStale;
}

function aboutOp({
  protocol,
  node,
  name,
  known,
  refusable,
  user,
  client,
  proxy,
  remote,
  prox,
}: Op): Explanation["op"] {
  const about = {
    protocol,
    node,
    name,
    known,
    refusable,
    user,
    client,
    proxy: proxy && shortened(proxy),
    remote,
  };
  if (prox === null) return about;
  const { route, domain, method, path } = prox;
  return { ...about, prox: { route, domain, method, path: path?.slice(0, longestPath) ?? null } };
}

function shortened(proxy: ProxyFacts): ProxyFacts {
  return proxy.domains.length <= mostDomains
    ? proxy
    : { ...proxy, domains: proxy.domains.slice(0, mostDomains) };
}
