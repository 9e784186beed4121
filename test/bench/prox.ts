/**
 * What Sluice costs prox: from the start of a plugin until it is ready, answers at its socket beside a bare plugin's, and
 * requests through a prox with and without it.
 *
 * All that is compared runs in turns, A B C A B C …, so that the noise of a shared machine falls on all alike; what counts
 * is the ratio within each round, and of those the median.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeAll } from "../hosts/open.ts";
import { run } from "../hosts/process.ts";
import { proxProgram, startProx } from "../hosts/prox.ts";
import type { Prox, ProxConfig, ProxOptions } from "../hosts/prox-config.ts";
import { startProxHost } from "../hosts/prox-host.ts";
import type { ProxFigures, ProxWork } from "./prox-load.ts";
import { floorProgram, type Plugin, sluiceProgram, startPlugin } from "./prox-subject.ts";
import { isInMemory } from "./subject.ts";
import { inTurns, print } from "./turns.ts";

const help = `Measures Sluice as the plugin of prox, against a plugin that answers a constant.

  npm run bench:prox -- [--seconds 0.5] [--rounds 2] [--connections 1,16,64] [--users 8] [--starts 5]

  --seconds      of each measurement, after a fifth of a second of warming up
  --rounds       each measures every plugin once; a first one is not counted
  --connections  to the plugin's socket, each with one on_request under way; every second one is denied
  --users        connections to prox, each with one request under way; every second one is denied
  --starts       how often each plugin is started, until it says ready

Requests go through what is shaped like prox, and through a real one where SLUICE_PROX_BIN names it. The journal lies
below TMPDIR (now ${tmpdir()}).`;

const warmUpMs = 200;
const load = join(import.meta.dirname, "prox-load.ts");

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
  readonly users: number;
  readonly starts: number;
}

/** @throws Error that says which option is wrong */
function optionsOf(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h" },
      seconds: { type: "string", default: "0.5" },
      rounds: { type: "string", default: "2" },
      connections: { type: "string", default: "1,16,64" },
      users: { type: "string", default: "8" },
      starts: { type: "string", default: "5" },
    },
  });
  if (values.help) return null;
  const amount = (name: "seconds" | "rounds" | "users" | "starts", most: number): number =>
    within(`--${name}`, values[name], most);
  return {
    seconds: amount("seconds", 60),
    rounds: Math.ceil(amount("rounds", 100)),
    connections: values.connections.split(",").map((one) => Math.ceil(within("--connections", one, 1000))),
    users: Math.ceil(amount("users", 1000)),
    starts: Math.ceil(amount("starts", 100)),
  };
}

function within(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!(value > 0 && value <= most)) throw new Error(`${name} must be more than 0, and at most ${most}`);
  return value;
}

interface Programs {
  readonly floor: string;
  readonly fsync: string;
  readonly write: string;
  /** Without what Node has compiled before. */
  readonly first: string;
}

async function benchStarts({ floor, fsync, first }: Programs, { starts }: Options): Promise<void> {
  const programs = new Map([
    ["bare plugin", floor],
    ["sluice", fsync],
    ["sluice, nothing compiled yet", first],
  ]);
  const measure = async (name: string) => {
    const plugin = await startPlugin(programs.get(name)!);
    await plugin.end();
    return { "start to ready ms": plugin.readyMs };
  };
  print(
    "From the start of the process to ready",
    await inTurns([...programs.keys()], measure, "start to ready ms", starts),
  );
}

async function benchSocket({ floor, fsync, write }: Programs, options: Options): Promise<void> {
  const plugins = new Map<string, Plugin>();
  try {
    for (const [name, path] of [
      ["bare plugin", floor],
      ["sluice, fsync", fsync],
      ["sluice, write", write],
    ] as const)
      plugins.set(name, await startPlugin(path));
    for (const connections of options.connections) {
      const measure = (name: string): Promise<ProxFigures> =>
        figures({ at: plugins.get(name)!.socket, connections, denies: name !== "bare plugin" }, options);
      const table = await inTurns([...plugins.keys()], measure, "answers/s", options.rounds);
      print(`At the socket, ${connections} connections; ratio of answers/s`, table);
    }
  } finally {
    await Promise.all([...plugins.values()].map((plugin) => plugin.end()));
  }
}

async function benchRequests(
  name: string,
  start: (options: ProxOptions) => Promise<Prox>,
  { floor, fsync, write }: Programs,
  options: Options,
): Promise<void> {
  const upstream = createServer((_request, response) => response.end("upstream")).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo;
  const route = { match: { path: "/*" }, action: { type: "proxy" as const, upstream: `127.0.0.1:${port}` } };
  const plugins = { floor: { path: floor }, fsync: { path: fsync }, write: { path: write } };
  const services: ProxConfig["services"] = { none: { routes: [route] } };
  for (const plugin of Object.keys(plugins)) services[plugin] = { plugins: [plugin], routes: [route] };
  const shown = { none: "no plugin", floor: "bare plugin", fsync: "sluice, fsync", write: "sluice, write" };
  let prox: Prox | undefined;
  try {
    prox = await start({ config: { plugins, services } });
    await prox.readied(Object.keys(plugins).length);
    const names = Object.keys(shown) as (keyof typeof shown)[];
    const at = new Map(names.map((service) => [service as string, prox!.port(service)]));
    const measure = (service: string): Promise<ProxFigures> => {
      const denies = service === "fsync" || service === "write";
      return figures({ at: at.get(service)!, connections: options.users, denies }, options);
    };
    const table = await inTurns(names, measure, "p50 ms", options.rounds);
    const rows = table.map((row) => ({ ...row, name: shown[row.name as keyof typeof shown] }));
    print(`Requests through ${name}, ${options.users} at a time; ratio of p50`, rows);
  } finally {
    await prox?.stop();
    upstream.closeAllConnections();
    upstream.close();
  }
}

async function figures(work: Pick<ProxWork, "at" | "connections" | "denies">, { seconds }: Options) {
  const whole: ProxWork = { ...work, warmUpMs, countMs: seconds * 1000 };
  return JSON.parse(
    await run({ program: process.execPath, args: [load, JSON.stringify(whole)] }),
  ) as ProxFigures;
}

async function bench(options: Options): Promise<void> {
  if (await isInMemory(tmpdir()))
    process.stdout.write(`${tmpdir()} lies in memory: a sync costs nothing there, set TMPDIR\n`);
  const folder = await temporaryFolder("bench-prox");
  try {
    const { path } = folder;
    const programs: Programs = {
      floor: await floorProgram(path),
      fsync: await sluiceProgram(path, "fsync", { sync: "fsync", cache: true }),
      write: await sluiceProgram(path, "write", { sync: "write", cache: true }),
      first: await sluiceProgram(path, "first", { sync: "fsync", cache: false }),
    };
    await benchStarts(programs, options);
    await benchSocket(programs, options);
    await benchRequests("what is shaped like prox", startProxHost, programs, options);
    if (proxProgram !== undefined) await benchRequests("a real prox", startProx, programs, options);
  } finally {
    await closeAll();
    await folder.remove();
  }
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options === null) process.stdout.write(`${help}\n`);
  else await bench(options);
} catch (thrown) {
  process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : thrown}\n`);
  process.exitCode = 1;
}
