/** `sluice export`, as the command line has it. */
import { type Command, Option } from "commander";
import { type ExportFormat, exportFormats, exportViews } from "../export/names.ts";
import type { ExportOptions } from "./export.ts";
import { command, configOption, moment, typePattern } from "./options.ts";

const help = `
As:
  events         as they are published; not as csv, since they have depth
  flat           a row each: one level of typed columns, times in UTC
  flat-sessions  a row for each start and each end of a session; of rows with
                 one session_id that of the highest state_rank counts
  ocsf, ecs      as the topics of these names have them; not as csv
Events come by their journalseq, one bridge (instance) after the other, and each
once: what Kafka has twice is told by its id. Kafka's partitions are sorted in
files beside --output, or in TMPDIR, in parts of 32 MiB; memory stays bounded.
CSV is that of RFC 4180 with a line of column names; a cell that is empty is
null, "" is the empty text. Text stands in it as it is: --spreadsheet puts ' in
front of what a spreadsheet would take for a formula (=, +, -, @).
The file of --output is there when it is whole, and else not, or as it was.
Examples:
  sluice export --since 7d --format csv --as flat-sessions --output week.csv
  sluice export --kafka --as ocsf --type 'login.*' | siem-loader
Queries for what it writes: connectors/analytics/ in the sources.
Exit codes: 0 done, 1 failed, or something could not be read or brought into
this form and is left out, 2 wrong settings or options, 130 ended by Ctrl-C.`;

export function addExportCommand(sluice: Command): void {
  command(sluice, "export", "write events as NDJSON or CSV, from the journal here or from Kafka")
    .addOption(configOption())
    .addOption(
      new Option(
        "--since <when>",
        "from then on: a span such as 24h, 7d, or a time (default: all)",
      ).argParser(moment),
    )
    .addOption(new Option("--until <when>", "up to then, likewise (default: now)").argParser(moment))
    .addOption(
      new Option("--format <format>", "how a record is written")
        .choices(exportFormats)
        .default("ndjson" satisfies ExportFormat),
    )
    .addOption(
      new Option("--as <form>", "what is written (default: events, as csv flat)").choices(exportViews),
    )
    .addOption(
      new Option("-t, --type <type...>", "only these types, such as login.refused or 'session.*'").argParser(
        typePattern,
      ),
    )
    .option("--topic <name...>", "only what goes to these topics, such as logins")
    .option("--kafka", "read the topics of kafka.brokers instead of the journal")
    .option("-o, --output <file>", "into this file instead of standard output")
    .option("--spreadsheet", "make csv safe to be opened in a spreadsheet")
    .addHelpText("after", help)
    .action(async (options: ExportOptions) => (await import("./export.ts")).exportEvents(options));
}
