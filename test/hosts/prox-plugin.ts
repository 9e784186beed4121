/**
 * A plugin for prox that does what a test says. `prox-plugin-script.ts` runs as its process, once for each time prox
 * starts it; every run is kept, so that a test sees restarts.
 */
import { EventEmitter, once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { decode } from "@msgpack/msgpack";
import { temporaryFolder } from "./folder.ts";
import { closeWithFile } from "./open.ts";
import type { Order, Report } from "./prox-plugin-script.ts";

export const EVERY_HOOK = ["on_request", "on_response", "on_connect", "on_disconnect"] as const;

const script = fileURLToPath(new URL("./prox-plugin-script.ts", import.meta.url));
const LENGTH_BYTES = 4;

type Hook = (typeof EVERY_HOOK)[number] | "unknown";

/** A frame as prox sent it, with its length before it. */
export interface ProxFrame {
  /** The connection within its run, from 1. */
  conn: number;
  hook: Hook;
  payload: Record<string, unknown>;
  hex: string;
}

/** An answer's frame with its length, in hex; undefined for none, now or ever. */
type Answer = string | undefined;

export interface ScriptedPlugin extends AsyncDisposable {
  /** What prox is to start. */
  path: string;
  /** Every process of it so far. */
  runs: PluginRun[];
  /** What each frame is answered with; a test may change it at any time. */
  answer: (frame: ProxFrame, run: PluginRun) => Answer;
  /** What a new process does first: by default it listens and says ready. */
  begin: (run: PluginRun) => void;
  /** Whether a process exits when its stdin ends. */
  exitsAtEof: boolean;
  /** What `look` finds, now or after a later report. */
  until<T>(look: () => T | undefined | false): Promise<T>;
  /** The run with that number, from 1, once it has sent ready and prox may ask it. */
  run(number?: number): Promise<PluginRun>;
}

/** One process of a scripted plugin. */
export class PluginRun {
  /** What it was started as. */
  started: Extract<Report, { is: "started" }> | undefined;
  /** Lines from prox. */
  readonly lines: string[] = [];
  readonly frames: ProxFrame[] = [];
  /** Connections that prox has open, and how many it ever opened. */
  readonly open = new Set<number>();
  opened = 0;
  listening = false;
  eof = false;
  gone = false;
  readonly socket: string;
  readonly #desk: Socket;

  constructor(desk: Socket, socket: string) {
    this.#desk = desk;
    this.socket = socket;
  }

  order(order: Order): void {
    this.#desk.write(`${JSON.stringify(order)}\n`);
  }

  /** A line on its stdout, as an object or as it stands. */
  say(line: object | string): void {
    this.order({ write: `${typeof line === "string" ? line : JSON.stringify(line)}\n` });
  }

  ready(hooks: readonly string[] = EVERY_HOOK): void {
    this.say({ method: "ready", params: { socket: this.socket, hooks } });
  }

  kill(): void {
    if (this.started) process.kill(this.started.pid, "SIGKILL");
  }

  of(hook: Hook): ProxFrame[] {
    return this.frames.filter((frame) => frame.hook === hook);
  }

  /** Takes in what the process reported. */
  note(report: Report): ProxFrame | undefined {
    if (report.is === "started") this.started = report;
    if (report.is === "line") this.lines.push(report.line);
    if (report.is === "eof") this.eof = true;
    if (report.is === "listening") this.listening = true;
    if (report.is === "open") {
      this.open.add(report.conn);
      this.opened += 1;
    }
    if (report.is === "closed") this.open.delete(report.conn);
    if (report.is !== "frame") return undefined;
    const frame = frameOf(report.conn, report.hex);
    this.frames.push(frame);
    return frame;
  }
}

/** What `hex` says, length first. */
export function frameOf(conn: number, hex: string): ProxFrame {
  const { t, d } = decode(Buffer.from(hex, "hex").subarray(LENGTH_BYTES)) as { t: number; d: Uint8Array };
  const payload = decode(d) as ProxFrame["payload"];
  return { conn, hook: EVERY_HOOK[t - 1] ?? "unknown", payload, hex };
}

export const OK = "0000000581a26f6bc3";
export const DENY = "0000000581a26f6bc2";
/** What leaves a response as it is. */
export const AS_IT_WAS = "0000000481a17300";

/** Allows everything and changes nothing. */
export function allow({ hook }: ProxFrame): Answer {
  if (hook === "on_disconnect") return undefined;
  return hook === "on_response" ? AS_IT_WAS : OK;
}

export async function startScriptedPlugin(): Promise<ScriptedPlugin> {
  const folder = await temporaryFolder("prox-plugin");
  const reported = new EventEmitter().setMaxListeners(0);
  const plugin: ScriptedPlugin = {
    path: join(folder.path, "plugin"),
    runs: [],
    answer: allow,
    begin: (run) => run.order({ listen: run.socket }),
    exitsAtEof: true,
    async until(look) {
      for (;;) {
        const found = look();
        if (found) return found;
        await once(reported, "report");
      }
    },
    run: (number = 1) => plugin.until(() => readied(plugin.runs[number - 1])),
    async [Symbol.asyncDispose]() {
      desk.close();
      for (const run of plugin.runs) run.order({ exit: 0 });
      await folder.remove();
    },
  };
  const desk = createServer((socket) => {
    const run = new PluginRun(socket, join(folder.path, `${plugin.runs.length + 1}.sock`));
    plugin.runs.push(run);
    const reports = createInterface({ input: socket }).on("error", () => {});
    reports.on("line", (line) => {
      const report = JSON.parse(line) as Report;
      const frame = run.note(report);
      if (frame) reply(plugin, run, frame);
      respond(plugin, run, report);
      reported.emit("report");
    });
    socket
      .on("error", () => {})
      .on("close", () => {
        run.gone = true;
        reported.emit("report");
      });
  });
  desk.listen(0, "127.0.0.1");
  await once(desk, "listening");
  const { port } = desk.address() as AddressInfo;
  await writeFile(plugin.path, `#!/bin/sh\nexec '${process.execPath}' '${script}' ${port} "$@"\n`, {
    mode: 0o755,
  });
  closeWithFile(plugin);
  return plugin;
}

function readied(run: PluginRun | undefined): PluginRun | undefined {
  return run?.listening ? run : undefined;
}

function reply(plugin: ScriptedPlugin, run: PluginRun, frame: ProxFrame): void {
  const answer = plugin.answer(frame, run);
  if (answer !== undefined) run.order({ answer, conn: frame.conn });
}

function respond(plugin: ScriptedPlugin, run: PluginRun, report: Report): void {
  if (report.is === "started") plugin.begin(run);
  if (report.is === "listening") run.ready();
  if (report.is === "line") run.say({ result: "ok" });
  if (report.is === "eof" && plugin.exitsAtEof) run.order({ exit: 0 });
}
