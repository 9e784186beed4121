/** `--by`, `--note` and `--plain`: what is added to a rule that a command writes. */
import { userInfo } from "node:os";
import type { Stamp } from "../../policy/stamp.ts";

export interface StampOptions {
  readonly by?: string;
  readonly note?: string;
  /** No stamp at all. */
  readonly plain?: boolean;
}

/** Who runs this stands in for `--by`, unless the rule says so itself. */
export function stampOf({ by, note }: StampOptions): Stamp {
  return { by: by ?? whoever(), replacesBy: by !== undefined, note: note ?? null };
}

/** Who runs this, as the system names them; null where it has no name. */
function whoever(): string | null {
  try {
    return process.env.USER || userInfo().username || null;
  } catch {
    return null;
  }
}
