/**
 * Signs that sessions are over, waiting for the grace in which their closes may still come.
 *
 *   sign ──▶ waiting ──a close for each session──▶ nothing left to infer
 *               └── the grace has passed ──▶ due: what is left of its sessions is inferred to be over
 *
 * A sign is about the sessions of one proxy that had begun by then; later ones are none of its business.
 */
import type { EndReason } from "../events/data.ts";
import type { OpenProxy } from "./session.ts";

export interface Departure {
  readonly proxy: OpenProxy;
  readonly reason: EndReason;
  /** Wall clock, when the sign was seen. */
  readonly signMs: number;
  /** No session that began later is meant. */
  readonly throughOrder: number;
  /** By the process's clock, as signMs. */
  readonly sinceMs: number;
  /** By the process's clock. */
  readonly dueMs: number;
  /** How many closes its proxy had had then. */
  readonly closes: number;
}

export class Departures {
  /** In the order in which they fall due. */
  #waiting: Departure[] = [];

  add(departure: Departure): void {
    departure.proxy.departures++;
    departure.proxy.leaving = departure;
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.dueMs > departure.dueMs) at--;
    this.#waiting.splice(at, 0, departure);
  }

  /** The one that falls due first. */
  get next(): Departure | undefined {
    return this.#waiting[0];
  }

  /** No session of `next` is left. */
  finish(): void {
    const departure = this.#waiting.shift();
    if (departure === undefined) return;
    const { proxy } = departure;
    proxy.departures--;
    if (proxy.leaving === departure) proxy.leaving = null;
  }

  all(): readonly Departure[] {
    return this.#waiting;
  }
}
