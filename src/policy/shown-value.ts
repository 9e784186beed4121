/** A key's value as it may be published. */
import { parseRule } from "./rule.ts";
import { redactedValue } from "./rule-value.ts";
import { isPush } from "./store.ts";

/** Targets and speeds are no secrets; of what cannot be read, or stands there twice, nothing is shown. */
export function shownValue(key: string, value: string): string {
  return isPush(key) && parseRule(key, value).readable
    ? JSON.stringify(JSON.parse(value))
    : redactedValue(value);
}
