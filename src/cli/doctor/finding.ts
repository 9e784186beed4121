/**
 * What a check of the doctor finds.
 *
 *   green   as it should be
 *   yellow  it works, or cannot be told, and somebody should look
 *   red     the bridge does not start, does not reach something, or may lose something
 */
export type Level = "green" | "yellow" | "red";

export const sections = ["settings", "data", "redis", "kafka", "ports"] as const;
export type Section = (typeof sections)[number];

export interface Finding {
  readonly level: Level;
  /** What was looked at, in a word or two. */
  readonly what: string;
  /** What was seen, without secrets. */
  readonly seen: string;
  /** What to do about it; null where there is nothing to do. */
  readonly next: string | null;
}

export const green = (what: string, seen: string): Finding => ({ level: "green", what, seen, next: null });
export const yellow = (what: string, seen: string, next: string): Finding => ({
  level: "yellow",
  what,
  seen,
  next,
});
export const red = (what: string, seen: string, next: string): Finding => ({
  level: "red",
  what,
  seen,
  next,
});

const order: readonly Level[] = ["green", "yellow", "red"];

export function worstOf(findings: readonly Finding[]): Level {
  return order[Math.max(0, ...findings.map(({ level }) => order.indexOf(level)))]!;
}
