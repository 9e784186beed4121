/**
 * User connections that were told of a moment ago, and the session that each was about.
 *
 * A frps that lists the plugin twice asks twice, in one chain and with one request id: the second is the same event,
 * and neither opens a session nor takes another one of its key.
 *
 * Memory: the last `most` of them.
 */
import type { Op } from "../op.ts";

const most = 1_024;

export class Told {
  /** By frps, op and request id, oldest first: the id of the session, or null where there was none. */
  readonly #sessions = new Map<string, string | null>();

  /** Undefined when it was not told before. */
  of(op: Op): string | null | undefined {
    return op.reqid === null ? undefined : this.#sessions.get(nameOf(op));
  }

  add(op: Op, session: string | null): void {
    if (op.reqid === null) return;
    this.#sessions.set(nameOf(op), session);
    if (this.#sessions.size > most) this.#sessions.delete(this.#sessions.keys().next().value!);
  }
}

function nameOf({ node, name, reqid }: Op): string {
  return `${node} ${name} ${reqid}`;
}
