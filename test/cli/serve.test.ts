import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { eventually } from "../eventually.ts";
import type { BridgeSettings } from "../hosts/bridge.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { freePort } from "../hosts/ports.ts";
import { call, environment } from "./sluice.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

interface Served {
  readonly child: ChildProcess;
  readonly log: Log;
  readonly url: string;
  readonly folder: Folder;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

async function serving(settings: BridgeSettings = {}): Promise<Served> {
  const folder = await temporaryFolder("serve");
  const port = await freePort();
  const child = spawn(process.execPath, [main, "serve"], {
    cwd: folder.path,
    env: environment({
      settings: { "http.port": port, "admin.port": 0, "stop.drainMs": 100, ...settings },
    }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const release = keep("process", child.pid!);
  const log = new Log();
  createInterface({ input: child.stderr }).on("line", (line) => log.add(line));
  const ended = once(child, "exit").then(async ([code]) => {
    release();
    await folder.remove();
    return code as number | null;
  });
  return { child, log, url: `http://127.0.0.1:${port}/handler`, folder, ended };
}

const answers = /sluice \S+ answers/;

describe("serve", () => {
  it("writes nothing but JSON where no terminal is, the summary included", async () => {
    const { child, log, ended } = await serving({ "log.level": "error" });
    const started = JSON.parse(await log.saw(answers));
    expect(started).toMatchObject({ level: "info", default: "allow what no rule decides" });
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    for (const line of log.lines) expect(() => JSON.parse(line), line).not.toThrow();
  });

  it("writes for people when it is told to", async () => {
    const { child, log, ended } = await serving({ "log.format": "pretty" });
    await log.saw(/^ {2}try it {3}curl http:\/\/127/);
    expect(log.lines).toContainEqual(expect.stringMatching(/^sluice \S+ answers$/));
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  it("prints a call that a shell runs as it stands", async () => {
    const { child, log, ended } = await serving();
    const command = JSON.parse(await log.saw(answers))["try it"];
    const shell = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "ignore"] });
    const [answer] = await once(shell.stdout, "data");
    expect(JSON.parse(String(answer))).toEqual({ reject: false, unchange: true });
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  it("that is told to stop while it starts, stops when it has started", async () => {
    const { child, log, ended } = await serving({ "redis.url": `redis://127.0.0.1:${await freePort()}` });
    await log.saw(/source is away/);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(log.lines.at(-1)).toContain('"msg":"stopped"');
  });

  it("takes the two signals of one Ctrl-C as one: what is open is answered, and closed by its answer", async () => {
    const { child, log, url, ended } = await serving({ "stop.drainMs": 600_000 });
    await log.saw(answers);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(url, agent);
    // As the terminal to every process of its group, and npm to the one it started.
    child.kill("SIGINT");
    child.kill("SIGINT");
    await log.saw(/still stopping; a second signal ends it at once/);
    expect((await ask(url, agent)).headers.connection).toBe("close");
    expect(await ended).toBe(0);
    agent.destroy();
  });

  it("goes on when nobody reads its log any more", async () => {
    const { child, log, url, ended } = await serving({ "log.level": "debug" });
    await log.saw(answers);
    child.stderr!.destroy();
    for (let n = 0; n < 3; n++) expect(await call(url, "Nonsense", {})).toMatchObject({ reject: false });
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });

  it("goes on when the reader of its log stalls, and says later how many lines it lost", async () => {
    const { child, log, url, ended } = await serving({ "log.level": "debug" });
    await log.saw(answers);
    child.stderr!.pause();
    // Names are cut in the log: lines of 2 KiB, of which a pipe and what may wait hold some 600.
    const user = "€".repeat(300);
    const content = { user: { user }, proxy_name: `${user}.ssh`, proxy_type: "tcp" };
    for (let batch = 0; batch < 20; batch++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => call(url, "NewProxy", content)));
      expect(answers.every((answer) => (answer as { reject: boolean }).reject === false)).toBe(true);
    }
    child.stderr!.resume();
    const lost = /lines of the log were lost/;
    // Said before the next line that finds room.
    await eventually(async () => {
      await call(url, "NewProxy", content);
      expect(log.lines).toContainEqual(expect.stringMatching(lost));
    });
    expect(await log.saw(lost)).toMatch(/"lines":\d+/);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });
});

function ask(url: string, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method: "POST", agent }, (response) => {
      response.resume().once("end", () => resolve(response));
    });
    asking.once("error", reject);
    asking.end('{"version":"0.1.0","op":"Ping","content":{}}');
  });
}
