/** `sluice doctor`, as the command line has it. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DoctorOptions } from "./doctor/doctor.ts";
import { type Section, sections } from "./doctor/finding.ts";
import { command, configOption } from "./options.ts";

const help = `
Looks at the settings, the data directory, Redis or the policy file, Kafka and
the ports, whether a bridge runs or not, and changes nothing. Each line is
  green   as it should be
  yellow  it works, or could not be told; somebody should look
  red     the bridge does not start, does not reach something or may lose events
with what was seen, and behind → the next step. Below them stands the plugin as
frps.toml needs it. Run it as the user of the bridge, with its settings.
Examples:
  sluice doctor --only redis,kafka
  sluice doctor --frps edge-1 --show-secrets >> frps.toml
Exit codes: 0 nothing is red, 1 something is, 2 wrong options, or with --frps
wrong settings.`;

export function addDoctorCommand(sluice: Command): void {
  command(sluice, "doctor", "check all that a bridge needs, and say what to do next")
    .addOption(configOption())
    .addOption(
      new Option("--only <sections>", `some of ${sections.join(", ")}, with commas between`).argParser(
        sectionsIn,
      ),
    )
    .addOption(
      new Option(
        "--frps [node]",
        "print the plugin for frps.toml alone, for the frps of this name",
      ).conflicts(["only", "json"]),
    )
    .option("--show-secrets", "with user and password in frps's addr")
    .option("--json", "as one JSON object")
    .addHelpText("after", help)
    .action(async (options: DoctorOptions) => (await import("./doctor/doctor.ts")).doctor(options));
}

function sectionsIn(text: string): Section[] {
  const named = text.split(",").map((name) => name.trim());
  const wrong = named.find((name) => !(sections as readonly string[]).includes(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`There are ${sections.join(", ")}.`);
  return named as Section[];
}
