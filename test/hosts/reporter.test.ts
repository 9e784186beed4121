import { spawn } from "node:child_process";
import { once } from "node:events";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { temporaryFolder } from "./folder.ts";

const ROOT = join(import.meta.dirname, "../..");
const path = (file: string): string => JSON.stringify(join(ROOT, file));

const CONFIG = `export default { test: {
  globalSetup: ${path("test/hosts/global-setup.ts")},
  reporters: ["default", ${path("test/reporter.ts")}],
} };`;

const TESTS = `
  import { expect, it } from "vitest";
  import { describeWith } from ${path("test/hosts/describe-with.ts")};
  it("passes", () => {});
  describeWith(["frp"], "tunnels", () => it("needs frps", () => {}));
`;

it("a service that can't be had skips its tests loudly, with the reason", async () => {
  const { code, lines } = await runWithoutTools({ CI: "" });
  expect(lines.join("\n")).toContain("tunnels [frp is missing: no go on PATH to build frps and frpc with]");
  expect(lines.at(-1)).toBe("1 passed, 0 failed, 1 skipped");
  expect(code).toBe(0);
});

it("a service that can't be had fails the run under CI", async () => {
  const { code, lines, errors } = await runWithoutTools({ CI: "true" });
  expect(errors).toContain("no frp for tests: no go on PATH");
  expect(lines.at(-1)).toMatch(/^1 passed, 1 failed/);
  expect(code).toBe(1);
});

/** A run of its own where no program is on PATH and nothing has been built. */
async function runWithoutTools(env: Record<string, string>) {
  const folder = await temporaryFolder("run");
  await symlink(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
  await writeFile(join(folder.path, "vitest.config.js"), CONFIG);
  await writeFile(join(folder.path, "sample.test.ts"), TESTS);
  const vitest = spawn(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), "run"], {
    cwd: folder.path,
    env: { NO_COLOR: "1", PATH: "", SLUICE_TEST_CACHE: folder.path, SLUICE_TEST_PROVIDER: "native", ...env },
  });
  const ended = once(vitest, "close");
  const [output, errors, [code]] = await Promise.all([text(vitest.stdout), text(vitest.stderr), ended]);
  await folder.remove();
  return { code, errors, lines: output.trim().split("\n") };
}
