/** `sluice policy …`: the commands that work with rules, and what `--help` says of them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { command, configOption, duration } from "./options.ts";
import type { CheckOptions } from "./policy/check.ts";
import type { DiffOptions, ImportOptions } from "./policy/import.ts";
import type { ListOptions } from "./policy/list.ts";
import type { SetOptions } from "./policy/set.ts";
import type { TokenOptions } from "./policy/token.ts";
import type { WatchOptions } from "./policy/watch.ts";
import type { PolicyOptions } from "./policy/with-store.ts";

const policyHelp = `
Rules are those of Redis where redis.url is set, else of the policy file
(policy.file). A key is written without prefix: user:alice, ip:203.0.113.0/24,
default; with the prefix of Redis (sluice:policy:user:alice) it is the same key.
What redis-cli or an editor writes counts just as much. What prox is told lies
beside the rules: prox:targets:web:0, prox:speed:* (sluice:prox:speed:*).`;

const setHelp = `
VALUE is allow, deny, deny and a reason, a JSON object, or - to read it from
stdin. Nothing is written that could not be read. Examples:
  sluice policy set user:alice 'deny moved away' --note 'ticket 4711'
  sluice policy set ip:203.0.113.0/24 deny --ttl 2h
  sluice policy set user:bob '{"limits":{"connections":50}}'
Exit codes: 0 written, 1 not (--new), 2 it cannot be read, or wrong options.`;

const checkHelp = `
Errors are rules that cannot be read and keys that cover nothing. Warnings are
rules that most likely do not do what was meant: shadowed, ended, listed twice,
never asked, not enforceable at a frps that the running bridge has seen, or an
allow that ends by its TTL while the default allows. Exit codes: 0 no errors
(with --strict: no warnings either), 1 there are, 2 wrong settings or options.`;

const importHelp = `
FILE is what export writes and what policy.file takes; - is stdin. All rules are
checked first. Without --prune no key is removed. Bans, and rules with a TTL
that the file does not have, are never removed. A by or note that only the kept
rule has stays, so that a second import changes nothing. Examples:
  sluice policy export rules.json
  sluice policy import rules.json --dry-run
  sluice policy import rules.json --prune --note 'commit 3f2a91c'
Exit codes: 0 done, 1 failed, 2 a rule cannot be read: nothing is written.`;

export function addPolicyCommand(sluice: Command): void {
  const policy = command(sluice, "policy", "list, check and change the rules of the policy")
    .addHelpText("after", policyHelp)
    .helpCommand(false);
  const sub = (usage: string, description: string): Command =>
    policy
      .command(usage)
      .description(description)
      .addOption(configOption())
      .showHelpAfterError(`(sluice policy ${usage.split(" ")[0]} --help shows what there is)`);

  sub("list [pattern]", "print all rules, or those whose key fits, such as 'user:*'")
    .option("--json", "as one JSON array, secrets masked")
    .addHelpText("after", "\nIn a pattern * stands for any run of characters, and nothing else is special.")
    .action(async (pattern: string | undefined, options: ListOptions) =>
      (await import("./policy/list.ts")).list(pattern, options),
    );

  sub("get <key>", "print one rule's value as it stands there").action(
    async (key: string, options: PolicyOptions) => (await import("./policy/list.ts")).get(key, options),
  );

  stampOptions(sub("set <key> <value>", "write one rule, after checking that it can be read"))
    .addOption(
      new Option("--ttl <time>", "let the key end by itself, such as 90s, 2h or 7d (Redis)").argParser(ttl),
    )
    .addOption(new Option("--keep-ttl", "let it end when the one before would have (Redis)").conflicts("ttl"))
    .option("--new", "only if the key is not there yet")
    .addHelpText("after", setHelp)
    .action(async (key: string, value: string, options: SetOptions) =>
      (await import("./policy/set.ts")).set(key, value, options),
    );

  sub("rm <key...>", "remove rules; what is open stays open").action(
    async (keys: string[], options: PolicyOptions) => (await import("./policy/set.ts")).remove(keys, options),
  );

  sub("check", "look all rules over for what cannot be read, and what was not meant")
    .option("--strict", "exit code 1 for warnings, too")
    .option("--json", "as one JSON object")
    .addHelpText("after", checkHelp)
    .action(async (options: CheckOptions) => (await import("./policy/check.ts")).check(options));

  sub("watch", "print changes as they come into force, until Ctrl-C")
    .option("--json", "one JSON object a line")
    .action(async (options: WatchOptions) => (await import("./policy/watch.ts")).watch(options));

  sub("export [file]", "write all lasting rules to a file, or to stdout").action(
    async (file: string | undefined, options: PolicyOptions) =>
      (await import("./policy/export.ts")).exportRules(file, options),
  );

  stampOptions(sub("import <file>", "write all rules of a file"))
    .option("--dry-run", "show what would change, and write nothing")
    .option("--prune", "remove the rules that the file does not have")
    .addHelpText("after", importHelp)
    .action(async (file: string, options: ImportOptions) =>
      (await import("./policy/import.ts")).importRules(file, options),
    );

  sub("diff <file>", "print what an import would change; exit code 1 if anything")
    .option("--plain", "by and note count, too")
    .action(async (file: string, options: DiffOptions) =>
      (await import("./policy/import.ts")).diff(file, options),
    );

  sub("accept-empty", "tell the running bridge that the rules are meant to be gone").action(
    async (options: PolicyOptions) => (await import("./policy/accept-empty.ts")).acceptEmpty(options),
  );

  sub("token", "make a token for a client, and its hash for the client's rule")
    .option("--hash", "read a token from stdin, and print only its hash")
    .action(async (options: TokenOptions) => (await import("./policy/token.ts")).token(options));
}

function stampOptions(sub: Command): Command {
  return sub
    .option("--by <name>", "who writes it (default: you, unless the rule says who)")
    .option("--note <text>", "why")
    .addOption(
      new Option("--plain", "leave it as it is, with no by or note added").conflicts(["by", "note"]),
    );
}

const longestTtlMs = 100 * 366 * 86_400_000;

function ttl(text: string): number {
  const ms = duration(text);
  if (ms === 0 || ms > longestTtlMs)
    throw new InvalidArgumentError("It must be more than 0s, and less than 36600d.");
  return ms;
}
