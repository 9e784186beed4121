/** `sluice explain`: its options, and what `--help` says of them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { frpProxyTypes } from "../op.ts";
import type { ExplainOptions } from "./explain.ts";
import type { OpOptions } from "./explain-question.ts";
import { command, configOption, isoTime, wholeNumber } from "./options.ts";

/** What describes an op, besides `op` itself. */
const opOptions = [
  "user",
  "ip",
  "node",
  "token",
  "tokenFile",
  "client",
  "proxy",
  "proxyType",
  "remotePort",
  "domain",
  "subdomain",
  "encrypted",
  "route",
  "method",
  "path",
] as const satisfies readonly (keyof OpOptions)[];

const help = `
Asks the bridge that runs (admin.host, admin.port, admin.token), or judges by
the rules of --policy alone. Nothing comes of it: no count, no event, no answer.
Every rule that is about the op is listed, with what became of it:
  refused       the op by it; with would refuse it is only recorded
  granted       it allows the op, and all of its conditions hold
  held          it refuses nothing, and grants nothing or not all
  not needed    a group that does not let pass, beside one that does
  outranked     a more exact rule of its scope counts instead
  out of force  it is for other ops, has not begun, or has ended
and each of its conditions with what it saw. The first that fails decides.
Examples:
  sluice explain --user alice --ip 203.0.113.9 --token-file token.txt
  sluice explain --op NewProxy --user alice --proxy alice.ssh --remote-port 6000
  sluice explain --op on_request --route web:0 --domain a.example.com --path /
  sluice explain --last alice --refused
  sluice tail --json -n 1 -t request.refused | sluice explain --input -`;

export function addExplainCommand(sluice: Command): void {
  const notWithOp = [...opOptions];
  command(sluice, "explain", "say why an op is allowed or refused, rule by rule")
    .addOption(configOption())
    .option(
      "--op <name>",
      "Login, NewProxy, …, or of prox on_request, on_connect, on_response (default: Login, or on_request with --route)",
    )
    .option("--user <name>", 'the frp user; "" is the anonymous one')
    .option("--ip <address>", "of the client at Login, of the visitor at NewUserConn and at prox")
    .option("--node <name>", "the frps or prox that asks (default: `node`, `prox.node`)")
    .addOption(
      new Option("--token <token>", "what the client brings; better by --token-file").conflicts("tokenFile"),
    )
    .option("--token-file <file>", "the same from a file; - is standard input")
    .option("--client <id>", "the client's public id, c_…")
    .option("--proxy <name>", "the proxy by its full name, such as alice.ssh")
    .addOption(new Option("--proxy-type <type>", "its type").choices([...frpProxyTypes]))
    .addOption(new Option("--remote-port <port>", "the port that it asks for").argParser(port))
    .option("--domain <name...>", "the domains that it asks for; one at prox")
    .option("--subdomain <name>", "the subdomain that it asks for")
    .option("--encrypted", "it uses encryption")
    .option("--route <id>", "the route of prox, such as web:0")
    .option("--method <name>", "of the request at prox")
    .option("--path <path>", "of the request at prox")
    .addOption(
      new Option(
        "--input <file>",
        "the op as frps sends it, or an event as it is published, in JSON; - is standard input",
      ).conflicts([...notWithOp, "op", "last"]),
    )
    .addOption(
      new Option(
        "--last <user>",
        "the last op of this user in the journal here; with --op the last such",
      ).conflicts(notWithOp),
    )
    .addOption(
      new Option(
        "--refused",
        "with --last: the last that was refused, or would have been; else it may be a Ping",
      ).conflicts([...notWithOp, "input"]),
    )
    .addOption(
      new Option(
        "--at <time>",
        "judge for this moment instead of now, such as 2027-01-31T08:00:00Z",
      ).argParser(isoTime),
    )
    .option("--policy <file>", "the rules of this policy file, with no bridge and with counts of 0")
    .option("--json", "as one JSON object")
    .addHelpText("after", help)
    .action(async (options: ExplainOptions) => (await import("./explain.ts")).explain(options));
}

function port(text: string): number {
  const number = wholeNumber(text);
  if (number > 65_535) throw new InvalidArgumentError("It must be a port, at most 65535.");
  return number;
}
