/**
 * Closes that were told a moment ago, and what they ended.
 *
 * A frps that lists the plugin twice asks twice, in one chain and with one request id: the second is the same event,
 * and must not take another session of its key.
 *
 * Memory: the last `most` of them.
 */
import type { Op } from "../op.ts";

const most = 1_024;

export class ToldCloses {
  /** By frps and request id, oldest first: the id of the session, or null where there was none. */
  readonly #ended = new Map<string, string | null>();

  /** Undefined when it was not told before. */
  of(op: Op): string | null | undefined {
    return op.reqid === null ? undefined : this.#ended.get(nameOf(op));
  }

  add(op: Op, session: string | null): void {
    if (op.reqid === null) return;
    this.#ended.set(nameOf(op), session);
    if (this.#ended.size > most) this.#ended.delete(this.#ended.keys().next().value!);
  }
}

function nameOf({ node, reqid }: Op): string {
  return `${node} ${reqid}`;
}
