/** What npm publishes, installed and run as a user has it; and the guard that finds a Node that is new enough. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { frameOf } from "../../src/prox/frames.ts";
import { call, environment, sluice } from "../cli/sluice.ts";
import { proxCalls } from "../fixtures.ts";
import type { BridgeSettings } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { run } from "../hosts/process.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { PluginProcess } from "../prox/plugin-process.ts";
import { Talk } from "../prox/talk.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const { version, files } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));

async function folderOfTest(name: string): Promise<string> {
  const folder: Folder = await temporaryFolder(name);
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  return folder.path;
}

/** Packs a copy, so that the repository is left as it is, and installs what came out. Returns the folder. */
async function installed(): Promise<string> {
  const copy = await folderOfTest("pack");
  const parts = ["package.json", "tsconfig.json", "tsconfig.build.json", "src", ...files];
  for (const part of parts) {
    // README.md may not have been written yet, and dist is built here.
    if (part !== "dist")
      await cp(join(repository, part), join(copy, part), { recursive: true }).catch(absent);
  }
  await symlink(join(repository, "node_modules"), join(copy, "node_modules"));
  const place = await folderOfTest("installed");
  await run({ program: "npm", args: ["pack", "--pack-destination", place], cwd: copy });
  await writeFile(join(place, "package.json"), "{}");
  const quietly = ["--no-audit", "--no-fund", "--prefer-offline"];
  await run({ program: "npm", args: ["install", `./sluice-${version}.tgz`, ...quietly], cwd: place });
  return place;
}

function absent(thrown: NodeJS.ErrnoException): void {
  if (thrown.code !== "ENOENT") throw thrown;
}

