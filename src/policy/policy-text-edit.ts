/**
 * Writes the text of a policy file: a whole new one, or an old one with some rules changed and every other
 * character as it was.
 */
import { readPolicyText, tokensOf } from "./policy-text.ts";
import type { StoreChange } from "./store.ts";

/** A file of these rules, one beneath the other in the order of their keys. */
export function policyTextOf(rules: Iterable<readonly [key: string, value: string]>): string {
  const sorted = [...rules].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (sorted.length === 0) return "{}\n";
  return `{\n${sorted.map(([key, value]) => memberText(key, value, "  ")).join(",\n")}\n}\n`;
}

/**
 * @param text of a policy file that can be read; "" where there is none
 * @throws Error as readPolicyText does
 */
export function policyTextWith(text: string, changes: readonly StoreChange[]): string {
  if (text.trim() === "") return policyTextOf(added(changes));
  readPolicyText(text);
  const members = membersOf(text);
  const last = new Map(members.map((member) => [member.key, member]));
  const wanted = new Map(changes.map(({ key, value }) => [key, value]));
  const kept = members.filter(({ key }) => wanted.get(key) !== null);
  const fresh = [...added(changes)].filter(([key]) => !last.has(key));
  const first = kept[0];
  if (first === undefined) return policyTextOf(fresh);
  const indent = /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", first.from) + 1))![0] || "  ";
  const rows = kept.map((member) => {
    const value = last.get(member.key) === member ? wanted.get(member.key) : undefined;
    if (typeof value !== "string") return text.slice(member.from, member.end);
    return text.slice(member.from, member.valueFrom) + valueText(value, indent);
  });
  // What stands between two members goes with the second; before the first kept one that is what opens the file.
  const before = kept.map(({ behind, from }) => text.slice(behind, from));
  before[0] = text.slice(0, members[0]!.from);
  return [
    ...rows.map((row, at) => before[at] + row),
    ...fresh.map(([key, value]) => `,\n${memberText(key, value, indent)}`),
    text.slice(members.at(-1)!.end),
  ].join("");
}

interface Member {
  readonly key: string;
  /** Where the one before it ends. */
  readonly behind: number;
  readonly from: number;
  readonly valueFrom: number;
  readonly end: number;
}

/** Of the outermost object, as they stand. */
function membersOf(text: string): Member[] {
  const bom = text.startsWith("\uFEFF") ? 1 : 0;
  const members: Member[] = [];
  let depth = 0;
  let key: { readonly text: string; readonly from: number } | null = null;
  let valueFrom: number | null = null;
  for (const { text: token, from, end } of tokensOf(text.slice(bom))) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    const isValue = depth === 1 && key !== null && token !== ":" && token !== ",";
    if (isValue) valueFrom ??= from;
    else if (depth === 1 && key === null && token.startsWith('"')) key = { text: token, from };
    if (token === "{" || token === "[") depth += 1;
    // A value is whole when it leaves us where it began.
    if (isValue && depth === 1) {
      members.push({
        key: JSON.parse(key!.text) as string,
        behind: members.at(-1)?.end ?? 0,
        from: key!.from + bom,
        valueFrom: valueFrom! + bom,
        end: end + bom,
      });
      key = null;
      valueFrom = null;
    }
  }
  return members;
}

function* added(changes: readonly StoreChange[]): Generator<readonly [string, string]> {
  for (const { key, value } of changes) if (value !== null) yield [key, value];
}

function memberText(key: string, value: string, indent: string): string {
  return `${indent}${JSON.stringify(key)}: ${valueText(value, indent)}`;
}

/** An object as the object, one field a line; anything else as the text that it is. */
function valueText(value: string, indent: string): string {
  const object = objectIn(value);
  const json = object === null ? JSON.stringify(value) : JSON.stringify(object, null, 2);
  return json.replaceAll("\n", `\n${indent}`);
}

/** The JSON object that a value is; null for any other value. */
export function objectIn(value: string): Readonly<Record<string, unknown>> | null {
  if (!value.trim().startsWith("{")) return null;
  try {
    return JSON.parse(value) as Record<string, unknown>;
  } catch {
    return null;
  }
}
