/**
 * Stands in for redis-cli where there is none: sends one command and prints its reply, or its error, a line for each part.
 *
 *   node redis-cli-stand-in.ts <port> [--no-auth-warning] [--user name --pass password] SET key value
 *
 * Ends with code 1 where nobody answers, as redis-cli does, and with 0 whatever the answer is.
 */
import { parseArgs } from "node:util";
import { Redis, ReplyError } from "ioredis";

const [port, ...given] = process.argv.slice(2);
const { tokens } = parseArgs({
  args: given,
  options: { user: { type: "string" }, pass: { type: "string" }, "no-auth-warning": { type: "boolean" } },
  strict: false,
  tokens: true,
});
const words = tokens.find(({ kind }) => kind === "positional")?.index ?? given.length;
const [command = "PING", ...args] = given.slice(words);
const options = tokens.flatMap((token) => (token.kind === "option" && token.index < words ? [token] : []));
const said = (wanted: string): string | undefined => options.find(({ name }) => name === wanted)?.value;
const redis = new Redis(Number(port), "127.0.0.1", {
  maxRetriesPerRequest: 0,
  // Nothing is asked but what was told: a user may have no right to more.
  enableReadyCheck: false,
  disableClientInfo: true,
  ...(said("user") && { username: said("user")!, password: said("pass") ?? "" }),
});
redis.on("error", () => {});
try {
  const reply = await redis.call(command, ...args);
  process.stdout.write(
    [reply]
      .flat(9)
      .map((part) => `${part ?? ""}\n`)
      .join(""),
  );
} catch (thrown) {
  process.stdout.write(`${thrown instanceof Error ? thrown.message : thrown}\n`);
  if (!(thrown instanceof ReplyError)) process.exitCode = 1;
} finally {
  redis.disconnect();
}
