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
const several = 2;

interface Return {
  readonly client: Client;
  readonly monotonicMs: number;
  /** Whether frps closed what the client had. */
  closed: boolean;
}

export class Returns {
  #recent: Return[] = [];

  /** @param client has its former proxies in `left` */
  add(client: Client, monotonicMs: number): void {
    this.#recent = this.#recent.filter(
      (one) => one.client !== client && monotonicMs - one.monotonicMs < sameRestartMs,
    );
    this.#recent.push({ client, monotonicMs, closed: false });
  }

  /** Whether this CloseProxy is about what the client had before it came back, and not about what it has now. */
  takesClose(client: Client, proxy: string, monotonicMs: number): boolean {
    if (monotonicMs - client.returnedMs > settleMs || !client.left.delete(proxy)) return false;
    const own = this.#recent.find((one) => one.client === client);
    if (own) own.closed = true;
    return true;
  }

  /** When the first of several clients came back that frps had not closed anything of; null when it is only one. */
  restartedMs(): number | null {
    const unclosed = this.#recent.filter(({ closed }) => !closed);
    return unclosed.length >= several ? unclosed[0]!.monotonicMs : null;
  }
}
