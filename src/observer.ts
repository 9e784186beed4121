/**
 * What is counted and logged of each op: exactly one wide line for one that is refused, fails, or never becomes an op;
 * allowed ones at debug. No content, header or password goes into a line, so no secret can; floods are bounded
 * (bounded-lines.ts).
 */
import type { Metrics } from "./admin/metrics.ts";
import type { BoundedLines } from "./bounded-lines.ts";
import type { Answered, BridgeObserver } from "./bridge.ts";
import type { Decision } from "./decision.ts";
import type { FrpEdgeObserver } from "./frp/edge.ts";
import type { Log } from "./log.ts";
import type { MalformedReport } from "./malformed.ts";
import type { Op } from "./op.ts";
import type { Bans } from "./policy/bans.ts";
import type { SessionsObserver } from "./sessions/sessions.ts";

export interface ProxEdgeObserver {
  /** What prox said that is no call; its connection is closed, which prox takes for a refusal. */
  malformed(report: MalformedReport): void;
}

/** @param bans null where nobody is banned */
export function observer(
  metrics: Metrics,
  log: Log,
  lines: BoundedLines,
  bans: Bans | null,
): BridgeObserver & FrpEdgeObserver & ProxEdgeObserver {
  return {
    answered(op, decision, about) {
      const { effect, wouldRefuse } = decision;
      const { unkept, answer, durationMs } = about;
      const name = op.known ? op.name : "unknown";
      metrics.answered(name, effect, durationMs);
      for (const { rule, result } of decision.checks) {
        if (result === "not_enforceable") metrics.notEnforceable(rule);
      }
      if (wouldRefuse) metrics.wouldRefuse(name, wouldRefuse.rule, wouldRefuse.code);
      if (effect === "refused") bans?.refused(op, decision);
      if (unkept !== null) {
        metrics.unrecorded(unkept.failure, answer.kind);
        const { failure, queued } = unkept;
        const kind = { ...kindOf(op, decision), failure, queued, answer: answer.kind };
        lines.write("error", kind, lineOf(op, decision, about), "answered before its record was durable");
      } else if (effect === "refused") {
        lines.write("info", kindOf(op, decision), lineOf(op, decision, about), "refused");
      } else if (wouldRefuse) {
        const kind = kindOf(op, { effect, ...wouldRefuse });
        lines.write("info", kind, { ...lineOf(op, decision, about), wouldRefuse }, "would refuse");
      } else if (log.isLevelEnabled("debug")) {
        log.debug({ ...kindOf(op, decision), ...lineOf(op, decision, about) }, effect);
      }
    },
    floodRefused(op, reason, durationMs) {
      const kind = kindOf(op, { effect: "refused", code: "login_flood", rule: null });
      const line = { reason, ...factsOf(op), ms: rounded(durationMs) };
      lines.write("warn", kind, line, "refused unrecorded: too many logins from this address");
    },
    turnedAway(status, problem, { node, ...about }) {
      metrics.turnedAway(status);
      const level = status === 500 ? "error" : status === 404 || status === 405 ? "info" : "warn";
      const kind = { protocol: "frp", node, effect: "turned away", status, problem };
      lines.write(level, kind, { ...about, ms: rounded(about.ms) }, "call turned away");
    },
    malformed({ node, reason, length, sha256 }) {
      const kind = { protocol: "prox", node, effect: "turned away", problem: `not a call: ${reason}` };
      lines.write("warn", kind, { length, sha256 }, "call turned away");
    },
  };
}

/** What sessions tell: counted, and logged where a node changes its ways. */
export function sessionsObserver({ sessions }: Metrics, log: Log): SessionsObserver {
  return {
    opened: () => sessions.opened(),
    ended: (end, traffic) => sessions.ended(end, traffic),
    unpaired: () => sessions.unpaired(),
    confirmed: (pairing) => sessions.confirmed(pairing),
    endsAnnounced({ node, type }, are) {
      sessions.endsAnnounced(are);
      const of = { node, type };
      if (are) log.info(of, "sessions: this node tells the ends of connections of this type");
      else
        log.warn(
          of,
          "sessions: this node does not tell the ends of connections of this type any more; they are inferred, and limits of open ones not enforced",
        );
    },
  };
}

interface Kind {
  readonly effect: string;
  readonly code: string;
  readonly rule: string | null;
}

/** Of few values, whoever calls: there are as many as rules, nodes and ops. */
function kindOf(op: Op, { effect, code, rule }: Kind) {
  const { protocol, node, known, name } = op;
  return { protocol, node, op: known ? name : "unknown", effect, code, rule };
}

function lineOf(
  op: Op,
  { effect, code, rule, reason, revision }: Decision,
  { durationMs, eventId }: Answered,
) {
  return { effect, code, rule, reason, revision, ...factsOf(op), event: eventId, ms: rounded(durationMs) };
}

const mostChars = 256;

/** Whom and what an op is about. Names are as strangers made them. */
export function factsOf({ known, name, reqid, user, client, proxy, remote, prox }: Op) {
  return {
    ...(!known && { op: cut(name) }),
    reqid,
    user: cut(user),
    client,
    proxy: cut(proxy?.name),
    ip: remote?.ip,
    port: remote?.port,
    ...(prox && { route: cut(prox.route), domain: cut(prox.domain) }),
  };
}

function cut(text: string | null | undefined): string | null | undefined {
  return text && text.length > mostChars ? `${text.slice(0, mostChars)}…` : text;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
