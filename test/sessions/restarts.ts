/** How sessions are taken up again after a kill, and what is looked at then. */
import type { AnyEvent, World } from "./world.ts";

/** How the process finds what it was: from the journal alone, or from what a snapshot held at some moment. */
export const ways = [
  { way: "from the journal", snapshot: () => undefined },
  { way: "from a snapshot", snapshot: (world: World) => world.snapshot() },
] as const;

/** All but what a process's own clock, and its own numbers, make of it. */
export function content({ data, id, time, partitionkey, subject, policyrev }: AnyEvent): unknown {
  const { durationClock: _clock, ...rest } = data;
  return { id, time, partitionkey, subject, policyrev, ...rest };
}

export function endsOf(world: World): [string, string][] {
  return world.of("session.ended").map(({ data }) => [data.session.id, data.end.reason]);
}
