/** Rules that have ended, have not begun, or will end into something that was not meant. */
import type { ReadableRule } from "../rule.ts";
import { type CheckContext, defaultEffect, type Finding, spanText } from "./finding.ts";

export function* timeFindings(rule: ReadableRule, context: CheckContext): Generator<Finding> {
  const key = rule.key.text;
  const { effect, notBeforeMs, expiresAtMs } = rule.terms;
  const { nowMs } = context;
  const opens = effect === "allow" && rule.key.scope !== "default" && defaultEffect(context) === "allow";
  if (expiresAtMs !== null && expiresAtMs <= nowMs) {
    yield {
      severity: "warning",
      code: "ended",
      key,
      what:
        effect === "allow"
          ? `ended ${dayOf(expiresAtMs)}, and refuses for as long as its key is there ("access ended")`
          : `ended ${dayOf(expiresAtMs)}, and has no effect any more`,
      remedy: "give it a later expiresAt, or remove it",
    };
    return;
  }
  if (notBeforeMs !== null && notBeforeMs > nowMs) {
    yield {
      severity: "info",
      code: "not_begun",
      key,
      what: `begins ${dayOf(notBeforeMs)}${opens ? "; until then the default allows" : ""}`,
      remedy: "nothing, if that is meant",
    };
  }
  const leftMs = context.leftMs.get(key);
  if (rule.key.scope === "ban" && leftMs === undefined && expiresAtMs === null) {
    yield {
      severity: "info",
      code: "lasting_ban",
      key,
      what: "bans for ever: it has neither a TTL nor an expiresAt",
      remedy: "nothing, if that is meant; `sluice policy rm` ends it",
    };
  }
  if (leftMs !== undefined && opens) {
    yield {
      severity: "warning",
      code: "temporary_allow",
      key,
      what: `ends in ${spanText(leftMs)} by its TTL, and then the default allows what it allowed`,
      remedy: "use expiresAt instead of a TTL: from then on it refuses; or set the default to deny",
    };
  } else if (expiresAtMs !== null && opens) {
    yield {
      severity: "info",
      code: "temporary_allow",
      key,
      what: `refuses from ${dayOf(expiresAtMs)} on; once its key is removed, the default allows what it allowed`,
      remedy: "replace it by a deny then, or set the default to deny",
    };
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
