/**
 * Writes what comes from the code: parts of the README (settings, errors, events), and the contract in
 * connectors/contract. With `--check` it writes nothing and fails when one of them is out of date.
 *
 * Either way it fails when the contract breaks the one published before, in connectors/contract/published. With
 * `--publish`, which belongs to a release, the contract becomes the published one.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { settingsTable } from "../src/config/show.ts";
import { errorCodes } from "../src/errors.ts";
import { endReasons } from "../src/events/data.ts";
import { categories } from "../src/events/projections/ecs-categories.ts";
import { isSessionType } from "../src/events/projections/flat-sessions.ts";
import { classes, meanings } from "../src/events/projections/ocsf-classes.ts";
import { type EventType, eventTypes, typeNameOf } from "../src/events/schema.ts";
import { streams } from "../src/events/streams.ts";
import { version } from "../src/version.ts";
import { fullestExamples } from "../test/contract/examples.ts";
import { breakingChanges } from "./contract/breaking.ts";
import { contractFiles, documentFile, kindsIn } from "./contract/contract.ts";
import { messages } from "./contract/messages.ts";

const { check, publish } = parseArgs({
  options: { check: { type: "boolean" }, publish: { type: "boolean" } },
}).values;
const contract = new URL("../connectors/contract/", import.meta.url);

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

function readmeText(before: string): string {
  let text = before;
  for (const [name, make] of Object.entries(parts)) {
    const [begin, end] = [`<!-- generated: ${name} -->`, "<!-- end -->"];
    const from = text.indexOf(begin);
    const to = text.indexOf(end, from);
    if (from < 0 || to < 0)
      throw new Error(`README.md has no place for "${name}": it needs ${begin} … ${end}`);
    text = `${text.slice(0, from + begin.length)}\n${make()}\n${text.slice(to)}`;
  }
  return text;
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

/** A null text: there is to be no such file. */
function keep(file: URL, text: string | null): void {
  const before = existsSync(file) ? readFileSync(file, "utf8") : null;
  if (before === text) return;
  const name = fileURLToPath(file).slice(fileURLToPath(new URL("..", import.meta.url)).length);
  if (check) fail(`${name} is out of date; run \`npm run generate\``);
  else if (text === null) rmSync(file);
  else writeFileSync(file, text);
}

const readme = new URL("../README.md", import.meta.url);
keep(readme, readmeText(readFileSync(readme, "utf8")));

const published = new URL("published/", contract);
const before = kindsIn(fileURLToPath(published));
const breaks = breakingChanges(before, messages);
for (const change of breaks) fail(change);
if (breaks.length > 0) {
  fail("That breaks those who read by what was published: take it back, or give the type another version;");
  fail('see "The contract" in the README.');
}
if (before.length === 0 && !publish) fail("connectors/contract/published is gone: nothing to compare with");

const files = contractFiles({ version, messages, examples: fullestExamples() });
mkdirSync(new URL("schemas/", contract), { recursive: true });
for (const [name, text] of files) keep(new URL(name, contract), text);
for (const name of readdirSync(new URL("schemas/", contract))) {
  if (!files.has(`schemas/${name}`)) keep(new URL(`schemas/${name}`, contract), null);
}

if (publish && !check && breaks.length === 0) {
  // Schemas of earlier versions stay: topics and archives have records of them.
  for (const name of [documentFile, "schemas"])
    cpSync(new URL(name, contract), new URL(name, published), { recursive: true });
}
