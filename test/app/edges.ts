/**
 * The two ways into the same bridge, as the table of guarantees needs them: somebody asks for something that can be
 * refused, or tells of something that cannot be, and gets an answer.
 */
import { join } from "node:path";
import { decode } from "@msgpack/msgpack";
import { opId } from "../../src/events/ids.ts";
import { frameOf } from "../../src/prox/frames.ts";
import type { FaultControl } from "../faults/tools/control.ts";
import { journalDirVariable } from "../faults/tools/steering.ts";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import type { Log } from "../hosts/log.ts";
import { freePort } from "../hosts/ports.ts";
import { makeDir } from "../journal/harness.ts";
import { envelopeOf } from "../prox/asked.ts";
import { PluginProcess } from "../prox/plugin-process.ts";
import { Talk } from "../prox/talk.ts";
import type { AnyEvent } from "../sessions/world.ts";

export interface Answered {
  /** The reason; null where it was let through. */
  readonly refused: string | null;
  readonly isOf: (event: AnyEvent) => boolean;
}

/** A bridge that runs, or can be started again on the same data. */
export interface Bridge {
  /** Where its journal lies. */
  readonly dir: string;
  readonly log: Log;
  /** Resolves when it has logged that in its present life. */
  saw(pattern: RegExp): Promise<unknown>;
  /** Something that can be refused; rejects when there is no answer. */
  ask(who: string): Promise<Answered>;
  /** Something that has happened already. */
  tell(who: string): Promise<Answered>;
  readyz(): Promise<{ status: number; text: string }>;
  /** As whoever runs it ends it. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface Edge {
  readonly name: string;
  /** The key of a rule for all that this one asks. */
  readonly ruleOf: (who: string) => string;
  start(settings: BridgeSettings, control?: FaultControl): Promise<Bridge>;
}

async function readyzAt(port: number): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: response.status, text: await response.text() };
}

const frp: Edge = {
  name: "frp",
  ruleOf: (who) => `user:${who}`,
  async start(settings, control) {
    const adminPort = await freePort();
    const broken = control && { nodeArgs: control.nodeArgs("disk"), env: control.env };
    const bridge = await startBridge({ "admin.port": adminPort, "stop.drainMs": 100, ...settings }, broken);
    let [count, from] = [0, 0];
    const call = async (op: string, content: object): Promise<Answered> => {
      const reqid = (++count).toString(16).padStart(16, "f");
      const body = JSON.stringify({ version: "0.1.0", op, content });
      const headers = { "X-Frp-Reqid": reqid };
      const answer = await (await fetch(bridge.url, { method: "POST", body, headers })).json();
      const { reject, reject_reason } = answer as { reject: boolean; reject_reason?: string };
      const id = opId("frps", reqid, op);
      return { refused: reject ? String(reject_reason) : null, isOf: (event) => event.id === id };
    };
    const of = (user: string): object => ({ user: { user, metas: null, run_id: "aaaaaaaaaaaaaaa1" } });
    return {
      dir: bridge.dataDir,
      log: bridge.log,
      saw: (pattern) => bridge.log.saw(pattern, { from }),
      ask: (who) => call("Ping", of(who)),
      tell: (who) => call("CloseProxy", { ...of(who), proxy_name: `${who}.web` }),
      readyz: () => readyzAt(adminPort),
      stop: () => bridge.stop(),
      kill: () => bridge.kill(),
      start: () => {
        from = bridge.log.lines.length;
        return bridge.start();
      },
    };
  },
};

const prox: Edge = {
  name: "prox",
  ruleOf: (who) => `domain:${who}.test`,
  async start(settings, control) {
    const bridge = new PluggedIn(settings, await freePort(), control);
    await bridge.start();
    return bridge;
  },
};

/** What a prox would be to the plugin. */
class PluggedIn implements Bridge {
  readonly dir: string;
  readonly #cwd = makeDir();
  readonly #settings: BridgeSettings;
  readonly #env: Readonly<Record<string, string>>;
  readonly #adminPort: number;
  #process: PluginProcess | null = null;
  #count = 0;

  constructor(settings: BridgeSettings, adminPort: number, control: FaultControl | undefined) {
    this.dir = join(this.#cwd, "data", "prox-1");
    this.#adminPort = adminPort;
    this.#settings = { "admin.port": adminPort, ...settings };
    const nodeOptions = control?.nodeArgs("disk").join(" ");
    this.#env = {
      ...control?.env,
      ...(nodeOptions && { NODE_OPTIONS: nodeOptions, [journalDirVariable]: this.dir }),
    };
  }

  get log(): Log {
    return this.#process!.logged;
  }

  saw(pattern: RegExp): Promise<unknown> {
    return this.log.saw(pattern);
  }

  async start(): Promise<void> {
    this.#process = new PluginProcess({ cwd: this.#cwd, settings: this.#settings, env: this.#env });
    await this.#process.ready();
    await this.#process.settled();
  }

  ask(who: string): Promise<Answered> {
    return this.#call("on_request", (request) => request, who);
  }

  tell(who: string): Promise<Answered> {
    return this.#call("on_response", (req) => ({ req, resp: { s: 200 } }), who);
  }

  async #call(
    hook: "on_request" | "on_response",
    payload: (request: object) => object,
    who: string,
  ): Promise<Answered> {
    const path = `/${++this.#count}`;
    const request = { r: "web:0", a: "203.0.113.9:1", m: "GET", p: path, d: `${who}.test` };
    const talk = await Talk.to(join(this.dir, "prox.sock"));
    talk.send(frameOf(envelopeOf(hook, payload(request))));
    const [frame] = await talk.take(1);
    talk.socket.destroy();
    const answer = decode(frame!) as { ok?: boolean; b?: Uint8Array };
    const refused = answer.ok === false ? Buffer.from(answer.b!).toString() : null;
    return { refused, isOf: ({ op, data }) => op === hook && data.prox.path === path };
  }

  readyz(): Promise<{ status: number; text: string }> {
    return readyzAt(this.#adminPort);
  }

  async stop(): Promise<void> {
    this.#process!.child.stdin.end();
    await this.#process!.ended;
  }

  async kill(): Promise<void> {
    this.#process!.child.kill("SIGKILL");
    await this.#process!.ended;
  }
}

export const edges: readonly Edge[] = [frp, prox];
