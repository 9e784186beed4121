/** Bridges that break their word, each in one way: what the judge must find, by name. */
import type { Fault } from "./fault.ts";
import { processFaults } from "./list/process.ts";

const named = (name: string): Fault => processFaults.find((fault) => fault.name === name)!;

export const brokenBridges: readonly Fault[] = [
  {
    ...named("none"),
    name: "drops",
    what: "never sends one of its events",
    broken: "drops",
    crime: "lost",
  },
  {
    ...named("none"),
    name: "reorders",
    what: "sends two events of a key the wrong way round",
    broken: "reorders",
    crime: "order",
  },
  {
    ...named("kill"),
    name: "answers-early",
    what: "answers before the event is durable",
    broken: "answers-early",
    crime: "lost",
  },
  {
    ...named("none"),
    name: "reuses-a-number",
    what: "gives one number twice",
    broken: "reuses-a-number",
    crime: "sequence",
  },
  {
    ...named("none"),
    name: "loses-ends",
    what: "does not tell of some sessions that they ended",
    broken: "loses-ends",
    crime: "unended",
  },
  {
    ...named("kill"),
    name: "forgets-sessions",
    what: "knows nothing of what was open before it was killed",
    broken: "forgets-sessions",
    crime: "unended",
  },
  {
    ...named("none"),
    name: "ends-another",
    what: "tells of some sessions that they ended twice, and of others that they did not",
    broken: "ends-another",
    crime: "unpaired",
  },
  {
    name: "obeys-late",
    what: "decides by rules that are three seconds old",
    broken: "obeys-late",
    crime: "stale",
    strike: (scene) => scene.seconds(3),
  },
];
