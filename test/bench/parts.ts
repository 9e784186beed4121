/** The parts of the bench by name: the program of each, and what it measures. */

export interface Part {
  readonly program: string;
  readonly what: string;
  /** A script of its own, whose output is taken as it is; it gets these arguments, and says nothing of its own. */
  readonly script?: (lengths: import("./part.ts").Lengths, quick: boolean) => readonly string[];
}

export const parts: Readonly<Record<string, Part>> = {
  generators: { program: "parts/generators.ts", what: "what the load costs, in Go and in Node" },
  edge: {
    program: "parts/edge.ts",
    what: "answers as fast as they come, by journal mode, with and without Kafka",
  },
  limit: { program: "parts/limit.ts", what: "what the least program that does as much could answer" },
  frps: { program: "parts/frps.ts", what: "answers asked for as frps does it" },
  rules: { program: "parts/rules.ts", what: "answers with none, 1,000 and many rules; memory" },
  latency: { program: "parts/latency.ts", what: "time added at 2,000 op/s in an open loop" },
  away: { program: "parts/away.ts", what: "answers while Kafka is away" },
  "catch-up": { program: "parts/catch-up.ts", what: "answers while events catch up; lag at 5,000 op/s" },
  memory: { program: "parts/memory.ts", what: "memory during an outage of Kafka" },
  forwarder: { program: "parts/forwarder.ts", what: "the forwarder alone beside kafkajs alone" },
  journal: { program: "parts/journal.ts", what: "the journal alone beside a loop of write and fdatasync" },
  decide: { program: "parts/decide.ts", what: "a decision alone, with none, 1,000 and many rules" },
  start: { program: "parts/start.ts", what: "from the start of the process to its first answer" },
  "policy-load": {
    program: "rules.ts",
    what: "loading many rules, and decisions about them",
    script: ({ manyRules }, quick) => ["--rules", String(manyRules), "--rounds", quick ? "1" : "3"],
  },
  propagation: {
    program: "policy.ts",
    what: "from a SET in Redis to the first decision that obeys it, at rest",
    script: (_, quick) => ["--count", quick ? "100" : "1000"],
  },
  flips: {
    program: "flips.ts",
    what: "from a SET in Redis to the first answer that obeys it, under load",
    script: (_, quick) => ["--count", quick ? "100" : "1000"],
  },
  prox: {
    program: "prox.ts",
    what: "prox: start, frames at the socket, requests",
    script: (_, quick) =>
      quick ? ["--seconds", "0.2", "--rounds", "1", "--starts", "1"] : ["--seconds", "2", "--rounds", "5"],
  },
  sessions: {
    program: "sessions.ts",
    what: "the map of open sessions",
    script: ({ sessions }, quick) => ["--sessions", String(sessions), "--rounds", quick ? "1" : "5"],
  },
};
