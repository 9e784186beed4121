/** What `npm run stack` and `npm run demo` say on a machine that lacks what they need. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../hosts/folder.ts";
import { start } from "./started.ts";

it.each([
  [
    "../../scripts/stack.ts",
    ["kafka cannot be had here: no java on PATH", "install a Java (17 or newer) and Maven"],
  ],
  ["../../scripts/demo.ts", ["frp cannot be had here: no go on PATH", "install Go, or name yours"]],
])("%s says what is missing and what to install, and starts nothing", async (script, texts) => {
  const folder = await temporaryFolder("bare");
  onTestFinished(() => folder.remove());
  const nothing = join(folder.path, "bin");
  await mkdir(nothing);
  const { log, ended, leavesNothing } = await start(script, [], {
    PATH: nothing,
    SLUICE_TEST_CACHE: join(folder.path, "cache"),
    SLUICE_TEST_PROVIDER: "native",
  });
  expect(await ended).toBe(1);
  for (const text of texts) expect(log.lines.join("\n")).toContain(text);
  expect(log.lines.join("\n")).not.toContain("answers");
  await leavesNothing();
});
