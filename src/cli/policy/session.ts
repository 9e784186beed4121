/** What the policy commands have in common: the settings, the store, and how they print. */
import { userInfo } from "node:os";
import { loadSettings } from "../../config/load.ts";
import type { Settings } from "../../config/settings.ts";
import { shownKey } from "../../policy/rule-key.ts";
import { redactedValue } from "../../policy/rule-value.ts";
import type { PolicyStore } from "../../policy/store.ts";
import { openPolicyStore } from "../../wiring/policy-store.ts";
import { printable, printableJson } from "../screen-text.ts";

export interface PolicyOptions {
  readonly config?: string;
}

export function settingsOf({ config }: PolicyOptions): Settings {
  return loadSettings(config ?? null, process.env).settings;
}

/** Opens the store for one command, and closes it whatever comes of that. */
export async function withStore<Result>(
  options: PolicyOptions,
  run: (store: PolicyStore, settings: Settings) => Promise<Result>,
): Promise<Result> {
  const settings = settingsOf(options);
  const store = await openPolicyStore(settings);
  try {
    return await run(store, settings);
  } finally {
    await store.close();
  }
}

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

/** A value fit for a terminal, its secrets masked. */
export function valueText(value: string): string {
  return printableJson(redactedValue(value));
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** Who runs this, as the system names them; null where it has no name. */
export function whoever(): string | null {
  try {
    return process.env.USER || userInfo().username || null;
  } catch {
    return null;
  }
}

export async function fromStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
