/** The program's entry: parses the command line, runs one command, and turns what failed into a message. */
import { CommanderError } from "commander";
import { program } from "./cli/program.ts";
import { SluiceError, textOf } from "./errors.ts";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader such as `head` that has enough closes the pipe.
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`sluice: the output cannot be written: ${error.message}\n`);
  process.exit(1);
});

/** What whoever typed the command can put right. */
const wrongInput: ReadonlySet<string> = new Set(["config_invalid", "policy_invalid"]);

try {
  await program().parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = exitCodeOf(thrown);
  // Commander has said already what it did not like.
  if (!(thrown instanceof CommanderError)) process.stderr.write(`sluice: ${messageOf(thrown)}\n`);
}

function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  return thrown instanceof SluiceError && wrongInput.has(thrown.code) ? 2 : 1;
}

/** A failure that nobody foresaw comes with its stack. */
function messageOf(thrown: unknown): string {
  if (thrown instanceof SluiceError) return thrown.message.replace(/\n|$/, ` [${thrown.code}]$&`);
  return thrown instanceof Error && thrown.stack ? thrown.stack : textOf(thrown);
}
