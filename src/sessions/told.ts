/**
 * User connections that were told of a moment ago, and the session that each was about.
 *
 * A frps that lists the plugin twice asks twice, in one chain and with one request id: the second is the same event
 * (events/ids.ts), and neither opens a session nor takes another one of its key.
 *
 * Memory: the last `most` of them, and as many more at most. They leave together: to let go of one for each that comes
 * costs as much as to take it.
 */
const most = 1_024;

export class Told {
  /** By the event of the op: the id of the session, or null where there was none. */
  #sessions = new Map<string, string | null>();
  #before = new Map<string, string | null>();

  /** Undefined when it was not told before. */
  of(eventId: string): string | null | undefined {
    const session = this.#sessions.get(eventId);
    return session === undefined ? this.#before.get(eventId) : session;
  }

  add(eventId: string, session: string | null): void {
    this.#sessions.set(eventId, session);
    if (this.#sessions.size < most) return;
    this.#before = this.#sessions;
    this.#sessions = new Map();
  }
}
