/** The commands, and what `--help` says of them. */
import { Command, Option } from "commander";
import { version } from "../version.ts";
import type { ConfigOptions } from "./config.ts";
import { addDoctorCommand } from "./doctor-command.ts";
import { addExplainCommand } from "./explain-command.ts";
import { addExportCommand } from "./export-command.ts";
import { command, configOption, epochId, isoTime, typePattern, wholeNumber } from "./options.ts";
import { addPolicyCommand } from "./policy-command.ts";
import { addProxCommand } from "./prox-command.ts";
import type { ReplayOptions } from "./replay.ts";
import type { SessionsOptions } from "./sessions.ts";
import { addSimulateCommand } from "./simulate-command.ts";
import type { TailOptions } from "./tail.ts";
import { addTopicsCommand } from "./topics-command.ts";
import { typeList } from "./type-filter.ts";
import type { VerifyOptions } from "./verify.ts";

const verifyHelp = `
Reads the topics of kafka.* from their beginnings to where they end now. Events
are numbered from 1 per instance, epoch (one start of the bridge) and topic, so
what is not there can be told:
  MISSING      numbers that are not there and will not come; of these
  ANNOUNCED    a bridge.gap or a dead letter names them
  EXPIRED      the topic's retention may have removed them, or what named them
  UNANNOUNCED  neither: a loss that nobody was told of
  REPEATED     records that came again with the same id: collapse them by id
  REUSED       records with another event's number: drop none of them
  LAG          numbers given that Kafka has not been said to have confirmed,
  PENDING      and those of them that are not there: perhaps on their way
Of user sessions each end must have its start, an announced one its close and
each close its end; per instance, over all its epochs:
  CLOSED       a session.closed names them; UNPAIRED: closes of no known session
  BOTH         ended by inference, and by a close that came later
  OPEN         without an end, which is no fault
  PENDING      closed so lately that the end may be on its way
  EXPLAINED    what they lack may have expired, or be among the MISSING numbers
  WRONG        none of these: the bridge told what cannot be true of a session
Exit codes: 0 nothing is missing unannounced, no number was used twice and no
session is WRONG, 1 something is, or Kafka was out of reach, 2 wrong settings
or options.`;

const sessionsHelp = `
Asks the admin port (admin.host, admin.port, admin.token) of a bridge that runs.
  open     its end will be told: its frps sends CloseUserConn for this type
  ending   its proxy closed or its client is gone; its close may still come
  unknown  it began, and nobody tells when it ends; it is listed until its proxy
           closes or its client is gone
Each is listed for sessions.maxAgeMs at most. USER is whose proxy it is; who
came is FROM, for stcp and sudp the address of the visitor's frpc.`;

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
    .action(async ({ config }: { config?: string }) => (await import("./serve.ts")).serve(config ?? null));

  addProxCommand(sluice);

  command(sluice, "config", "print the effective settings, secrets masked, and where each comes from")
    .addOption(configOption())
    .option("--json", "as JSON")
    .addOption(new Option("--table", "the table of all settings and defaults, in Markdown").conflicts("json"))
    .action(async (options: ConfigOptions) => (await import("./config.ts")).showConfig(options));

  addDoctorCommand(sluice);

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
    .action(async (options: TailOptions) => (await import("./tail.ts")).tail(options));

  addTopicsCommand(sluice);

  command(sluice, "replay", "send again what the journal still keeps, with the same ids, numbers and keys")
    .addOption(configOption())
    .addOption(
      new Option("--from <source>", "where from: journal, the one on this machine").choices(["journal"]),
    )
    .option("--topic <name...>", "only these topics, such as logins or sluice.logins")
    .addOption(new Option("--epoch <id>", "only what this start of the bridge wrote").argParser(epochId))
    .addOption(
      new Option("--since <time>", "only events from this time on, such as 2027-01-31T08:00:00Z").argParser(
        isoTime,
      ),
    )
    .option("--dry-run", "count what would be sent, and send nothing")
    .option("--json", "the report as one JSON object")
    .addHelpText(
      "after",
      "\nFor topics that lost events, above all deleted ones: they are made again. The bridge\n" +
        "may run or not. Exit codes: 0 all is confirmed, 1 not all, 2 wrong settings or options.",
    )
    .action(async (options: ReplayOptions) => (await import("./replay.ts")).replay(options));

  command(sluice, "sessions", "print who is connected now, as the running bridge knows it")
    .addOption(configOption())
    .option("--user <name>", 'only of this frp user; "" is the anonymous one')
    .option("--proxy <name>", "only through this proxy, by its full name, such as alice.ssh")
    .option("--ip <address>", "only from this address or network, such as 203.0.113.0/24")
    .option("--node <name>", "only at this frps")
    .addOption(
      new Option("--limit <count>", "how many are listed, the newest first, at most 100000; all are counted")
        .default(1000)
        .argParser(wholeNumber),
    )
    .option("--json", "as one JSON object")
    .addHelpText("after", sessionsHelp)
    .action(async (options: SessionsOptions) => (await import("./sessions.ts")).sessions(options));

  addExplainCommand(sluice);
  addPolicyCommand(sluice);

  command(sluice, "verify", "judge whether every event that was numbered is on Kafka, or named as lost")
    .addOption(configOption())
    .option("--instance <id>", "only this bridge, or what begins so")
    .option("--epoch <id>", "only this start of a bridge, or what begins so")
    .option("--all", "a row also for each earlier epoch that is whole")
    .option("--json", "the report as one JSON document")
    .addHelpText("after", verifyHelp)
    .action(async (options: VerifyOptions) => (await import("./verify.ts")).verify(options));

  addSimulateCommand(sluice);
  addExportCommand(sluice);
  return sluice;
}
