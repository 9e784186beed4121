/** `sluice topics`: its two halves, plan and apply, and what `--help` says of them. */
import { type Command, Option } from "commander";
import { command, configOption } from "./options.ts";
import type { ApplyOptions, PlanOptions } from "./topics.ts";

const help = `
Both cover every topic that this bridge sends to: the streams of events, the
dead letters and events.projections, by their names in kafka.topics. An arrow
stands between what is and what would be. What apply does:
  create  a topic that is missing, also where kafka.createTopics is off
  change  single settings of a topic; all others stay as they are
and what it leaves, and names with the reason:
  fewer partitions, which Kafka cannot do, and other numbers of replicas
  more partitions, unless --partitions: keys would go to other partitions
  a shorter retention, since it would delete records
Examples:
  sluice topics
  sluice topics plan --check --json
  sluice topics apply --yes
Exit codes: 0 nothing to do or done, 1 failed, or with --check there is
something to do, 2 wrong settings or options.`;

export function addTopicsCommand(sluice: Command): void {
  const topics = command(sluice, "topics", "compare Kafka's topics with what they should be, and mend them")
    .addHelpText("after", help)
    .helpCommand(false);
  const sub = (name: string, description: string, isDefault: boolean): Command =>
    topics
      .command(name, { isDefault })
      .description(description)
      .addOption(configOption())
      .addOption(new Option("--partitions", "add partitions where there are fewer than kafka.partitions"))
      .option("--json", "as one JSON object")
      .showHelpAfterError(`(sluice topics ${name} --help shows what there is)`);

  sub("plan", "show what apply would do, and change nothing", true)
    .option("--check", "exit with code 1 where there is something to do")
    .action(async (options: PlanOptions) => (await import("./topics.ts")).plan(options));

  sub("apply", "create and change topics, after asking", false)
    .option("--yes", "do not ask")
    .action(async (options: ApplyOptions) => (await import("./topics.ts")).apply(options));
}
