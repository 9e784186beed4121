/**
 * Stands in for redis-cli where there is none: sends one command and prints its reply, a line for each part.
 *
 *   node redis-cli-stand-in.ts <port> SET key value
 */
import { Redis } from "ioredis";

const [port, command = "PING", ...args] = process.argv.slice(2);
const redis = new Redis(Number(port), "127.0.0.1", { maxRetriesPerRequest: 0 });
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
  process.exitCode = 1;
} finally {
  redis.disconnect();
}
