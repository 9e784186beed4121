/**
 * What prox and its plugin say to each other over stdin and stdout, one JSON object a line.
 *
 *   begun ──ready(), and a first line of prox──▶ ready, said once ──end of stdin──▶ ended
 *
 * Guarantees
 *   - `ready` is said at most once: a second one closes prox's pool and can crash it.
 *   - `ready` is never said to a prox that has no use for it, nor after the end of stdin. One that a reload has taken out
 *     of the configuration is started again and not configured, and prox (0.35.1) crashes at its ready: it closes the
 *     old pool a second time.
 *   - No line is longer than prox can read (64 KiB): a longer one would end its reader.
 *   - Lines that prox keeps in its buffer, pushes and those of the log, go no faster than their pace.
 *   - Nothing that prox sends ends the plugin, but the end of stdin.
 */
import type { Readable, Writable } from "node:stream";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { mostPushBytes, type Push } from "../policy/push-value.ts";
import { LineReader } from "./lines.ts";
import { Pace } from "./pace.ts";
import { hooks } from "./payloads.ts";
import type { PushPort } from "./pusher.ts";

const mostTextLength = 1_000;
const mostArgs = 40;
/** Beyond so much that prox has not read, what is pushed is left out. */
const mostWaitingBytes = 256 * 1024;

const configure = z.looseObject({
  method: z.literal("configure"),
  params: z.looseObject({
    route_id: z.string(),
    match: z.looseObject({ domain: z.string().nullish(), path: z.string().nullish() }).nullish(),
  }),
});

/** A route that this plugin is bound to, as prox has it now. */
export interface Binding {
  /** `web:0`; "" for a plugin that is started without a route. */
  readonly route: string;
  readonly domain: string | null;
  readonly path: string | null;
}

export type PushLevel = "debug" | "info" | "warn" | "error";

export interface StdioParts {
  readonly input: Readable;
  /** Nothing else may ever write to it. */
  readonly output: Writable;
  readonly onConfigure: (binding: Binding) => void;
  /** prox wants the plugin to exit, and waits until it has. */
  readonly onEnd: () => void;
  readonly clock: Clock;
  readonly warn: (fields: object, text: string) => void;
}

export class ProxStdio implements PushPort {
  readonly #parts: StdioParts;
  readonly #lines = new LineReader();
  readonly #pace: Pace;
  readonly #bound = new Set<string>();
  #onConfigured = (): void => {};
  #leftOut = 0;
  #socket: string | null = null;
  #wanted = false;
  readonly #said = Promise.withResolvers<void>();
  #ready = false;
  #ended = false;

  constructor(parts: StdioParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock);
    const { input, output } = parts;
    input.on("data", (piece: Buffer) => this.#read(piece));
    for (const name of ["end", "error", "close"]) input.on(name, () => this.#end());
    // prox is gone; the end of stdin follows.
    output.on("error", () => {});
  }

  /** Routes that prox has ever bound to this plugin: it does not tell of those it binds no more. */
  get bound(): ReadonlySet<string> {
    return this.#bound;
  }

  onConfigured(listener: () => void): void {
    this.#onConfigured = listener;
  }

  /**
   * prox configures what it starts at once: by the time that a socket listens it has, unless it never will.
   * @param socket path that prox is to dial
   * @returns when ready was said
   */
  ready(socket: string): Promise<void> {
    this.#socket ??= socket;
    this.#sayReady();
    return this.#said.promise;
  }

  /**
   * A line in prox's own log.
   * @param args names and values in turn; what is too long or too much is cut
   * @returns false when prox does not read, or lines came too fast, and the line is left out; the next says how many
   */
  log(level: PushLevel, message: string, args: readonly string[] = []): boolean {
    if (this.#parts.output.writableLength > mostWaitingBytes || !this.#pace.takeLog()) {
      this.#leftOut += 1;
      return false;
    }
    const leftOut = this.#leftOut === 0 ? [] : ["linesLeftOut", String(this.#leftOut)];
    this.#leftOut = 0;
    const params = {
      level,
      message: cut(message),
      args: [...leftOut, ...args.slice(0, mostArgs)].map(cut),
    };
    const whole = { method: "log", params };
    const fits = Buffer.byteLength(JSON.stringify(whole)) < mostPushBytes;
    this.#write(fits ? whole : { ...whole, params: { ...params, args: leftOut } });
    return true;
  }

  /** False before ready, while prox has not read what was written, and when it was told much just now. */
  push(push: Push): boolean {
    if (!this.#ready || this.#ended || this.#parts.output.writableLength > 0) return false;
    if (!this.#pace.takePush()) return false;
    this.#write(push);
    return true;
  }

  #read(piece: Buffer): void {
    const { lines, tooLong } = this.#lines.read(piece);
    for (const line of lines) this.#take(line);
    if (tooLong > 0) this.#parts.warn({ lines: tooLong }, "prox sent a line that is too long; passed over");
    // Also one that is not understood: prox stands open until it has a ready.
    if (lines.length > 0 || tooLong > 0) this.#wanted = true;
    this.#sayReady();
  }

  #take(line: string): void {
    if (line.trim() === "") return;
    const parsed = configure.safeParse(jsonOf(line));
    if (!parsed.success) {
      this.#parts.warn({ length: line.length }, "prox sent a line that is not understood; passed over");
      return;
    }
    const { route_id: route, match } = parsed.data.params;
    if (route !== "") this.#bound.add(route);
    this.#parts.onConfigure({ route, domain: match?.domain ?? null, path: match?.path ?? null });
    this.#write({ result: "ok" });
    this.#onConfigured();
  }

  #sayReady(): void {
    if (this.#ready || this.#ended || !this.#wanted || this.#socket === null) return;
    this.#ready = true;
    // The order of the recorded plugin; prox asks for no certain one.
    const names = [hooks[1].name, hooks[2].name, hooks[3].name, hooks[4].name];
    this.#pace.takePush();
    this.#write({ method: "ready", params: { socket: this.#socket, hooks: names } });
    this.#said.resolve();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#lines.isWithin) this.#parts.warn({}, "prox ended in the middle of a line");
    this.#parts.onEnd();
  }

  #write(value: object): void {
    this.#parts.output.write(`${JSON.stringify(value)}\n`);
  }
}

/** Undefined for what is no JSON. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  return text.length > mostTextLength ? text.slice(0, mostTextLength).toWellFormed() : text;
}
