/** Who wrote a rule, and why: `by` and `note` put into its value. */
import { objectIn } from "./policy-text-edit.ts";

export interface Stamp {
  readonly by: string | null;
  /** Whether `by` takes the place of one that the rule has. */
  readonly replacesBy: boolean;
  /** Takes the place of one that the rule has. */
  readonly note: string | null;
}

/** The value with the stamp; a short form becomes its JSON form. What is neither stays as it is. */
export function stamped(value: string, { by, replacesBy, note }: Stamp): string {
  const fields = fieldsOf(value);
  if (fields === null) return value;
  const stampedFields = {
    ...fields,
    ...(by !== null && (replacesBy || fields.by === undefined) && { by }),
    ...(note !== null && { note }),
  };
  const same = Object.entries(stampedFields).every(([name, field]) => fields[name] === field);
  return same ? value : JSON.stringify(stampedFields);
}

/** The fields that a value stands for: `deny why` is `{effect, reason}`, a list `{targets}`. Null for what is no rule's value. */
export function fieldsOf(value: string): Readonly<Record<string, unknown>> | null {
  const trimmed = value.trim();
  if (trimmed === "allow" || trimmed === "deny") return { effect: trimmed };
  const targets = listIn(trimmed);
  if (targets !== null) return { targets };
  const reason = /^deny\s+(\S.*)$/s.exec(trimmed)?.[1];
  return reason === undefined ? objectIn(trimmed) : { effect: "deny", reason };
}

function listIn(value: string): readonly unknown[] | null {
  if (!value.startsWith("[")) return null;
  try {
    return JSON.parse(value) as unknown[];
  } catch {
    return null;
  }
}
