/**
 * The rules in force as they are on disk. There a rule's end is a moment of the wall clock, so that it holds for the
 * next process; in force it is one of the monotonic clock, which no step of the wall clock moves.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import { type HeldRules, partRules } from "./held-rules.ts";
import type { SavedRule } from "./last-known-good.ts";
import { isPush } from "./store.ts";

export function* savedRules(held: HeldRules, clock: Clock): Generator<SavedRule> {
  for (const rule of held.all()) {
    const endsAtMs = rule.endsAtMs === null ? null : rule.endsAtMs - clock.monotonic() + clock.now();
    yield { key: rule.key.text, value: rule.value, endsAtMs, kept: held.isKept(rule) };
  }
}

/**
 * Puts what an earlier process saved back in force. What was kept then is of round 0 and is kept again, the rest is of
 * round 1; rules that ended meanwhile are left out.
 * @returns keys of what that process had told prox that ended meanwhile
 */
export async function putSaved(
  held: HeldRules,
  saved: readonly SavedRule[],
  clock: Clock,
): Promise<string[]> {
  const kept = saved.filter((rule) => rule.kept);
  const found = saved.filter((rule) => !rule.kept);
  const endedOfKept = await putRound(held, 0, kept, clock);
  if (held.size > 0) held.keepAll(0);
  const ended = await putRound(held, 1, found, clock);
  return [...endedOfKept, ...ended];
}

async function putRound(
  held: HeldRules,
  round: number,
  rules: readonly SavedRule[],
  clock: Clock,
): Promise<string[]> {
  const endedPushes: string[] = [];
  const nowMs = clock.now();
  for (let from = 0; from < rules.length; from += partRules) {
    for (const { key, value, endsAtMs } of rules.slice(from, from + partRules)) {
      const leftMs = endsAtMs === null ? null : endsAtMs - nowMs;
      if (leftMs === null || leftMs > 0) held.put({ key, value, leftMs }, round, "resync");
      else if (isPush(key)) endedPushes.push(key);
    }
    await turn();
  }
  return endedPushes;
}
