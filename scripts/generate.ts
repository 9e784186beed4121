/**
 * Writes the parts of the README that come from the code: settings, errors, events. With `--check` it writes
 * nothing and fails when one of them is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { settingsTable } from "../src/config/show.ts";
import { errorCodes } from "../src/errors.ts";
import { endReasons } from "../src/events/data.ts";
import { categories } from "../src/events/projections/ecs-categories.ts";
import { isSessionType } from "../src/events/projections/flat-sessions.ts";
import { classes, meanings } from "../src/events/projections/ocsf-classes.ts";
import { type EventType, eventTypes, typeNameOf } from "../src/events/schema.ts";
import { streams } from "../src/events/streams.ts";

const readme = new URL("../README.md", import.meta.url);

const statusText = ["Unknown", "Success", "Failure"] as const;

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
  projections: () =>
    table(
      [
        "type",
        "OCSF 1.8",
        "status",
        "ECS 9: `event.category`, `.type`",
        "outcome",
        "a row of `flat-sessions`",
      ],
      (Object.keys(eventTypes) as EventType[]).map((type) => {
        const { category, type: types, outcome, kind } = categories[type];
        const ecs = category.length === 0 ? `kind ${kind}` : `${category.join(" ")}: ${types.join(" ")}`;
        const row = isSessionType(typeNameOf(type)) ? "yes" : "";
        return [`\`${type}\``, classText(type), statusText[meanings[type].status], ecs, outcome, row];
      }),
    ),
};

function classText(type: EventType): string {
  const { class: name, activity } = meanings[type];
  const { uid, name: className, activities } = classes[name];
  const listed = (id: number): string => (activities as Record<number, string>)[id]!;
  if (typeof activity === "string") return `${className} ${uid}: Other, "${activity}"`;
  const chosen = name === "http" ? "by the method" : "Create, Update or Delete";
  return `${className} ${uid}: ${typeof activity === "number" ? listed(activity) : chosen}`;
}

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
