/** Redis, Kafka and the bridge on them, started one after the other. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify, type TomlTable } from "smol-toml";
import { temporaryFolder } from "../../test/hosts/folder.ts";
import { startKafka } from "../../test/hosts/kafka.ts";
import { freePort, freePortOf } from "../../test/hosts/ports.ts";
import { providerOf } from "../../test/hosts/provider.ts";
import { type RedisHost, startRedis } from "../../test/hosts/redis.ts";
import { NativeServer } from "../../test/hosts/server.ts";
import { patiently, prepareAll } from "./progress.ts";
import type { Program } from "./until-told.ts";

export const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const readyWithinMs = 60_000;
const graceMs = 20_000;

export type Ports = Readonly<Partial<Record<"redis" | "kafka" | "plugin" | "admin", number>>>;

export interface StackRequest {
  /** Where all data lies and stays; null: a temporary folder. */
  readonly data: string | null;
  readonly ports: Ports;
  /** Further settings of the bridge, group by group. */
  readonly settings: TomlTable;
}

export interface Stack {
  readonly redis: RedisHost;
  readonly brokers: readonly string[];
  readonly bridge: NativeServer;
  readonly pluginPort: number;
  readonly adminPort: number;
  readonly folder: string;
  /** The bridge's settings file. */
  readonly config: string;
  /** Lets the bridge answer, forward and end. */
  stopBridge(): Promise<void>;
}

/** @throws Error when a part does not start; what was started is closed at the program's end */
export async function startStack({ data, ports, settings }: StackRequest, program: Program): Promise<Stack> {
  const { say } = program;
  useOwnSettings();
  if (data !== null) await onlyPrograms();
  await prepareAll(["redis", "kafka"], say);
  const folder = await folderFor(data, program);
  const config = join(folder, "sluice.toml");
  const before = await settingsIn(config);
  const chosen = await portsFor(ports, before);

  if (data !== null) await mkdir(join(folder, "redis"), { recursive: true });
  const forever = ["--dir", join(folder, "redis"), "--appendonly", "yes"];
  const redis = await startRedis({ port: chosen.redis, args: data === null ? [] : forever });
  if (data !== null) program.atEnd(() => redis.stop());
  say(`Redis answers at ${redis.url}`);

  const kafka = await patiently("Kafka starts", say, () =>
    startKafka({ port: chosen.kafka, ...(data !== null && { data: join(folder, "kafka") }) }),
  );
  if (data !== null) program.atEnd(() => kafka.nodes[0].stop());
  say(`Kafka answers at ${kafka.brokers.join(", ")}`);

  const own: TomlTable = {
    http: { port: chosen.plugin },
    admin: { port: chosen.admin },
    redis: { url: redis.url },
    kafka: { brokers: kafka.brokers },
    data: { dir: join(folder, "data") },
  };
  await writeFile(config, stringify(joined(joined(before, settings), own)));
  const bridge = new NativeServer({
    command: { program: process.execPath, args: [mainFile, "serve", "--config", config], cwd: folder },
    ready: /sluice \S+ answers/,
    readyWithinMs,
    graceMs,
    // It goes with the program's.
    folder: { path: folder, remove: async () => {} },
  });
  const stopBridge = (): Promise<void> => bridge.stop();
  program.atEnd(stopBridge);
  await bridge.start();
  const { plugin: pluginPort, admin: adminPort } = chosen;
  return { redis, brokers: kafka.brokers, bridge, pluginPort, adminPort, folder, config, stopBridge };
}

/** Settings of whoever runs this are meant for another bridge. */
function useOwnSettings(): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("SLUICE_") && !name.startsWith("SLUICE_TEST_")) delete process.env[name];
  }
}

/** A container's data goes with it. */
async function onlyPrograms(): Promise<void> {
  process.env.SLUICE_TEST_PROVIDER ??= "native";
  for (const service of ["redis", "kafka"] as const) {
    const { way } = await providerOf(service);
    if (way === "docker") throw new Error("--data needs programs: unset SLUICE_TEST_PROVIDER");
  }
}

async function folderFor(data: string | null, program: Program): Promise<string> {
  if (data !== null) {
    await mkdir(data, { recursive: true });
    return data;
  }
  const folder = await temporaryFolder("stack");
  program.atEnd(() => folder.remove());
  return folder.path;
}

/** Those that are wanted, else those of the time before, else free ones. */
async function portsFor(wanted: Ports, before: TomlTable): Promise<Required<Ports>> {
  const at = (path: string): string =>
    String(
      path.split(".").reduce<unknown>((table, name) => (table as TomlTable | undefined)?.[name], before) ??
        "",
    );
  const known = {
    redis: at("redis.url"),
    kafka: at("kafka.brokers"),
    plugin: at("http.port"),
    admin: at("admin.port"),
  };
  const chosen: Partial<Record<keyof Ports, number>> = {};
  for (const name of ["redis", "kafka", "plugin", "admin"] as const) {
    const last = Number(/(\d+)$/.exec(known[name])?.[1] ?? 0);
    chosen[name] = await portFor(name, wanted[name], last);
  }
  return chosen as Required<Ports>;
}

async function portFor(name: string, wanted: number | undefined, last: number): Promise<number> {
  if (wanted === undefined) return last === 0 ? freePort() : freePortOf(last, last).catch(freePort);
  return freePortOf(wanted, wanted).catch(() => {
    throw new Error(`port ${wanted} for ${name} is taken; choose another with --ports ${name}=…`);
  });
}

async function settingsIn(file: string): Promise<TomlTable> {
  return existsSync(file) ? parse(await readFile(file, "utf8")) : {};
}

/** Group by group. */
function joined(one: TomlTable, other: TomlTable): TomlTable {
  const all = { ...one };
  for (const [group, values] of Object.entries(other)) {
    all[group] = { ...(one[group] as TomlTable), ...(values as TomlTable) };
  }
  return all;
}
