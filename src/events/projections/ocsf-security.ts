/** OCSF's profile security_control: what the policy did, by which rule. */
import type { Facts } from "./facts.ts";

const actions = { 1: "Allowed", 2: "Denied", 3: "Observed" } as const;
const dispositions = {
  1: "Allowed",
  2: "Blocked",
  17: "Logged",
  25: "Rejected",
  26: "Unauthorized",
  27: "Error",
} as const;

/** Codes of refusals that are not simply a rule's deny. */
const byCode = new Map<string | null, keyof typeof dispositions>([
  ["token_rejected", 26],
  ["access_ended", 26],
  ["group_missing", 26],
  ["default_deny", 25],
  ["own_names", 25],
  ["policy_unavailable", 27],
  ["policy_stale", 27],
  ["rule_unreadable", 27],
  ["not_recorded", 27],
]);

function disposition({ effect, code, wouldRefuse }: Facts): keyof typeof dispositions {
  if (effect === "refused") return byCode.get(code) ?? 2;
  return effect === "recorded" || wouldRefuse !== null ? 17 : 1;
}

/** Nothing of an event that is about no decision. */
export function securityControl(facts: Facts) {
  if (facts.effect === null) return {};
  const { effect, rule, revision, code, wouldRefuse } = facts;
  const action = effect === "refused" ? 2 : effect === "recorded" ? 3 : 1;
  const outcome = disposition(facts);
  return {
    action_id: action,
    action: actions[action],
    disposition_id: outcome,
    disposition: dispositions[outcome],
    policy: {
      name: rule ?? "no rule",
      ...(rule !== null && { uid: rule }),
      ...(revision !== null && { version: revision }),
      ...(wouldRefuse !== null && { desc: `would refuse: ${wouldRefuse}` }),
    },
    ...(code !== null && { status_code: code }),
  };
}
