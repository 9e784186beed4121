import { defineConfig } from "vitest/config";
import LongestFirst from "./test/longest-first.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    /** They need engines that nothing else does, and have runs of their own. */
    exclude: ["test/feeds/**", "test/deploy/**"],
    globalSetup: "test/hosts/global-setup.ts",
    setupFiles: "test/hosts/setup-file.ts",
    reporters: ["default", "./test/reporter.ts"],
    /** Real servers share the processor with the tests, so more workers would only wait for each other. */
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    /** kafkajs sets one timer to a time already past. */
    execArgv: ["--disable-warning=TimeoutNegativeWarning"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    tags: [{ name: "docker", description: "run a second time with every server in Docker" }],
  },
});
