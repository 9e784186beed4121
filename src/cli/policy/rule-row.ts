/** Rules as people and programs see them in a list. */
import { spanText } from "../../policy/check/finding.ts";
import { hooksIn } from "../../policy/prox-terms.ts";
import { parseRule, type ReadableRule } from "../../policy/rule.ts";
import { shownKey } from "../../policy/rule-key.ts";
import { shownValue } from "../../policy/shown-value.ts";
import type { StoredRule } from "../../policy/store.ts";
import { aligned } from "../aligned.ts";
import { fitted } from "../event-table.ts";
import { cut, printable, widthOf } from "../screen-text.ts";

const head = ["KEY", "EFFECT", "CONDITIONS", "ENDS", "BY", "NOTE"];

/** @param screenWidth columns of the terminal; null when it is none: then nothing is cut */
export function ruleTable(rules: readonly StoredRule[], nowMs: number, screenWidth: number | null): string[] {
  if (rules.length === 0) return [];
  const rows = [head, ...rules.map((rule) => ruleRow(rule, nowMs).map(printable))];
  if (screenWidth === null) return aligned(rows, head.length);
  const widths = head.map((_, at) => rows.reduce((most, row) => Math.max(most, widthOf(row[at]!)), 0));
  const fit = fitted(widths, screenWidth);
  const shown = rows.map((cells) => cells.map((cell, at) => cut(cell, fit[at]!)));
  return aligned(shown, head.length);
}

function ruleRow({ key, value, leftMs }: StoredRule, nowMs: number): string[] {
  const rule = parseRule(key, value);
  const ttl = leftMs === null ? null : `in ${spanText(leftMs)}`;
  if (!rule.readable) return [shownKey(key), "unreadable", "-", ttl ?? "-", "-", `! ${rule.problem}`];
  const { by, note, reason, enforce } = rule.terms;
  const effect = effectOf(rule);
  const ends = [beginning(rule, nowMs), ttl, ending(rule, nowMs)].filter((part) => part !== null);
  return [
    shownKey(key),
    enforce ? effect : `${effect} (tried out)`,
    conditionsOf(rule).join(" ") || "-",
    ends.join(", ") || "-",
    by ?? "-",
    note ?? reason ?? "-",
  ];
}

function beginning({ terms: { notBeforeMs } }: ReadableRule, nowMs: number): string | null {
  return notBeforeMs !== null && notBeforeMs > nowMs ? `from ${timeText(notBeforeMs)}` : null;
}

function ending({ terms: { expiresAtMs } }: ReadableRule, nowMs: number): string | null {
  if (expiresAtMs === null) return null;
  return expiresAtMs <= nowMs ? `ended ${timeText(expiresAtMs)}` : timeText(expiresAtMs);
}

function effectOf({ terms: { effect, push } }: ReadableRule): string {
  return push === undefined ? effect : "push";
}

/** Their short names, what narrows the rule first; of a push what is pushed. */
function conditionsOf({ terms }: ReadableRule): string[] {
  const { ops, conditions, groups, set, prox, push } = terms;
  if (push !== undefined) {
    const { route_id: _, action: __, ...pushed } = push.params;
    return Object.entries(pushed).map(([name, value]) =>
      Array.isArray(value) ? `${name}:${value.join(",")}` : `${asWritten(name)}:${JSON.stringify(value)}`,
    );
  }
  return [
    ...(ops ? [`ops:${[...ops].join(",")}`] : []),
    ...conditions.flatMap(({ name }) => (name === "expiresAt" ? [] : [name])),
    ...(groups.length > 0 ? [`groups:${groups.join(",")}`] : []),
    ...(set ? [`set:${Object.keys(set).join(",")}`] : []),
    ...(prox ? [`prox:${hooksIn(prox).join(",")}`] : []),
  ];
}

/** `download_mbps` of prox as `downloadMbps`. */
function asWritten(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** For `--json`; secrets are masked. */
export function ruleFields({ key, value, leftMs }: StoredRule): object {
  const rule = parseRule(key, value);
  const common = { key: shownKey(key), value: shownValue(key, value), ttlMs: leftMs };
  if (!rule.readable) return { ...common, readable: false, problem: rule.problem };
  const { enforce, notBeforeMs, expiresAtMs, by, note } = rule.terms;
  return {
    ...common,
    readable: true,
    effect: effectOf(rule),
    enforce,
    conditions: conditionsOf(rule),
    notBefore: notBeforeMs === null ? null : timeText(notBeforeMs),
    expiresAt: expiresAtMs === null ? null : timeText(expiresAtMs),
    by,
    note,
  };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
