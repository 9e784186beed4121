import { defineConfig } from "vitest/config";
import { common } from "./vitest.config.ts";

/** connectors/, each run by its real engine. */
export default defineConfig({
  test: { ...common, include: ["test/feeds/**/*.test.ts"] },
});
