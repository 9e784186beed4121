/**
 * A part of the bench: a program that measures one thing and tells what it found as it goes, one line of JSON each.
 *
 * bench.ts starts it with its work as the only argument; progress goes to stderr. What it has told is kept when it is
 * interrupted.
 */
import { closeAll } from "../hosts/open.ts";
import type { Mix } from "./load/calls.ts";
import type { Language } from "./load/generator.ts";
import type { Spread } from "./statistics.ts";

/** A checkout of Sluice with its node_modules. */
export interface Version {
  /** `sluice`, or the revision that it is compared with. */
  readonly name: string;
  readonly tree: string;
}

export interface Work {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly mix: Mix;
  readonly load?: Language;
  /** This one first. */
  readonly versions: readonly [Version, ...Version[]];
  readonly lengths: Lengths;
  readonly profileTo?: string;
  readonly verify: boolean;
}

/** What would take long: short by default, and said beside the figures. */
export interface Lengths {
  readonly manyRules: number;
  readonly startRules: number;
  readonly catchUpEvents: number;
  readonly outageSeconds: number;
  readonly forwardedRecords: number;
  readonly sessions: number;
}

export interface Limit {
  readonly sense: "least" | "most";
  readonly value: number;
  /** As it is said, such as `one fdatasync + 0.3 ms`; the value where it is left out. */
  readonly text?: string;
}

/** A row of the table of required, sought and measured. */
export interface Measured {
  readonly kind: "measured";
  readonly version: string;
  readonly what: string;
  /** In one sentence. */
  readonly how: string;
  readonly unit: "×" | "ms" | "MiB";
  readonly spread: Spread;
  readonly required: Limit;
  readonly sought?: Limit;
  /** Microseconds of processor an op cost the server, beside those of what it is compared with. */
  readonly cpuUs?: readonly [number, number];
}

export interface Table {
  readonly kind: "table";
  readonly title: string;
  readonly note?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Text {
  readonly kind: "text";
  readonly title: string;
  readonly text: string;
}

export interface Skipped {
  readonly kind: "skipped";
  readonly why: string;
}

export type Told = Measured | Table | Text | Skipped;
export type Tell = (told: Told) => void;

export const least = (value: number, text?: string): Limit => ({
  sense: "least",
  value,
  ...(text && { text }),
});
export const most = (value: number, text?: string): Limit => ({
  sense: "most",
  value,
  ...(text && { text }),
});

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Why it measures nothing where it lacks something, such as Kafka. */
export class Lacking extends Error {}

/** What went wrong first, and what then went wrong in clearing up. */
function problemOf(thrown: unknown): string {
  if (thrown instanceof SuppressedError)
    return `${problemOf(thrown.suppressed)}; then ${problemOf(thrown.error)}`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

export async function runPart(measure: (work: Work, tell: Tell) => Promise<void>): Promise<void> {
  const tell: Tell = (told) => void process.stdout.write(`${JSON.stringify(told)}\n`);
  try {
    await measure(JSON.parse(process.argv[2] ?? "") as Work, tell);
  } catch (thrown) {
    if (thrown instanceof Lacking) tell({ kind: "skipped", why: thrown.message });
    else {
      say(`bench: ${problemOf(thrown)}`);
      process.exitCode = 1;
    }
  } finally {
    await closeAll();
  }
}
