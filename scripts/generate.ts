/**
 * Writes the parts of the README that come from the code: settings, errors, events. With `--check` it writes
 * nothing and fails when one of them is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { settingsTable } from "../src/config/show.ts";
import { errorCodes } from "../src/errors.ts";
import { endReasons } from "../src/events/data.ts";
import { eventTypes } from "../src/events/schema.ts";
import { streams } from "../src/events/streams.ts";

const readme = new URL("../README.md", import.meta.url);

const parts: Readonly<Record<string, () => string>> = {
  settings: settingsTable,
  errors: () =>
    table(
      ["code", "meaning"],
      Object.entries(errorCodes).map(([code, text]) => [`\`${code}\``, text]),
    ),
  "end-reasons": () =>
    table(
      ["`end.reason`", "the sign of it"],
      Object.entries(endReasons).map(([reason, text]) => [`\`${reason}\``, text]),
    ),
  events: () =>
    table(
      ["type", "topic", "kept"],
      Object.entries(eventTypes).map(([type, { stream }]) => [
        `\`sluice.${type}\``,
        `\`sluice.${stream}\``,
        `${streams[stream].retentionDays} d`,
      ]),
    ),
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

const before = readFileSync(readme, "utf8");
let after = before;
for (const [name, make] of Object.entries(parts)) {
  const [begin, end] = [`<!-- generated: ${name} -->`, "<!-- end -->"];
  const from = after.indexOf(begin);
  const to = after.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`README.md has no place for "${name}": it needs ${begin} … ${end}`);
  after = `${after.slice(0, from + begin.length)}\n${make()}\n${after.slice(to)}`;
}

if (after !== before && process.argv.includes("--check")) {
  process.stderr.write("README.md is out of date; run `npm run generate`\n");
  process.exitCode = 1;
} else if (after !== before) {
  writeFileSync(readme, after);
}
