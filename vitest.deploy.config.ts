import { defineConfig } from "vitest/config";
import config from "./vitest.config.ts";

/** deploy/, judged by the tools that run or read it. */
export default defineConfig({
  test: { ...config.test, include: ["test/deploy/**/*.test.ts"], exclude: [] },
});
