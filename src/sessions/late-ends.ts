/**
 * Sessions that were inferred to be over, in case frps tells of their end after all.
 *
 * Memory: the last `most` of them.
 */
import type { Session } from "./session.ts";

const most = 65_536;

export class LateEnds {
  /** Oldest key first. */
  readonly #byKey = new Map<string, Session[]>();
  #size = 0;

  add(session: Session): void {
    const there = this.#byKey.get(session.key);
    if (there) there.push(session);
    else this.#byKey.set(session.key, [session]);
    this.#size++;
    if (this.#size > most) this.#dropOldest();
  }

  /** The oldest of this key, and how many there are. */
  of(key: string): { readonly session: Session | undefined; readonly count: number } {
    const there = this.#byKey.get(key);
    return { session: there?.[0], count: there?.length ?? 0 };
  }

  find(key: string, id: string): Session | undefined {
    return this.#byKey.get(key)?.find((session) => session.id === id);
  }

  remove(session: Session): void {
    const there = this.#byKey.get(session.key);
    const at = there?.indexOf(session) ?? -1;
    if (there === undefined || at < 0) return;
    there.splice(at, 1);
    this.#size--;
    if (there.length === 0) this.#byKey.delete(session.key);
  }

  /** Its address has begun another connection: what comes now is about that one. */
  forget(key: string): void {
    if (this.#size === 0) return;
    this.#size -= this.#byKey.get(key)?.length ?? 0;
    this.#byKey.delete(key);
  }

  all(): Session[] {
    return [...this.#byKey.values()].flat();
  }

  #dropOldest(): void {
    const [oldest] = this.#byKey.values();
    if (oldest) this.remove(oldest[0]!);
  }
}