/** Starts the program that lies at `bin` by its own first line, as a shell does. */
async function serving(bin: string, path: string, settings: BridgeSettings) {
  const [cwd, port] = [await folderOfTest("served"), await freePort()];
  const child = spawn(bin, ["serve"], {
    cwd,
    env: environment({
      settings: { "http.port": port, "admin.port": 0, "stop.drainMs": 100, ...settings },
      env: { PATH: path },
    }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const release = keep("process", child.pid!);
  const log = new Log();
  createInterface({ input: child.stderr }).on("line", (line) => log.add(line));
  const ended = once(child, "exit").then(([code]) => {
    release();
    return code as number | null;
  });
  await log.saw(/sluice \S+ answers/, { unless: ended.then(() => {}) });
  return { child, log, ended, url: `http://127.0.0.1:${port}/handler` };
}

/** PATH without the bundled Node, which npm and vitest put first. */
const systemPath = (process.env.PATH ?? "")
  .split(":")
  .filter((folder) => !folder.includes("node_modules"))
  .join(":");

const older = spawnSync("node", ["--version"], {
  env: { PATH: systemPath },
  encoding: "utf8",
}).stdout?.trim();
const hasOlder = older !== undefined && Number(/^v(\d+)/.exec(older)?.[1]) < 24;

describe("the package", () => {
  let place: string;
  let bin: string;

  beforeAll(async () => {
    place = await installed();
    bin = join(place, "node_modules", ".bin", "sluice");
  }, 180_000);

  it("holds what runs, its types, configurations and the papers, and nothing else", async () => {
    const root = join(place, "node_modules", "sluice");
    const names = (await readdir(root, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
    expect(names).toEqual(
      expect.arrayContaining(["bin/sluice.js", "dist/main.js", "dist/main.d.ts", "LICENSE"]),
    );
    const connectors = (
      await readdir(join(repository, "connectors"), { recursive: true, withFileTypes: true })
    )
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(repository.length));
    const missing = connectors.filter((name) => !names.includes(name));
    expect(missing.filter((name) => !name.startsWith("connectors/contract/published/"))).toEqual([]);
    const known =
      /^(?:deploy\/[\w./@-]+|connectors\/(?!contract\/published)[\w./-]+|bin\/[\w.-]+|dist\/.+\.(?:js|d\.ts)|package\.json|[A-Z]+(?:\.md)?)$/;
    expect(names.filter((name) => !known.test(name) || /\.test\.|^test/.test(name))).toEqual([]);
    const scripts = names.filter((name) => name.endsWith(".js"));
    expect(names.filter((name) => name.endsWith(".d.ts"))).toHaveLength(scripts.length - 1);
    for (const name of scripts)
      expect(await readFile(join(root, name), "utf8"), name).not.toMatch(
        /sourceMappingURL|from "\.[^"]*\.ts"/,
      );
  });

  it("brings a Node along that is new enough, and finds it from an older one", async () => {
    const surroundings = { command: [bin] as [string], env: { PATH: systemPath } };
    expect(await sluice(["--version"], surroundings)).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
    const { code, stdout } = await sluice(["config"], { ...surroundings, cwd: place });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^http\.port +9000 +default$/m);
  });

  it("gives consumers sluice/events, which starts nothing and loads nothing but zod", async () => {
    const program = `import { registerHooks } from "node:module";
      const loaded = new Set();
      registerHooks({
        load(url, context, next) {
          const path = url.split("/node_modules/").at(-1);
          loaded.add(path.startsWith("sluice/") ? path : path.split("/")[0]);
          return next(url, context);
        },
      });
      const { parseEvent, topics } = await import("sluice/events");
      console.log(JSON.stringify({ loaded: [...loaded].sort(), parsed: parseEvent("{}"), topics: topics("x.").bridge }));`;
    const args = ["--input-type=module", "--eval", program];
    const { loaded, ...rest } = JSON.parse(await run({ program: process.execPath, args, cwd: place }));
    const isProjection = (path: string): boolean => path.startsWith("sluice/dist/events/projections/");
    expect(loaded.filter((path: string) => !isProjection(path))).toEqual([
      ...["data", "index", "parse", "schema", "streams"].map((name) => `sluice/dist/events/${name}.js`),
      "zod",
    ]);
    expect(rest).toEqual({
      parsed: { ok: false, reason: "not_an_event", problem: "specversion is not 1.0", type: null },
      topics: "x.bridge",
    });
    const inner = ["--input-type=module", "--eval", 'await import("sluice/dist/main.js")'];
    await expect(run({ program: process.execPath, args: inner, cwd: place })).rejects.toThrow(
      "ERR_PACKAGE_PATH_NOT_EXPORTED",
    );
  });

  it.each(["nodenext", "bundler"])("has types that hold for a consumer under %s", async (resolution) => {
    const folder = join(place, resolution);
    await mkdir(folder);
    const compilerOptions = {
      module: resolution === "nodenext" ? "nodenext" : "esnext",
      moduleResolution: resolution,
      target: "es2022",
      // zod's own types name URL, which comes from here or from @types/node.
      lib: ["es2022", "dom"],
      types: [],
      strict: true,
      skipLibCheck: false,
      // But for those of the language, which TypeScript itself answers for.
      skipDefaultLibCheck: true,
      noEmit: true,
    };
    await writeFile(join(folder, "package.json"), '{"type": "module"}');
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["consumer.ts"] }),
    );
    const program = `import { type EventOf, type SluiceEvent, eventSchemas, parseEvent, topicOf } from "sluice/events";
      export function lengthOf(value: Uint8Array | null): number | null {
        const parsed = parseEvent({ value });
        if (!parsed.ok) throw new Error(parsed.reason + parsed.problem);
        const { event } = parsed;
        if (event.type !== "sluice.session.ended") return null;
        const ended: EventOf<"session.ended"> = event;
        // @ts-expect-error: there is no such field
        ended.data.length;
        return ended.data.durationMs;
      }
      export const user = (event: SluiceEvent): string | null =>
        event.type === "sluice.login.allowed" ? event.data.user : null;
      export const topic: string = topicOf("session.ended", "prod.");
      export const port: number | null | undefined =
        eventSchemas["session.started"].parse({}).data.remote?.port;`;
    await writeFile(join(folder, "consumer.ts"), program);
    const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
    expect(await run({ program: process.execPath, args: [tsc, "-p", folder], cwd: folder })).toBe("");
  });

  it("brings examples that run beside it", async () => {
    for (const example of ["finished-sessions", "who-is-connected"]) {
      const copy = join(place, `${example}.ts`);
      await cp(join(place, "node_modules", "sluice", "connectors", "consumers", `${example}.ts`), copy);
      const help = await run({ program: process.execPath, args: [copy, "--help"], cwd: place });
      expect(help).toContain("KAFKA_BROKERS");
    }
  });

  it("answers a Login, and stops with code 0 at SIGTERM", async () => {
    const { child, log, ended, url } = await serving(bin, systemPath, {});
    const login = { user: "alice", client_address: "203.0.113.7:5000" };
    expect(await call(url, "Login", login)).toEqual({ reject: false, unchange: true });
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(log.lines.at(-1)).toContain('"msg":"stopped"');
  });

  it("is started by prox, becomes the Node that came along, answers, and stops with code 0 when stdin ends", async () => {
    const program = join(place, "node_modules", ".bin", "sluice-prox");
    const plugin = new PluginProcess({ cwd: await folderOfTest("plugged"), program });
    const talk = await Talk.to(await plugin.ready());
    await plugin.settled();
    const { frame, reply } = proxCalls.find(({ file }) => file === "on_request.get-secrets.json")!;
    talk.send(frame);
    expect(frameOf((await talk.take(1))[0]!)).toEqual(reply!.frame);
    const [node] = (await readFile(`/proc/${plugin.child.pid}/cmdline`, "utf8")).split("\0");
    expect(node).toMatch(new RegExp(`^${place}/node_modules/node-[^/]+/bin/node$`));
    plugin.child.stdin.end();
    expect(await plugin.ended).toBe(0);
  });

  describeWith(["kafka"], "with Kafka", () => {
    it("forwards from the thread that was built with it", async () => {
      const brokers = await sharedKafka();
      const prefix = `${unique("package")}.`;
      const settings = { "kafka.brokers": brokers.join(","), "kafka.topicPrefix": prefix };
      const { child, log, ended, url } = await serving(bin, systemPath, settings);
      await log.saw(/topics created/);
      await using topics = await TopicEvents.read(brokers, prefix);
      await call(url, "Login", { user: "alice" });
      const { key } = await topics.saw((event) => event.type === "sluice.login.allowed", "login.allowed");
      expect(key).toBe("alice");
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    });
  });
});

