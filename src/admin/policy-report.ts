/** What the running bridge knows of its policy, and of the frps that it answers. */
import type { PolicyView, SourceState } from "../policy/policy.ts";

export interface PolicyReport {
  readonly revision: string;
  readonly available: boolean;
  readonly rules: number;
  readonly unreadable: number;
  /** Rules that are in force although their source no longer has them. */
  readonly kept: number;
  readonly source: SourceState;
  /** By frps and proxy type, whether ends of connections are told; a type nobody named is null. */
  readonly nodes: readonly {
    readonly node: string;
    readonly type: string | null;
    readonly endsTold: boolean;
  }[];
}

interface Kinds {
  kinds(): Iterable<{ readonly node: string; readonly type: string | null; readonly announced: boolean }>;
}

export function policyReport(
  { rules, available, keptRules }: PolicyView & { readonly keptRules: number },
  source: SourceState,
  roster: Kinds,
): PolicyReport {
  return {
    revision: rules.revision,
    available,
    rules: rules.size,
    unreadable: rules.unreadable.size,
    kept: keptRules,
    source,
    nodes: Array.from(roster.kinds(), ({ node, type, announced }) => ({ node, type, endsTold: announced })),
  };
}
