/**
 * Imports go one way: cli -> app -> edges -> bridge -> {policy, journal, events}. The kafka and redis adapters
 * are known only to the two wiring places: the app and the forwarder's thread.
 */
const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

module.exports = {
  forbidden: [
    rule("no-cycles", "two files that need each other are one file, or three", {}, { circular: true }),
    rule(
      "only-main-knows-the-commands",
      "commands are the outermost layer",
      { pathNot: "^src/(main\\.ts|cli/)" },
      { path: "^src/cli/" },
    ),
    rule(
      "only-commands-know-the-app",
      "the app is wired for commands",
      { pathNot: "^src/(main\\.ts|cli/|app\\.ts|wiring/)" },
      { path: "^src/app\\.ts" },
    ),
    rule(
      "edges-are-known-to-the-app",
      "nothing within knows the wire",
      { path: "^src/(bridge|policy|journal|events|forwarder|kafka|config)" },
      { path: "^src/(frp|prox|admin)/" },
    ),
    rule(
      "the-core-knows-no-bridge",
      "policy, journal and events stand below the bridge",
      { path: "^src/(policy|journal|events|config)/" },
      { path: "^src/bridge\\.ts" },
    ),
    rule(
      "policy-knows-no-journal",
      "what decides does not record",
      { path: "^src/policy/" },
      { path: "^src/(journal|forwarder|kafka|events/(render|schema))" },
    ),
    rule(
      "journal-knows-no-policy",
      "what records does not decide",
      { path: "^src/(journal|forwarder|kafka)/" },
      { path: "^src/policy/" },
    ),
    rule(
      "kafka-is-wired-in-two-places",
      "the app's commands and the forwarder's thread",
      {
        path: "^src/",
        pathNot:
          "^src/(kafka/|forwarder/thread\\.ts|wiring/|cli/replay|cli/recorded-kafka|cli/tail-kafka|cli/topics|cli/verify\\.ts|cli/doctor/)",
      },
      { path: "^src/kafka/", pathNot: "^src/kafka/settings" },
    ),
    rule(
      "the-ledger-stands-alone",
      "it judges what stands on the topics, whoever wrote it and however it is read",
      { path: "^src/ledger/" },
      { pathNot: "^(src/(ledger|events)/|node:)", dependencyTypesNot: ["core"] },
    ),
    rule(
      "consumers-start-nothing",
      "what sluice/events imports runs in programs of others, which have only zod",
      { path: "^src/events/((index|parse|schema|data|streams)\\.ts$|projections/)" },
      { pathNot: "^(src/events/((parse|schema|data|streams)\\.ts$|projections/)|node_modules/zod/)" },
    ),
    rule(
      "examples-see-what-users-see",
      "an example runs in a project of its own, too",
      { path: "^connectors/" },
      { pathNot: "^(src/events/index\\.ts$|node_modules/kafkajs/)" },
    ),
    rule(
      "redis-is-wired-in-the-app",
      "rules come through the port",
      { path: "^src/", pathNot: "^src/(wiring/|policy/redis|cli/doctor/)" },
      { path: "^src/policy/redis" },
    ),
    rule(
      "no-kafkajs-outside-kafka",
      "the library stands behind the adapter",
      { path: "^src/", pathNot: "^src/kafka/" },
      { path: "node_modules/kafkajs" },
    ),
    rule(
      "no-ioredis-outside-redis",
      "the library stands behind the adapter",
      { path: "^src/", pathNot: "^src/policy/redis" },
      { path: "node_modules/ioredis" },
    ),
    rule(
      "no-dev-dependencies",
      "the package runs without them",
      { path: "^src/" },
      { dependencyTypes: ["npm-dev"] },
    ),
    rule(
      "no-unresolvable",
      "an import that leads nowhere",
      { path: "^src/" },
      { couldNotResolve: true, pathNot: "^node:" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js"],
      exportsFields: ["exports"],
      conditionNames: ["sluice-source", "import", "node", "default", "types"],
    },
  },
};
