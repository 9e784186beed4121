/** Puts what a snapshot holds into sessions that know of nothing yet, times of the wall clock turned into this process's. */
import type { Clock } from "../clock.ts";
import type { EndReason } from "../events/data.ts";
import type { AdmittedLogin } from "./logins.ts";
import { type Client, type OpenProxy, Session, type Start } from "./session.ts";
import type { Sessions } from "./sessions.ts";

export class Restoring {
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  constructor(sessions: Sessions, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** @param late it was inferred to be over */
  session(start: Omit<Start, "startedMonotonicMs" | "measured">, late: boolean): void {
    const startedMonotonicMs = this.#monotonicMs(start.startedMs);
    const whole = { ...start, startedMonotonicMs, measured: false };
    if (!late) {
      this.#sessions.open.add(whole);
      return;
    }
    const session = new Session(whole, 0);
    session.over = true;
    this.#sessions.late.add(session);
  }

  /** A client had come back. @param left its former proxies of whose end frps may still tell */
  returned(client: Client, atMs: number, closed: boolean, left: readonly string[]): void {
    client.returnedMs = this.#monotonicMs(atMs);
    for (const name of left) client.left.add(name);
    this.#sessions.roster.node(client.node).returns.add(client, client.returnedMs, closed);
  }

  /** A Login that waited for its client. */
  login(node: string, login: Omit<AdmittedLogin, "metas" | "monotonicMs">): void {
    const monotonicMs = this.#monotonicMs(login.atMs);
    this.#sessions.roster.node(node).logins.add({ ...login, metas: null, monotonicMs });
  }

  /**
   * @param count of the oldest sessions of the proxy, which are those that the sign is about
   * @param closed how many had got a close since the sign
   */
  departure(proxy: OpenProxy, reason: EndReason, signMs: number, count: number, closed: number): void {
    const last = proxy.sessions.all()[count - 1];
    if (!last) return;
    const closes = proxy.closes - closed;
    this.#sessions.inference.sign(proxy, reason, signMs, { throughOrder: last.order, closes });
  }

  /** Where this process's clock would have stood then. */
  #monotonicMs(wallMs: number): number {
    return this.#clock.monotonic() - Math.max(0, this.#clock.now() - wallMs);
  }
}
