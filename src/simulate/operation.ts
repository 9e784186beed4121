/** From an op's event back to the op, to what was known when it was decided, and to what was decided. */
import type { OpData } from "../events/data.ts";
import type { EventOf, EventType } from "../events/schema.ts";
import { recordedOp } from "../frp/wire.ts";
import type { Op } from "../op.ts";
import { hiddenTokenIn } from "../policy/hidden-token.ts";
import { recordedHook } from "../prox/ops.ts";
import { type Asked, hiddenByNaming } from "./naming.ts";
import { type RecordedCounts, recordedCounts } from "./recorded-counts.ts";

/** The events of ops that can be refused. */
export const simulatedTypes = [
  "login.allowed",
  "login.refused",
  "proxy.allowed",
  "proxy.refused",
  "heartbeat.allowed",
  "heartbeat.refused",
  "workconn.allowed",
  "workconn.refused",
  "session.started",
  "session.admitted",
  "session.refused",
  "request.allowed",
  "request.refused",
  "op.unknown",
] as const satisfies readonly EventType[];

export type SimulatedEvent = EventOf<(typeof simulatedTypes)[number]>;

export type Outcome = "allowed" | "would be refused" | "refused";

export interface Operation {
  readonly op: Op;
  readonly outcome: Outcome;
  /** What caused it, as the event says. */
  readonly cause: { readonly rule: string | null; readonly reason: string };
  readonly rewrite: OpData["rewrite"];
  /** As policy/facts.ts has it. */
  readonly hiddenToken: string | null | undefined;
  readonly counts: RecordedCounts;
  /** What else the record leaves open and every decision may depend on; null as a rule. */
  readonly open: string | null;
}

/**
 * Refusals that no rule and no setting of the policy made, or a ban, which comes and goes by itself: what the policy would
 * have said is not recorded.
 */
const notThePolicys: ReadonlySet<string> = new Set([
  "not_recorded",
  "policy_unavailable",
  "policy_stale",
  "banned",
]);

/** Why an event takes no part. */
export type LeftOut = "not the policy's" | "correction" | "unreadable";

export interface ReadAs {
  readonly tokenMeta: string;
  /** The subDomainHost of a node, as the settings have it now. */
  readonly subdomainHost: (node: string) => string | undefined;
  /** What the policy that is tried looks at. */
  readonly asked: Asked;
}

/**
 * A correction takes the place of an event because of what became of its record, not of what the policy said: that
 * stands in the event that it corrects.
 */
export function operationIn(
  { data, time, supersedes, pseudonyms }: SimulatedEvent,
  settings: ReadAs,
): Operation | LeftOut {
  const { decision } = data;
  if (supersedes !== undefined) return "correction";
  if (notThePolicys.has((decision.wouldRefuse ?? decision).code)) return "not the policy's";
  const recorded = operationOf(data, Date.parse(time), settings);
  if (recorded === null) return "unreadable";
  // By pseudonyms, what was no address has become one.
  const op = pseudonyms === undefined ? recorded.op : { ...recorded.op, remote: data.remote };
  const hidden = pseudonyms === undefined ? null : hiddenByNaming(pseudonyms, data, op, settings.asked);
  const { rule, reason } = decision.wouldRefuse ?? decision;
  return {
    op,
    outcome: outcomeOf(decision),
    cause: { rule, reason },
    rewrite: data.rewrite,
    hiddenToken: hiddenTokenIn(op.metas, settings.tokenMeta, decision.checks),
    counts: recordedCounts(decision.checks),
    open: recorded.open ?? hidden,
  };
}

export function outcomeOf(decision: { readonly effect: string; readonly wouldRefuse?: unknown }): Outcome {
  if (decision.effect === "refused") return "refused";
  return decision.wouldRefuse === undefined ? "allowed" : "would be refused";
}

interface RecordedOp {
  readonly op: Op;
  readonly open: string | null;
}

/** What prox told stands in the event as it came, but for secrets, by which nothing is decided. */
function operationOf(data: OpData, atMs: number, { subdomainHost }: ReadAs): RecordedOp | null {
  if (data.protocol === "frp") return opOf(data, atMs, subdomainHost(data.node));
  const op = recordedHook(data.op, data.content, { node: data.node, atMs });
  return op && { op, open: null };
}

/**
 * The domain that a subdomain stands for is the one that the event lists: the subDomainHost may have been another
 * then, or be none of these settings.
 */
function opOf(data: OpData, atMs: number, host: string | undefined): RecordedOp {
  const read = (subdomainHost: string | undefined): Op =>
    recordedOp(data.op, data.client, data.content, {
      node: data.node,
      subdomainHost,
      reqid: data.reqid,
      atMs,
    });
  const op = read(host);
  if (!op.proxyOptions?.subdomain) return { op, open: null };
  const labels = op.proxyOptions.subdomain.label.split(".").length;
  const hosts = (data.proxy?.domains ?? []).map((domain) => domain.split(".").slice(labels).join("."));
  const then = [host, undefined, ...new Set(hosts)]
    .map((one) => read(one || undefined))
    .filter((one) => agrees(one, data));
  const meant = new Set(then.map(({ proxyOptions }) => proxyOptions?.subdomain?.domain));
  return meant.size === 1
    ? { op: then[0]!, open: null }
    : { op, open: "subdomain: its host is not recorded" };
}

/** An event lists only the first of very many domains, and the one of the subdomain is the last. */
function agrees({ proxy }: Op, data: OpData): boolean {
  const recorded = data.proxy?.domains ?? [];
  const asked = proxy?.domains ?? [];
  return asked.length === recorded.length && asked.every((domain, at) => domain === recorded[at]);
}
