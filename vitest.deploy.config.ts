import { defineConfig } from "vitest/config";
import { common } from "./vitest.config.ts";

/** deploy/, judged by the tools that run or read it, and the package as npm installs it. */
export default defineConfig({
  test: { ...common, include: ["test/deploy/**/*.test.ts"] },
});