describe("bin/sluice.js", () => {
  const checkout = join(repository, "bin", "sluice.js");

  it("keeps what Node has compiled in the user's cache folder, where nobody else could put anything", async () => {
    const home = await folderOfTest("home");
    const cache = join(home, ".cache", "sluice");
    const kept = async (): Promise<number> => (await readdir(cache, { recursive: true })).length;
    const command = [process.execPath, checkout] as [string, string];
    const env = { HOME: home, NODE_COMPILE_CACHE: "", XDG_CACHE_HOME: "" };
    await sluice(["--version"], { command, env });
    expect((await stat(cache)).mode & 0o777).toBe(0o700);
    expect(await kept()).toBeGreaterThan(10);
    for (const [folder, mode] of [
      [cache, 0o777],
      [cache, 0o755],
      [home, 0o777],
    ] as const) {
      await rm(cache, { recursive: true });
      await mkdir(cache, { mode: 0o700 });
      await chmod(folder, mode);
      expect((await sluice(["--version"], { command, env })).code).toBe(0);
      expect(await kept(), `${folder} ${mode}`).toBe(0);
      await chmod(folder, 0o700);
    }
    await rm(join(home, ".cache"), { recursive: true });
    await chmod(home, 0o777);
    await sluice(["--version"], { command, env });
    expect(await readdir(home), "in a home that is not ours alone").toEqual([]);
  });

  it.runIf(hasOlder)(`run by Node ${older} runs itself again on the bundled one`, async () => {
    const command = ["node", checkout] as [string, string];
    const ended = await sluice(["--version"], { command, env: { PATH: systemPath } });
    expect(ended).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    expect((await sluice(["tal"], { command, env: { PATH: systemPath } })).code).toBe(2);
  });

  it.runIf(hasOlder)(`run by Node ${older} passes a signal on, and ends as the bridge does`, async () => {
    const { child, log, ended } = await serving(checkout, systemPath, {});
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(log.lines.at(-1)).toContain('"msg":"stopped"');
  });

  it.runIf(hasOlder)(`run by Node ${older} where none is bundled says what it needs`, async () => {
    const lonely = await folderOfTest("lonely");
    await mkdir(join(lonely, "bin"));
    await cp(checkout, join(lonely, "bin", "sluice.js"));
    await cp(join(repository, "package.json"), join(lonely, "package.json"));
    const command = ["node", join(lonely, "bin", "sluice.js")] as [string, string];
    const { code, stdout, stderr } = await sluice(["serve"], { command, env: { PATH: systemPath } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`sluice needs Node 24 or newer, and this is ${older}.`);
    expect(stderr).toContain("install Node 24 yourself");
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});
