/**
 * What an frps asks all day: the seven ops in a seeded mix, over HTTP connections that are kept as Go's client
 * keeps them. Every answer is held together with the call that it answers.
 */
import { EventEmitter, once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { opId } from "../../src/events/ids.ts";
import { closeWithFile } from "../hosts/open.ts";
import { type Call, callMix } from "./call-mix.ts";

export interface Answer {
  readonly call: Call;
  /** The reason; null when frps may go on. */
  readonly refused: string | null;
  /** Whether it said `Connection: close`. */
  readonly closes: boolean;
  /** Both by performance.now(). */
  readonly sentMs: number;
  readonly atMs: number;
}

export interface Unanswered {
  readonly call: Call;
  readonly problem: string;
  /** Whether an earlier call had been answered on its connection: then it has not merely found nobody there. */
  readonly connected: boolean;
}

export interface LoadOptions {
  readonly url: string;
  readonly perSecond?: number;
  readonly seed?: number;
  /** Gives the next call, instead of the mix. */
  readonly next?: () => Call;
  /** How often the calls that are due are sent, in milliseconds. */
  readonly everyMs?: number;
}

/** Go's http.DefaultTransport. */
const idleConnections = 2;
/** A bridge that answers nothing must not drown this process. */
const mostInFlight = 300;

export class Load implements AsyncDisposable {
  readonly answers: Answer[] = [];
  readonly unanswered: Unanswered[] = [];
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: idleConnections });
  readonly #came = new EventEmitter<{ answer: [Answer]; idle: [] }>().setMaxListeners(0);
  readonly #timer: NodeJS.Timeout;
  #inFlight = 0;

  constructor({ url, perSecond = 500, seed = 1, next = callMix(seed), everyMs = 10 }: LoadOptions) {
    this.#url = url;
    let lastMs = performance.now();
    let due = 0;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      due += ((nowMs - lastMs) / 1000) * perSecond;
      lastMs = nowMs;
      for (; due >= 1; due--) if (this.#inFlight < mostInFlight) this.ask(next());
    }, everyMs);
    closeWithFile(this);
  }

  /** One call more, beside the mix. */
  ask(call: Call): void {
    const sentMs = performance.now();
    this.#inFlight += 1;
    const asked = request(this.#url, {
      method: "POST",
      agent: this.#agent,
      headers: { "Content-Type": "application/json", "X-Frp-Reqid": call.reqid },
    });
    const fail = (problem: string): void => {
      this.unanswered.push({ call, problem, connected: asked.reusedSocket });
      this.#ended();
    };
    asked.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    asked.once("response", (response) => {
      textOf(response).then(
        (text) => {
          const refused = refusalIn(response.statusCode, text);
          if (refused === undefined) return fail(`${response.statusCode} ${text}`);
          const closes = response.headers.connection === "close";
          const answer = { call, refused, closes, sentMs, atMs: performance.now() };
          this.answers.push(answer);
          this.#came.emit("answer", answer);
          this.#ended();
        },
        () => fail("cut off within the answer"),
      );
    });
    asked.end(call.body);
  }

  /** The next answer that matches. */
  saw(is: (answer: Answer) => boolean, what: string, timeoutMs = 30_000): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const look = (answer: Answer): void => {
        if (is(answer)) end(() => resolve(answer));
      };
      const late = (): void => end(() => reject(new Error(`no answer ${what} came within ${timeoutMs} ms`)));
      const timer = setTimeout(late, timeoutMs);
      const end = (settle: () => void): void => {
        this.#came.off("answer", look);
        clearTimeout(timer);
        settle();
      };
      this.#came.on("answer", look);
    });
  }

  /** Resolves when so many more calls have been answered. */
  async more(count: number): Promise<void> {
    let left = count;
    await this.saw(() => --left === 0, `number ${count} from now on`);
  }

  /** Asks nothing more; resolves when every call has been answered or has failed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#inFlight > 0) await once(this.#came, "idle");
    this.#agent.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Ids of the events of all that was answered. */
  get answeredIds(): string[] {
    return this.answers.map(({ call }) => idOf(call));
  }

  #ended(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#came.emit("idle");
  }
}

/** Of a call to a bridge whose `node` has its default. */
export function idOf({ reqid, op }: Call): string {
  return opId("frps", reqid, op);
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

/** undefined when frps would not take it for an answer. */
function refusalIn(status: number | undefined, text: string): string | null | undefined {
  if (status !== 200) return undefined;
  if (text === '{"reject":false,"unchange":true}') return null;
  const { reject, reject_reason } = JSON.parse(text) as { reject?: unknown; reject_reason?: unknown };
  return reject === true && typeof reject_reason === "string" ? reject_reason : undefined;
}
