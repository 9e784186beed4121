/** The commands, and what `--help` says of them. */
import { Command, InvalidArgumentError, Option } from "commander";
import { version } from "../version.ts";
import { showConfig } from "./config.ts";
import { serve } from "./serve.ts";
import { type TailOptions, tail } from "./tail.ts";
import { patternProblem, typeList } from "./type-filter.ts";

const configOption = (): Option =>
  new Option("-c, --config <file>", "settings file (default: sluice.toml, if it is there)").env(
    "SLUICE_CONFIG",
  );

/** Throws commander's errors, its messages written, instead of ending the process. */
export function program(): Command {
  const sluice = new Command("sluice")
    .description("The plugin that answers frps and prox from a policy, and puts every\noperation on Kafka.")
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "sluice: ")),
    })
    .showHelpAfterError("(sluice --help shows what there is)")
    .addHelpText(
      "after",
      "\nSettings come from sluice.toml and from SLUICE_… in the environment;\n" +
        "`sluice config` lists them all. Exit codes: 0 done, 1 failed, 2 wrong settings\nor options.",
    );

  command(sluice, "serve", "run the bridge until SIGTERM or SIGINT; a second signal ends it at once")
    .addOption(configOption())
    .action((options: { config?: string }) => serve(options.config ?? null));

  command(sluice, "config", "print the effective settings, secrets masked, and where each comes from")
    .addOption(configOption())
    .option("--json", "as JSON")
    .addOption(new Option("--table", "the table of all settings and defaults, in Markdown").conflicts("json"))
    .action(showConfig);

  command(sluice, "tail", "print events from the journal on this machine, or from Kafka")
    .addOption(configOption())
    .addOption(
      new Option("-n, --lines <count>", "how many of the last events").default(20).argParser(wholeNumber),
    )
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .addOption(
      new Option("-t, --type <type...>", "only these types, such as login.refused or 'session.*'").argParser(
        typePattern,
      ),
    )
    .option("--kafka", "read the topics of kafka.brokers instead of the journal")
    .option("--json", "one event a line, as it is published")
    .addHelpText("after", `\nTypes:\n${typeList()}`)
    .action((options: TailOptions) => tail(options));
  return sluice;
}

function command(sluice: Command, name: string, description: string): Command {
  return sluice
    .command(name)
    .description(description)
    .showHelpAfterError(`(sluice ${name} --help shows what there is)`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number, such as 20.");
  return Number(text);
}

function typePattern(text: string, before: readonly string[] | undefined): string[] {
  const problem = patternProblem(text);
  if (problem !== null) throw new InvalidArgumentError(problem);
  return [...(before ?? []), text];
}
