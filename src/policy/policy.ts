/** What `decide` needs of the policy: the rules in force and the settings that go with them. */
import type { RuleSet } from "./rule-set.ts";

export interface PolicySettings {
  readonly default: "allow" | "deny";
  readonly mode: "enforce" | "observe";
  readonly ownNames: boolean;
  readonly tokenMeta: string;
}

export interface PolicyView {
  readonly rules: RuleSet;
  readonly settings: PolicySettings;
  /** False until a policy has been loaded once, ever: everything is refused. */
  readonly available: boolean;
  /** True when the source has been away longer than policy.maxStaleMs and policy.whenStale is `deny`. */
  readonly refuseAsStale: boolean;
}

/** What came into force, or did not; published as policy.changed, policy.rejected, policy.emptied. */
export type PolicyNote =
  | {
      readonly kind: "changed";
      /** Without prefix: `user:alice`. */
      readonly key: string;
      readonly before: string | null;
      readonly after: string | null;
      readonly cause: "written" | "deleted" | "expired" | "resync" | "accepted";
      /** Who wrote it, where the new rule says so. */
      readonly by: string | null;
      readonly revision: { readonly from: string; readonly to: string };
    }
  | {
      readonly kind: "rejected";
      /** Empty when the whole source cannot be read, as with a policy file that is no longer JSON. */
      readonly key: string;
      /** Why the value cannot be read; holds nothing of the value that could be secret. */
      readonly problem: string;
      readonly revision: { readonly from: string; readonly to: string };
    }
  | {
      readonly kind: "emptied";
      readonly rulesKept: number;
      readonly revision: { readonly from: string; readonly to: string };
    };

/** Where rules come from; the policy file and Redis are the two. */
export interface PolicySource {
  /** Resolves when the first load has been tried; rejects only where start-up must stop. */
  start(): Promise<void>;
  state(): SourceState;
  close(): Promise<void>;
}

export interface SourceState {
  readonly kind: "redis" | "file";
  readonly connected: boolean;
  /** Milliseconds since the source last confirmed that the rules are current. */
  readonly ageMs: number;
  readonly lastError: string | null;
}

/** What the policy asks of a log; pino's logger is one. */
export interface PolicyLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
