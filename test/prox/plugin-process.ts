/** bin/sluice-prox as prox starts it: by its path, without arguments, with a Node of the system in PATH at most. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { environment } from "../cli/sluice.ts";
import type { BridgeSettings } from "../hosts/bridge.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";

export const pluginPath = fileURLToPath(new URL("../../bin/sluice-prox", import.meta.url));

export interface Starting {
  readonly cwd: string;
  readonly settings?: BridgeSettings;
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the program lies, when it is started by a link. */
  readonly program?: string;
  /** Those that it is configured with at once, as prox does; none for one that a reload has taken away. */
  readonly routes?: readonly string[];
}

export class PluginProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** Lines on stdout. */
  readonly said = new Log();
  /** Lines on stderr. */
  readonly logged = new Log();
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;

  constructor({ cwd, settings = {}, env = {}, program = pluginPath, routes = ["web:0"] }: Starting) {
    this.child = spawn(program, [], {
      cwd,
      env: environment({
        // A call behind "ready" waits for what answers it to start, however long a busy machine takes for that.
        settings: { "admin.port": 0, "prox.deadlineMs": 20_000, ...settings },
        env: { PATH: "/usr/bin:/bin", ...env },
      }),
    });
    const { child, said, logged } = this;
    const release = keep("process", child.pid!);
    createInterface({ input: child.stdout }).on("line", (line) => said.add(line));
    createInterface({ input: child.stderr }).on("line", (line) => logged.add(line));
    child.stdin.on("error", () => {});
    for (const route of routes) this.configure(route);
    this.ended = once(child, "close").then(([code, signal]) => {
      release();
      return code ?? signal;
    });
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await this.ended;
    });
  }

  configure(route: string): void {
    this.child.stdin.write(`${JSON.stringify({ method: "configure", params: { route_id: route } })}\n`);
  }

  /** Resolves with the path of its socket. */
  async ready(): Promise<string> {
    const line = await this.said.saw(/"ready"/, { unless: this.ended.then(() => {}) });
    return JSON.parse(line).params.socket;
  }

  /** Until it has a policy and has told of its start. */
  async settled(): Promise<void> {
    await this.logged.saw(/answers prox/, { unless: this.ended.then(() => {}) });
  }
}
