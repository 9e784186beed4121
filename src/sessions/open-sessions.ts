/**
 * The open sessions, by key and by age, and how many they are.
 *
 * Guarantee: each is found by its key until it is over; of several with one key the oldest first.
 */
import { Row } from "./row.ts";
import { Session, type Start } from "./session.ts";

export class OpenSessions {
  /** Most keys are those of one session; only shared ones need a row. */
  readonly #byKey = new Map<string, Session | Row<Session>>();
  readonly #byAge = new Row<Session>();
  #order = 0;

  get size(): number {
    return this.#byAge.size;
  }

  get oldest(): Session | undefined {
    return this.#byAge.oldest;
  }

  /** Of the session that began last. */
  get lastOrder(): number {
    return this.#order;
  }

  all(): Session[] {
    return this.#byAge.all();
  }

  add(start: Start): Session {
    const session = new Session(start, ++this.#order);
    const there = this.#byKey.get(session.key);
    if (there === undefined) this.#byKey.set(session.key, session);
    else if (there instanceof Row) there.add(session);
    else {
      const row = new Row<Session>();
      row.add(there);
      row.add(session);
      this.#byKey.set(session.key, row);
    }
    this.#byAge.add(session);
    session.through.sessions.add(session);
    session.through.lastOrder = session.order;
    session.through.kind.started(session);
    return session;
  }

  /** The oldest of a key, and how many there are. */
  of(key: string): { readonly session: Session | undefined; readonly count: number } {
    const there = this.#byKey.get(key);
    if (there instanceof Row) return { session: there.oldest, count: there.size };
    return { session: there, count: there === undefined ? 0 : 1 };
  }

  /** The one of the same key that began next. */
  after({ key, order }: Session): Session | undefined {
    const there = this.#byKey.get(key);
    return there instanceof Row ? there.find((other) => other.order > order) : undefined;
  }

  find(key: string, id: string): Session | undefined {
    const there = this.#byKey.get(key);
    if (there instanceof Row) return there.find((session) => session.id === id);
    return there?.id === id ? there : undefined;
  }

  /** As find, for one that has just begun. */
  findNewest(key: string, id: string): Session | undefined {
    const there = this.#byKey.get(key);
    return there instanceof Row ? there.findNewest((session) => session.id === id) : this.find(key, id);
  }

  remove(session: Session): void {
    session.over = true;
    const there = this.#byKey.get(session.key);
    if (!(there instanceof Row)) this.#byKey.delete(session.key);
    else {
      there.left();
      if (there.size === 0) this.#byKey.delete(session.key);
    }
    this.#byAge.left();
    session.through.sessions.left();
    session.through.kind.ended(session);
  }
}
