/**
 * What is counted and logged of each op: one wide line for a refused or failed one, allowed ones at debug.
 * No content goes into a line, so no secret can.
 */
import type { Metrics } from "./admin/metrics.ts";
import type { BridgeObserver } from "./bridge.ts";
import type { Decision } from "./decision.ts";
import type { FrpEdgeObserver } from "./frp/edge.ts";
import type { Log } from "./log.ts";
import type { Op } from "./op.ts";
import type { Bans } from "./policy/bans.ts";
import type { SessionsObserver } from "./sessions/sessions.ts";

/** @param bans null where nobody is banned */
export function observer(metrics: Metrics, log: Log, bans: Bans | null): BridgeObserver & FrpEdgeObserver {
  return {
    answered(op, decision, durationMs) {
      const { effect, wouldRefuse } = decision;
      const name = op.known ? op.name : "unknown";
      metrics.answered(name, effect, durationMs);
      for (const { rule, result } of decision.checks) {
        if (result === "not_enforceable") metrics.notEnforceable(rule);
      }
      if (effect === "refused") {
        log.info(line(op, decision, durationMs), "refused");
        bans?.refused(op, decision);
      } else if (wouldRefuse) {
        metrics.wouldRefuse(name, wouldRefuse.rule, wouldRefuse.code);
        log.info({ ...line(op, decision, durationMs), wouldRefuse }, "would refuse");
      } else if (log.isLevelEnabled("debug")) log.debug(line(op, decision, durationMs), effect);
    },
    unrecorded(op, kept, answer) {
      metrics.unrecorded(kept.failure, answer.kind);
      log.error(
        { ...about(op), failure: kept.failure, queued: kept.queued, answer: answer.kind },
        "answered before its record was durable",
      );
    },
    turnedAway(status, problem) {
      metrics.turnedAway(status);
      if (status === 500) log.error({ status, problem }, "call failed");
      else log.debug({ status, problem }, "call turned away");
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

function about(op: Op): object {
  const { protocol, node, name, reqid, user, client, proxy, remote } = op;
  return { protocol, node, op: name, reqid, user, client, proxy: proxy?.name, ip: remote?.ip };
}

function line(op: Op, { effect, code, rule, reason, revision }: Decision, durationMs: number): object {
  return { ...about(op), effect, code, rule, reason, revision, ms: Math.round(durationMs * 1000) / 1000 };
}
