import { defineConfig } from "vitest/config";
import config from "./vitest.config.ts";

/** connectors/, each run by its real engine. */
export default defineConfig({
  test: { ...config.test, include: ["test/feeds/**/*.test.ts"], exclude: [] },
});
