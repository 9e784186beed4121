import { defineConfig, type ViteUserConfig } from "vitest/config";
import LongestFirst from "./test/longest-first.ts";
import { unitFiles } from "./test/unit-files.ts";

const units = unitFiles(import.meta.dirname);

/** Of every run of tests. */
export const common = {
  globalSetup: "test/hosts/global-setup.ts",
  setupFiles: "test/hosts/setup-file.ts",
  reporters: ["default", "./test/reporter.ts"],
  /** Real servers share the processor with the tests, so more workers would only wait for each other. */
  pool: "forks",
  maxWorkers: 2,
  sequence: { sequencer: LongestFirst },
  /** kafkajs sets one timer to a time already past. */
  execArgv: ["--disable-warning=TimeoutNegativeWarning"],
  /** What is waited for has bounds of its own, with what was waited for in their texts. */
  testTimeout: 120_000,
  hookTimeout: 120_000,
  teardownTimeout: 60_000,
  tags: [{ name: "docker", description: "run a second time with every server in Docker" }],
} satisfies ViteUserConfig["test"];

export default defineConfig({
  test: {
    ...common,
    projects: [
      {
        extends: true,
        test: {
          name: "servers",
          include: ["test/**/*.test.ts"],
          /** The first two need engines that nothing else does, and have runs of their own. */
          exclude: ["test/feeds/**", "test/deploy/**", ...units],
        },
      },
      { extends: true, test: { name: "units", include: units, pool: "threads", isolate: false } },
    ],
  },
});
