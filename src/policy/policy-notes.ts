/** Tells what came into force, and what did not: in notes, to be published, and in the log where something is wrong. */
import type { Change } from "./held-rules.ts";
import type { PolicyLog, PolicyNote } from "./policy.ts";
import { type Scope, shownKey } from "./rule-key.ts";
import type { RuleSet } from "./rule-set.ts";

export interface PolicyNotesParts {
  readonly rules: RuleSet;
  readonly log: PolicyLog;
  readonly onNote: (note: PolicyNote) => void;
}

export class PolicyNotes {
  readonly #parts: PolicyNotesParts;

  constructor(parts: PolicyNotesParts) {
    this.#parts = parts;
  }

  /** @param isFirstLoad it has no before: of what can be read its summary is logged instead of a note for each rule */
  changed({ key, before, after, cause, rule, from }: Change, isFirstLoad: boolean): void {
    const { rules, onNote } = this.#parts;
    if (rule && !rule.readable) {
      this.#rejected(shownKey(key), rule.problem, rule.key.scope, from());
    } else if (!isFirstLoad) {
      onNote({
        kind: "changed",
        key: shownKey(key),
        before,
        after,
        cause,
        by: rule?.readable ? rule.terms.by : null,
        revision: { from: from(), to: rules.revision },
      });
    }
  }

  /** The source as a whole cannot be understood. */
  unreadable(problem: string): void {
    this.#rejected("", problem, "default", this.#parts.rules.revision);
  }

  /** All rules vanished, and so many stay in force. */
  emptied(rulesKept: number): void {
    const { rules, log, onNote } = this.#parts;
    log.error(
      { rulesKept },
      "every policy rule vanished at once; the old ones stay in force until the source has a `default` rule, " +
        "or `sluice policy accept-empty` says that this is meant",
    );
    const { revision } = rules;
    onNote({ kind: "emptied", rulesKept, revision: { from: revision, to: revision } });
  }

  #rejected(key: string, problem: string, scope: Scope | null, from: string): void {
    const { rules, log, onNote } = this.#parts;
    log.error({ key, problem }, key === "" ? "the policy cannot be read" : unreadableText(scope));
    onNote({ kind: "rejected", key, problem, revision: { from, to: rules.revision } });
  }
}

function unreadableText(scope: Scope | null): string {
  if (scope === "prox") return "what prox is to be told cannot be read: it keeps what it has";
  const effect =
    scope === null ? "its key covers nothing, so it refuses NOTHING" : "it refuses what it covers";
  return `a policy rule cannot be read: ${effect}`;
}
