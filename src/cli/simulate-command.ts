/** `sluice simulate`, as the command line has it. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { misspeltOp } from "../policy/op-names.ts";
import { command, configOption, moment } from "./options.ts";
import type { SimulateOptions } from "./simulate.ts";

const help = `
Each operation that could be refused is judged again at the time and by the
facts that its event records. A rule's SHA-256 of a token is compared by the
8 digits that events show; where events hide a token that no rule asked for
then, or a count was not taken for the same limit, nothing is guessed:
  undecidable        it depends on what is not recorded; WHY says on what
  rewritten          allowed as before, with other fields set
  not the policy's   refused for want of a policy or a record, or by a ban; left
                     out
RULE is what refuses or grants now. policy.mode, policy.default,
policy.ownNames and policy.tokenMeta are those of the settings.
Exit codes: 0 done, 1 failed, or with --strict a decision would change or
nothing was there to judge by, 2 wrong settings or options, or a rule of
--policy cannot be read.`;

export function addSimulateCommand(sluice: Command): void {
  command(sluice, "simulate", "tell which recorded decisions another policy would change")
    .addOption(configOption())
    .option("--policy <file>", "a policy file (default: the policy in force)")
    .addOption(new Option("--mode <mode>", "instead of policy.mode").choices(["enforce", "observe"]))
    .addOption(new Option("--default <effect>", "instead of policy.default").choices(["allow", "deny"]))
    .addOption(
      new Option("--since <when>", "from then on: a span such as 24h, 7d, or a time")
        .default({ agoMs: 86_400_000 }, "24h")
        .argParser(moment),
    )
    .addOption(new Option("--until <when>", "up to then, likewise (default: now)").argParser(moment))
    .option("--kafka", "read the topics of kafka.brokers instead of the journal")
    .option("--user <name>", 'only of this frp user; "" is the anonymous one')
    .addOption(new Option("--op <name...>", "only these ops, such as Login").argParser(opName))
    .option("--strict", "exit with code 1 if any decision would change, or none was recorded")
    .option("--json", "the report as one JSON object")
    .addHelpText("after", help)
    .action(async (options: SimulateOptions) => (await import("./simulate.ts")).simulate(options));
}

function opName(text: string, before: readonly string[] | undefined): string[] {
  const meant = misspeltOp(text);
  if (meant !== null) throw new InvalidArgumentError(`No op has this name, did you mean ${meant}?`);
  return [...(before ?? []), text];
}
