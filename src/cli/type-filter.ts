/** Which event types are meant: `login.refused`, `session.*`, with or without the prefix. */
import type { EventType, typePrefix } from "../events/schema.ts";
import { hint } from "../spelling.ts";

/** Written out, as loading the shapes of the events' data takes longer than most commands do. */
const types = Object.keys({
  "login.allowed": true,
  "login.refused": true,
  "login.confirmed": true,
  "proxy.allowed": true,
  "proxy.refused": true,
  "proxy.closed": true,
  "heartbeat.allowed": true,
  "heartbeat.refused": true,
  "workconn.allowed": true,
  "workconn.refused": true,
  "session.started": true,
  "session.refused": true,
  "session.closed": true,
  "session.ended": true,
  "session.admitted": true,
  "request.allowed": true,
  "request.refused": true,
  "response.seen": true,
  "request.completed": true,
  "op.unknown": true,
  "op.malformed": true,
  "policy.changed": true,
  "policy.rejected": true,
  "policy.emptied": true,
  "bridge.started": true,
  "bridge.stopped": true,
  "bridge.gap": true,
  "bridge.progress": true,
} satisfies Record<EventType, true>);
const prefix: typeof typePrefix = "sluice.";
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
  return type.startsWith(prefix) ? type.slice(prefix.length) : type;
}
