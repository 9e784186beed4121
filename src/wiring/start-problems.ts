/**
 * What else would keep a bridge from starting, once one thing has: whoever mends that need not find the next one by
 * another start.
 */
import { createServer } from "node:net";
import { resolve } from "node:path";
import type { Settings } from "../config/settings.ts";
import { type ErrorCode, SluiceError, textOf } from "../errors.ts";
import { lockDataDir } from "../journal/lock.ts";
import { type ListenGroup, listen } from "../listening.ts";
import { policyFileProblem } from "../policy/file.ts";

/** What an operator can put right before the next start. */
const foreseen: ReadonlySet<ErrorCode> = new Set([
  "config_invalid",
  "port_in_use",
  "data_dir_in_use",
  "data_dir_unusable",
  "policy_unreadable",
]);

/** @returns what was thrown, or if there is more of its kind, one error that tells of all, a line for each */
export async function withOtherProblems(thrown: unknown, settings: Settings): Promise<unknown> {
  if (!(thrown instanceof SluiceError) || !foreseen.has(thrown.code)) return thrown;
  const tried = [
    () => lockDataDir(resolve(settings.data.dir)).release(),
    () => settings.redis.url === undefined && policyFile(settings.policy.file),
    () => canListen("admin", settings.admin),
    () => canListen("http", settings.http),
  ];
  const others = await Promise.all(tried.map((attempt) => problemOf(attempt)));
  const lines = [...new Set([thrown.message, ...others.filter((text) => text !== null)])];
  if (lines.length === 1) return thrown;
  const list = lines.map((line) => `  - ${line}`).join("\n");
  return new SluiceError(thrown.code, `${lines.length} problems keep it from starting:\n${list}`, {
    cause: thrown,
  });
}

async function problemOf(attempt: () => unknown): Promise<string | null> {
  try {
    await attempt();
    return null;
  } catch (thrown) {
    return textOf(thrown);
  }
}

async function policyFile(path: string): Promise<void> {
  const problem = await policyFileProblem(path);
  if (problem !== null) throw problem;
}

/** For a moment. */
async function canListen(group: ListenGroup, { host, port }: { host: string; port: number }): Promise<void> {
  const server = createServer();
  await listen(server, group, host, port);
  await new Promise((closed) => server.close(closed));
}
