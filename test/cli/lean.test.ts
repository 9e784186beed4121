import { expect, it } from "vitest";
import { makeDir } from "../journal/harness.ts";
import { sluice } from "./sluice.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

/** What is loaded from node_modules until something but an `ok` is written to stdout, told on stderr; it ends there. */
const tellLoaded = `import { registerHooks } from "node:module";
const loaded = new Set();
registerHooks({
  load(url, context, next) {
    loaded.add(url.split("/node_modules/")[1]?.match(/^(@[^/]+\\/)?[^/]+/)[0] ?? "own");
    return next(url, context);
  },
});
process.stdout.write = (text) => {
  if (text.startsWith('{"result"')) return true;
  process.stderr.write("\\n" + JSON.stringify({ text, loaded: [...loaded].sort() }) + "\\n");
  process.exit(0);
};`;

const configure = '{"method":"configure","params":{"route_id":"web:0"}}\n';

async function loadedBy(args: string[], input = ""): Promise<{ text: string; loaded: string[] }> {
  const hook = `data:text/javascript,${encodeURIComponent(tellLoaded)}`;
  const command = [process.execPath, "--import", hook, main] as unknown as [string, ...string[]];
  const { stderr } = await sluice(args, { command, cwd: makeDir(), input });
  return JSON.parse(stderr.split("\n").findLast((line) => line.startsWith('{"text"'))!);
}

it("a plugin says that it is ready before it loads anything of Redis, Kafka, metrics or HTTP", async () => {
  const { text, loaded } = await loadedBy(["prox"], configure);
  expect(JSON.parse(text)).toMatchObject({ method: "ready" });
  expect(loaded).toEqual(expect.arrayContaining(["own", "zod"]));
  for (const name of ["ioredis", "kafkajs", "prom-client", "hono", "@hono/node-server", "pino-pretty"])
    expect(loaded).not.toContain(name);
});

it("help loads the command line's own words, and nothing else", async () => {
  const { text, loaded } = await loadedBy(["tail", "--help"]);
  expect(text).toContain("Usage: sluice tail");
  expect(loaded).toEqual(["commander", "own"]);
});
