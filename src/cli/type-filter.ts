/** Which event types are meant: `login.refused`, `session.*`, with or without the prefix. */
import { eventTypes, typePrefix } from "../events/schema.ts";
import { hint } from "../spelling.ts";

const types = Object.keys(eventTypes);
const widest = 80;

/** Whether a type is meant by one of the patterns; without any, every type is. */
export function typeFilter(patterns: readonly string[] | undefined): (type: string) => boolean {
  if (patterns === undefined || patterns.length === 0) return () => true;
  const matches = patterns.map(matcher);
  return (type) => matches.some((matching) => matching.test(bare(type)));
}

/** What is wrong with a pattern that means no type there is; null when it means one. */
export function patternProblem(pattern: string): string | null {
  if (types.some((type) => matcher(pattern).test(type))) return null;
  return `No event has such a type${hint(bare(pattern), types) || "."}`;
}

/** The types, each family on lines of its own, for `--help`. */
export function typeList(): string {
  const families = Map.groupBy(types, (type) => type.split(".")[0]!);
  return [...families.values()].flatMap((family) => wrapped(family)).join("\n");
}

function wrapped(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const longer = lines.length === 0 ? `  ${name}` : `${lines.at(-1)}, ${name}`;
    if (lines.length > 0 && longer.length <= widest) lines[lines.length - 1] = longer;
    else lines.push(`  ${name}`);
  }
  return lines;
}

function matcher(pattern: string): RegExp {
  const source = bare(pattern)
    .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*");
  return new RegExp(`^${source}$`);
}

function bare(type: string): string {
  return type.startsWith(typePrefix) ? type.slice(typePrefix.length) : type;
}
