/**
 * The mirror: keeps the replica equal to what one link of Redis holds, for as long as the link lives.
 *
 *   loading ──all keys read──▶ current ──flush──▶ loading
 *
 * How no change is lost and no older value overwrites a newer one: tracking is on before the first SCAN, so each
 * later change is told, and what was told is read afterwards. All reads, of a load and of told changes alike, go
 * over one connection and are applied in the order in which they were asked; Redis answers in that order, so
 * what is applied later was true later. GET or MGET and PTTL of a key are two commands, and a write between them leaves
 * a mixed reading; that write is told too, and read again a moment later. A load reads with MGET and says nothing of a
 * key of which that cannot tell: it is asked once more when all others have been.
 *
 * Redis tells of a flush in the same words when another of its databases was flushed, and when it has taken over a
 * whole new set as a replica. All that stands there after a flush of ours has been told as written since; where
 * anything has not, it was not ours, and what is missing was taken away by name.
 *
 * Before a load takes away what it did not find, it waits until every change made up to then has been told and
 * read: a key that came back while SCAN was past it is not taken for gone.
 */
import type { Entry } from "./held-rules.ts";
import type { RedisKeys } from "./redis-keys.ts";
import type { RedisLink } from "./redis-link.ts";
import type { Reading } from "./redis-reading.ts";
import type { Replica } from "./replica.ts";
import type { Resync } from "./resyncs.ts";

const keysPerRead = 500;
/** Reads under way for told changes; what is told meanwhile waits and is read once, however often it changed. */
const readsAtOnce = 4;

export class RedisMirror {
  readonly #link: RedisLink;
  readonly #keys: RedisKeys;
  readonly #replica: Replica;
  readonly #onLoaded: () => void;
  #loading: Resync | null = null;
  #toldSinceFlush: Set<string> | null = null;
  /** Told as changed, not yet asked for. */
  readonly #told = new Set<string>();
  #underWay = 0;
  #pumpDue = false;
  #applied: Promise<void> = Promise.resolve();
  #over = false;

  /** @param onLoaded the replica has all of Redis's rules, again after each flush */
  constructor(link: RedisLink, keys: RedisKeys, replica: Replica, onLoaded: () => void) {
    this.#link = link;
    this.#keys = keys;
    this.#replica = replica;
    this.#onLoaded = onLoaded;
    void link.lost.then(() => {
      this.#over = true;
    });
  }

  /** Whether the replica has everything, as far as has been told. */
  get current(): boolean {
    return this.#loading === null && !this.#over;
  }

  /**
   * Reads everything. An error ends the link; a newer load takes over.
   * @param toldSinceFlush given after a flush; takes the keys that are told as written since
   */
  async load(toldSinceFlush: Set<string> | null = null): Promise<void> {
    const resync = this.#replica.resync();
    this.#loading = resync;
    this.#toldSinceFlush = toldSinceFlush;
    const found = new Set<string>();
    const unsure: string[] = [];
    const offer = (readings: readonly Reading[]): void => resync.offer(this.#entries(readings));
    try {
      // Redis reads one part while the part before is applied.
      let before: Promise<void> = this.#applied;
      for await (const scanned of this.#link.scan(this.#keys.pattern)) {
        const keys = scanned.filter((key) => this.#keys.ruleOf(key) !== null);
        if (toldSinceFlush) for (const key of keys) found.add(key);
        for (const part of partsOf(keys)) {
          const applied = this.#inOrder(this.#link.readMany(part), (read) => {
            offer(read.readings);
            unsure.push(...read.unsure);
          });
          await before;
          before = applied;
        }
        if (resync.superseded) return;
      }
      await before;
      for (const part of partsOf(unsure)) await this.#inOrder(this.#link.read(part), offer);
      await this.#link.heardAll();
      this.#pump(Number.POSITIVE_INFINITY);
      await this.#applied;
      if (!this.#over) await resync.finish(toldSinceFlush?.isSupersetOf(found) ?? false);
    } catch (thrown) {
      this.#link.lose(thrown);
    }
    if (this.#over || resync.superseded) return;
    this.#loading = null;
    this.#toldSinceFlush = null;
    this.#onLoaded();
  }

  /** These keys changed; null: all went at once. */
  told(keys: readonly string[] | null): void {
    if (keys === null) return void this.load(new Set());
    for (const key of keys) {
      if (this.#keys.ruleOf(key) === null) continue;
      this.#told.add(key);
      this.#toldSinceFlush?.add(key);
    }
    if (this.#pumpDue) return;
    this.#pumpDue = true;
    // After all that came in the same packet.
    queueMicrotask(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  #pump(atOnce = readsAtOnce): void {
    while (this.#told.size > 0 && this.#underWay < atOnce && !this.#over) {
      const keys = firstOf(this.#told, keysPerRead);
      for (const key of keys) this.#told.delete(key);
      this.#underWay += 1;
      this.#inOrder(this.#link.read(keys), (readings) => this.#apply(readings)).then(
        () => {
          this.#underWay -= 1;
          this.#pump();
        },
        (thrown) => this.#link.lose(thrown),
      );
    }
  }

  /** What has just been asked is applied after everything that was asked before. */
  #inOrder<Read>(asked: Promise<Read>, apply: (read: Read) => void): Promise<void> {
    const applied = Promise.all([asked, this.#applied]).then(([read]) => {
      if (!this.#over) apply(read);
    });
    // Whoever waits for it hears of an error; a load that is superseded waits no more.
    applied.catch(() => {});
    this.#applied = applied;
    return applied;
  }

  #apply(readings: readonly Reading[]): void {
    for (const { key, value } of readings) if (value === null) this.#replica.remove(this.#keys.ruleOf(key)!);
    this.#replica.put(this.#entries(readings));
  }

  #entries(readings: readonly Reading[]): Entry[] {
    const entries: Entry[] = [];
    for (const { key, value, leftMs } of readings)
      if (value !== null) entries.push({ key: this.#keys.ruleOf(key)!, value, leftMs });
    return entries;
  }
}

function* partsOf(keys: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < keys.length; from += keysPerRead) yield keys.slice(from, from + keysPerRead);
}

function firstOf(keys: Iterable<string>, count: number): string[] {
  const first: string[] = [];
  for (const key of keys) if (first.push(key) === count) break;
  return first;
}
