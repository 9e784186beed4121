/**
 * What the policy says about an op: a pure function of the rules, the op and the moment.
 *
 *   rules that the op meets ──▶ any refuses? ──▶ any grants? ──▶ default rule ──▶ policy.default
 *
 * Refused outranks allowed: a deny of any scope holds against an allow of another.
 */
import type { Decision } from "../decision.ts";
import { type Op, type ProxyFacts, routedByDomain } from "../op.ts";
import type { Facts } from "./facts.ts";
import { Findings, type Refusal, standingReason } from "./findings.ts";
import { nameProblem } from "./own-names.ts";
import type { PolicyView } from "./policy.ts";
import type { Rule } from "./rule.ts";
import type { RuleSet } from "./rule-set.ts";

const unavailable: Refusal = { reason: "policy not available", code: "policy_unavailable", rule: null };
const stale: Refusal = { reason: "policy is out of date", code: "policy_stale", rule: null };
const notOwnName: Refusal = {
  reason: "the proxy name does not belong to this user",
  code: "own_names",
  rule: null,
};
const deniedByDefault: Refusal = { reason: standingReason, code: "default_deny", rule: null };

/**
 * An op that cannot be refused is recorded. One that nobody knows is allowed unless an op, node, user or ip
 * rule refuses it; without a policy it is refused like any other, since such a rule can't be ruled out.
 */
export function decide(policy: PolicyView, op: Op, facts: Facts): Decision {
  const isAsked = op.refusable || changesResponse(op);
  return isAsked ? decideBy(policy, op, new Findings(op, facts)) : recorded(policy.rules.revision);
}

/** A response cannot be refused; the rules that would let it pass may change it. */
function changesResponse({ name, prox }: Op): boolean {
  return prox !== null && name === "on_response";
}

/**
 * The same, from findings that may look on at what is asked.
 *
 * @param findings new, about this op
 */
export function decideBy(policy: PolicyView, op: Op, findings: Findings): Decision {
  const { rules, settings } = policy;
  if (!op.refusable) return recordedBy(policy, op, findings);
  if (!policy.available) findings.refuse(unavailable);
  else if (policy.refuseAsStale) findings.refuse(stale);
  else {
    askRules(rules, op, findings);
    if (settings.ownNames && op.known) askOwnNames(rules, op, findings);
    if (findings.open && op.known) askDefault(policy, findings);
  }
  return decisionOf(findings, policy);
}

function recordedBy({ available, refuseAsStale, rules }: PolicyView, op: Op, findings: Findings): Decision {
  const decision = recorded(rules.revision);
  if (!changesResponse(op) || !available || refuseAsStale) return decision;
  askRules(rules, op, findings);
  if (findings.changes === null) return decision;
  const { status, ...others } = findings.changes;
  // 101 and 103 are no response yet, or none of HTTP any more: another status would break what follows.
  const isFinal = (op.prox?.status ?? 200) >= 200;
  const prox = isFinal ? findings.changes : others;
  return Object.keys(prox).length === 0 ? decision : { ...decision, prox };
}

/**
 * From the most to the least specific scope: of several causes the first is reported. Bans stand before all, so that who
 * is banned never learns whether a token would have been right.
 */
function askRules(rules: RuleSet, op: Op, findings: Findings): void {
  const ip = op.remote?.ip ?? null;
  if (ip !== null) findings.askForRefusals(rules.bansOn(ip));
  if (op.known) {
    if (op.client !== null) findings.ask(rules.at("client", op.client));
    if (op.proxy !== null) findings.ask(rules.at("proxy", op.proxy.name));
  }
  if (op.user !== null) askUser(rules, op.user, findings);
  if (ip !== null) findings.askMostExact(rules.forAddress(ip));
  if (op.known && op.proxy !== null) askDomains(rules, op.proxy, findings);
  if (op.known && op.prox !== null) {
    const { domain, route } = op.prox;
    if (domain) askRequestedDomain(rules, domain, findings);
    if (route) findings.ask(rules.at("route", route));
  }
  findings.ask(rules.at("node", op.node));
  findings.ask(rules.at("op", op.name));
}

