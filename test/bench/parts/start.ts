/** From the start of the process to its first answer: without rules, and with many from a file and from Redis. */

import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../hosts/ports.ts";
import { callsOf, port as portPlace } from "../load/calls.ts";
import { fillRules, madeRule } from "../made-rules.ts";
import { Lacking, runPart, say, type Tell, type Work } from "../part.ts";
import { rssMiB } from "../process-usage.ts";
import { eachVersion, redis, Stage } from "../stage.ts";
import { median, rounded, shownSpread, spreadOf } from "../statistics.ts";
import { startSluice } from "../subject.ts";
import { roundsOf } from "../turns.ts";

const retryMs = 2;
const body = callsOf("closes", 100)
  .find(({ op }) => op === "NewUserConn")!
  .body.replace(portPlace, "54321");

interface Start {
  readonly firstAnswerMs: number;
  readonly readyMs: number;
  readonly rss: number;
}

async function start(work: Work, tell: Tell): Promise<void> {
  await using stage = await Stage.open(work);
  const rules = work.lengths.startRules;
  const named = `${rules.toLocaleString("en-US")} rules`;
  const file = join(stage.folder.path, "policy.json");
  const entries = Array.from({ length: rules }, (_, n) => madeRule(n)).map(({ key, value }) => [key, value]);
  await writeFile(file, JSON.stringify(Object.fromEntries(entries)));
  const settings = new Map<string, Record<string, string>>([
    ["no rules", {}],
    [`${named} in a file`, { "policy.file": file }],
  ]);
  try {
    const host = await redis();
    await fillRules(host.url, "start:", rules);
    settings.set(`${named} in Redis`, { "redis.url": host.url, "redis.prefix": "start:" });
  } catch (thrown) {
    if (!(thrown instanceof Lacking)) throw thrown;
    say(`  ${thrown.message}`);
  }
  const trees = new Map<string, { tree: string; settings: Record<string, string> }>();
  for (const [name, its] of settings)
    for (const [at, [label]] of eachVersion(name, work.versions).entries())
      trees.set(label, { tree: work.versions[at]!.tree, settings: its });
  const measure = async (name: string): Promise<Start> => {
    const found = await started(trees.get(name)!);
    say(`  ${name.padEnd(32)} ${rounded(found.firstAnswerMs)} ms  ${rounded(found.rss)} MiB`);
    return found;
  };
  const rounds = await roundsOf([...trees.keys()], measure, work.rounds);
  tell({
    kind: "table",
    title:
      "From the start of the process to the first answer of a call that is repeated every 2 ms until then",
    columns: ["", "ms", "said that it answers, ms", "RSS then, MiB"],
    rows: [...rounds].map(([name, all]) => [
      name,
      shownSpread(spreadOf(all.map(({ firstAnswerMs }) => firstAnswerMs))),
      rounded(median(all.map(({ readyMs }) => readyMs))),
      rounded(median(all.map(({ rss }) => rss))),
    ]),
  });
}

async function started({
  tree,
  settings,
}: {
  tree: string;
  settings: Record<string, string>;
}): Promise<Start> {
  const port = await freePort();
  const beganMs = performance.now();
  const starting = startSluice({ tree, sync: "fsync", settings: { ...settings, "http.port": String(port) } });
  const failed = starting.then(() => new Promise<never>(() => {}));
  while (!(await Promise.race([answers(port), failed]))) await delay(retryMs);
  const firstAnswerMs = performance.now() - beganMs;
  const subject = await starting;
  const rss = rssMiB(subject.pid);
  await subject.end();
  return { firstAnswerMs, readyMs: subject.readyMs, rss };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { "Content-Type": "application/json", "X-Frp-Reqid": "0123456789abcdef" };
    const asked = request({
      method: "POST",
      host: "127.0.0.1",
      port,
      path: "/handler?op=NewUserConn",
      headers,
      agent: false,
    });
    asked.once("error", () => resolve(false));
    asked.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.end(body);
  });
}

await runPart(start);
