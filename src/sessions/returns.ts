/**
 * Clients of one frps that came back with the run id they had: it tells whether their connection was cut, or frps
 * was started anew.
 *
 * When only a client's connection was cut, frps closes what that client had before it lets it in again (frp
 * server/service.go, RegisterControl), so a CloseProxy comes at about the same time. A frps that was killed has
 * nothing to close: several clients that come back without one are its restart.
 */
import type { Client } from "./session.ts";

/** How long a CloseProxy of what the client had before may take. */
export const settleMs = 5_000;
const sameRestartMs = 60_000;

interface Return {
  readonly monotonicMs: number;
  /** Whether frps closed what the client had. */
  closed: boolean;
}

export class Returns {
  /** The oldest first. */
  readonly #recent = new Map<Client, Return>();

  /** @param client has its former proxies in `left` */
  add(client: Client, monotonicMs: number, closed = false): void {
    for (const [one, { monotonicMs: since }] of this.#recent) {
      if (monotonicMs - since < sameRestartMs) break;
      this.#recent.delete(one);
    }
    this.#recent.delete(client);
    this.#recent.set(client, { monotonicMs, closed });
  }

  all(): (readonly [Client, Readonly<Return>])[] {
    return [...this.#recent];
  }

  /** Whether this CloseProxy is about what the client had before it came back, and not about what it has now. */
  takesClose(client: Client, proxy: string, monotonicMs: number): boolean {
    if (monotonicMs - client.returnedMs > settleMs || !client.left.delete(proxy)) return false;
    const own = this.#recent.get(client);
    if (own) own.closed = true;
    return true;
  }

  /** When the first of several clients came back that frps had not closed anything of; null when it is only one. */
  restartedMs(monotonicMs: number): number | null {
    let first: Return | null = null;
    for (const one of this.#recent.values()) {
      if (one.closed || monotonicMs - one.monotonicMs > sameRestartMs) continue;
      if (first) return first.monotonicMs;
      first = one;
    }
    return null;
  }
}
