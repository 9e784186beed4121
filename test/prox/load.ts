/**
 * What people ask of a prox at once: requests over connections that are kept, and now and then a connection to pass on.
 * Each has a path or a domain of its own, and what it must be answered with follows from its domain alone.
 */
import { EventEmitter, once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Prox } from "../hosts/prox-config.ts";
import { passUser, WebUser } from "../hosts/prox-user.ts";

/** So many domains are refused, each with a reason of its own: an answer to another's request shows. */
const refusedDomains = 31;
const refusedNames = 5;

/** The rules that `deniedAs` tells of. */
export const loadPolicy: Readonly<Record<string, string>> = Object.fromEntries([
  ...Array.from({ length: refusedDomains }, (_, n) => [`domain:n${n}.deny.test`, `deny not ${n}`]),
  ...Array.from({ length: refusedNames }, (_, n) => [`domain:n${n}.l4.test`, "deny"]),
]);

/** The reason that request `n` must be refused with; null for one that must be let through. */
export function deniedAs(n: number): string | null {
  return n % 3 === 1 ? `not ${n % refusedDomains}` : null;
}

export function domainOf(n: number): string {
  return deniedAs(n) === null ? "web.test" : `n${n % refusedDomains}.deny.test`;
}

export interface WebAnswer {
  readonly n: number;
  readonly path: string;
  readonly status: number;
  readonly body: string;
  /** Both by performance.now(). */
  readonly sentMs: number;
  readonly atMs: number;
}

export interface PassAnswer {
  readonly domain: string;
  /** The visitor's, as prox tells it. */
  readonly address: string;
  readonly passed: boolean;
  readonly sentMs: number;
  readonly atMs: number;
}

export interface Unanswered {
  readonly path: string;
  readonly problem: string;
  readonly sentMs: number;
  readonly atMs: number;
}

export interface LoadOptions {
  /** Ends by itself when so many requests have been sent. */
  readonly count?: number;
  readonly connections?: number;
  /** The number of the first request. */
  readonly first?: number;
  /** One connection to pass on for so many requests. */
  readonly passEvery?: number;
}

/** Behind a request that failed: a prox whose plugin is away answers as fast as it is asked. */
const failedPauseMs = 5;

export class ProxLoad {
  readonly answers: WebAnswer[] = [];
  readonly passes: PassAnswer[] = [];
  /** Requests without any answer: their events may be there or not. */
  readonly unanswered: Unanswered[] = [];
  readonly #ports: { readonly web: number; readonly gw: number };
  readonly #passEvery: number;
  readonly #behind: number;
  readonly #came = new EventEmitter<{ answer: [] }>().setMaxListeners(0);
  readonly #working: Promise<unknown>;
  #next: number;
  #right = 0;
  #stopped = false;

  constructor(
    prox: Prox,
    { count = Number.POSITIVE_INFINITY, connections = 64, passEvery = 16, first = 1 }: LoadOptions = {},
  ) {
    this.#ports = { web: prox.port("web"), gw: prox.port("gw") };
    this.#passEvery = passEvery;
    this.#next = first;
    this.#behind = first + count;
    this.#working = Promise.all(Array.from({ length: connections }, () => this.#work()));
  }

  /** All requests that were let through. */
  get allowed(): WebAnswer[] {
    return this.answers.filter(({ status }) => status === 200);
  }

  /** Resolves when so many more requests have been answered as the rules say. */
  async more(count: number): Promise<void> {
    const wanted = this.#right + count;
    while (this.#right < wanted) await once(this.#came, "answer");
  }

  /** Asks nothing more; resolves when all that was asked has been answered or has failed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
  }

  /** Resolves when `count` have been asked. */
  async done(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    const passEvery = this.#passEvery;
    let user = new WebUser(this.#ports.web);
    while (!this.#stopped && this.#next < this.#behind) {
      const n = this.#next++;
      if (n % passEvery === 0) await this.#pass(n / passEvery);
      const [path, sentMs] = [`/r/${n}`, performance.now()];
      try {
        const { status, body } = await user.ask({ path, host: domainOf(n) });
        this.answers.push({ n, path, status, body: String(body), sentMs, atMs: performance.now() });
        if (isRight(this.answers.at(-1)!)) this.#right += 1;
        else await pause(failedPauseMs);
      } catch (thrown) {
        this.#failed(path, sentMs, thrown);
        user.close();
        user = new WebUser(this.#ports.web);
        await pause(failedPauseMs);
      }
      this.#came.emit("answer");
    }
    user.close();
  }

  async #pass(n: number): Promise<void> {
    const sentMs = performance.now();
    const domain = n % 2 === 0 ? "yes.l4.test" : `n${n % refusedNames}.l4.test`;
    try {
      const { first, address, close } = await passUser(this.#ports.gw, domain);
      const passed = (await first) !== "";
      close();
      this.passes.push({ domain, address, passed, sentMs, atMs: performance.now() });
    } catch (thrown) {
      this.#failed(domain, sentMs, thrown);
    }
  }

  #failed(path: string, sentMs: number, thrown: unknown): void {
    this.unanswered.push({ path, problem: String(thrown), sentMs, atMs: performance.now() });
  }
}

/** Whether a request got the answer that the rules ask for, and no other's. */
export function isRight({ n, status, body }: WebAnswer): boolean {
  const reason = deniedAs(n);
  // prox ends a refusal's body with a newline.
  return reason === null ? status === 200 && body === "upstream" : status === 403 && body === `${reason}\n`;
}

export function isRightPass({ domain, passed }: PassAnswer): boolean {
  return passed === (domain === "yes.l4.test");
}
