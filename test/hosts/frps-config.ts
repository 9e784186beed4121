/** frps started with a configuration of deploy/frps, which is verified first by frps itself. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { frpPrograms } from "./frp-program.ts";
import { freePort } from "./ports.ts";
import { run } from "./process.ts";
import { NativeServer } from "./server.ts";

const folder = join(import.meta.dirname, "../../deploy/frps");
const TOKEN = "frp-token";

export interface ConfiguredFrps {
  /** The file's name in deploy/frps. */
  config: string;
  /** Where its plugin is to be found here instead: host:port. */
  addr: string;
  /** Of the plugin's password, in the environment. */
  password?: string;
  /** Further changes of the text, each of which must find its place. */
  instead?: Readonly<Record<string, string>>;
  env?: Readonly<Record<string, string>>;
  /** Of another make than the released one. */
  program?: string;
  args?: string[];
}

/** Says what the released frps says of it; throws when that refuses it. */
export async function verifiedByFrps(config: string): Promise<string> {
  const { frps } = await frpPrograms();
  const env = { FRP_TOKEN: TOKEN, SLUICE_PASSWORD: "s3cret" };
  return run({ program: frps, args: ["verify", "--config", join(folder, config)], env });
}

export async function startConfiguredFrps(options: ConfiguredFrps) {
  const { config, addr, password = "", instead = {}, env = {}, args = [] } = options;
  const place = await temporaryFolder("frps");
  const bindPort = await freePort();
  let text = await readFile(join(folder, config), "utf8");
  const changes = { "bindPort = 7000": `bindPort = ${bindPort}`, ...instead };
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`${config} has no ${from}`);
    text = text.replace(from, to);
  }
  text = text.replace(/^(addr = "(?:\w+:\/\/)?(?:[^"]*@)?)[\w.-]+:9000"$/gm, `$1${addr}"`);
  if (!text.includes(`${addr}"`)) throw new Error(`${config} has no addr of port 9000`);
  const file = join(place.path, "frps.toml");
  await writeFile(file, text);
  const server = new NativeServer({
    command: {
      program: options.program ?? (await frpPrograms()).frps,
      args: ["-c", file, ...args],
      cwd: place.path,
      env: { ...env, FRP_TOKEN: TOKEN, SLUICE_PASSWORD: password },
    },
    ready: /frps started successfully/,
    readyWithinMs: 20_000,
    graceMs: 5_000,
    folder: place,
  });
  await server.start();
  return Object.assign(server, { bindPort, token: TOKEN });
}
