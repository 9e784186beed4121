/** What the policy commands print: results on stdout, notices on stderr, nothing in them that moves a cursor. */
import { shownKey } from "../../policy/rule-key.ts";
import { shownValue } from "../../policy/shown-value.ts";
import { printable, printableJson } from "../screen-text.ts";

/** Each must be printable. */
export function print(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}

export function printJson(value: unknown): void {
  const json = JSON.stringify(value);
  process.stdout.write(`${process.stdout.isTTY ? printableJson(json) : json}\n`);
}

export function notice(text: string): void {
  process.stderr.write(`sluice: ${printable(text)}\n`);
}

/** Fit for a terminal, and without a run id. */
export function keyText(key: string): string {
  return printable(shownKey(key));
}

/** A key's value fit for a terminal, its secrets masked. */
export function valueText(key: string, value: string): string {
  return printableJson(shownValue(key, value));
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}