function askUser(rules: RuleSet, user: string, findings: Findings): void {
  const rule = rules.at("user", user);
  if (!findings.ask(rule) || !rule?.readable || rule.terms.groups.length === 0) return;
  const { groups, enforce } = rule.terms;
  const named = groups.map((name) => [name, rules.at("group", name)] as const);
  findings.askGroups(named, enforce);
}

/**
 * Each domain must pass by itself: one that is denied refuses the op, and domain rules grant it only when
 * every domain has one that does. Otherwise the other scopes grant it, or the default decides. A tcp proxy
 * that names domains is granted nothing by them: frps would ignore them and open a port.
 */
function askDomains(rules: RuleSet, proxy: ProxyFacts, findings: Findings): void {
  let grant: Rule | null = null;
  let everyOneGranted = routedByDomain.has(proxy.type);
  for (const domain of proxy.domains) {
    const granting = findings.grantOfMostExact(rules.forDomain(domain));
    findings.askForRefusals(rules.refusingBelow(domain));
    grant ??= granting;
    everyOneGranted &&= granting !== null;
  }
  findings.grantDomains(grant, everyOneGranted);
}

/** The one domain that a user of prox asks for. */
function askRequestedDomain(rules: RuleSet, domain: string, findings: Findings): void {
  findings.askMostExact(rules.forDomain(domain));
  findings.askForRefusals(rules.refusingBelow(domain));
}

function askOwnNames(rules: RuleSet, op: Op, findings: Findings): void {
  const seen = nameProblem(op, rules);
  if (seen === null) return;
  findings.note({ rule: "ownNames", condition: "prefix", result: "fail", seen });
  findings.refuse(notOwnName);
}

/** The default rule; policy.default where there is none in force. */
function askDefault({ rules, settings }: PolicyView, findings: Findings): void {
  const decided = findings.ask(rules.at("default", ""));
  if (!decided && settings.default === "deny") findings.refuse(deniedByDefault);
}

function decisionOf(findings: Findings, { rules, settings }: PolicyView): Decision {
  const { refusal, grant, checks, set, changes } = findings;
  const { revision } = rules;
  if (refusal !== null && settings.mode === "enforce") {
    const refused = { effect: "refused", ...refusal, revision, checks } as const;
    return findings.answer === null ? refused : { ...refused, prox: findings.answer };
  }
  const wouldRefuse = refusal ?? findings.unenforced;
  if (grant === null && wouldRefuse === null && checks.length === 0) return allowedByDefault(revision);
  const byDefault = grant === null || grant.key.scope === "default";
  const allowed: Decision = {
    effect: "allowed",
    reason: wouldRefuse === null ? (byDefault ? "allowed by default" : "allowed by rule") : "not enforced",
    code: byDefault ? "default_allow" : "rule_allow",
    rule: grant?.key.text ?? null,
    revision,
    checks,
    ...(set && { set }),
    ...(changes && { prox: changes }),
  };
  return wouldRefuse === null ? allowed : { ...allowed, wouldRefuse };
}

const recorded = onePerRevision({
  effect: "recorded",
  reason: "this op cannot be refused",
  code: "not_refusable",
  rule: null,
  checks: Object.freeze([]),
});
const allowedByDefault = onePerRevision({
  effect: "allowed",
  reason: "allowed by default",
  code: "default_allow",
  rule: null,
  checks: Object.freeze([]),
});

/** Most ops get one of two decisions that differ in nothing but the revision: they share one frozen object. */
function onePerRevision(decision: Omit<Decision, "revision">): (revision: string) => Decision {
  let last: Decision | null = null;
  return (revision) => {
    if (last?.revision !== revision) last = Object.freeze({ ...decision, revision });
    return last;
  };
}
