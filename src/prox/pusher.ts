/**
 * Tells prox the targets and speeds that operators wrote.
 *
 *   known ──changed, or configured by prox──▶ queued ──settleMs──▶ told, as fast as the port takes them
 *     ▲                                         │
 *     └── a key that went: a speed is told as no limit, targets stay as they are ◀┘
 *
 * Guarantees
 *   - Whatever comes and goes, once it is quiet prox has of each route the value of the most exact key: its own, its
 *     action's, or `*`. Telling a wider key overwrites the more exact ones at prox, so these are told again behind it.
 *   - Of many changes of a key between two pushes only the last is told.
 *   - After each configure all is told anew, since a reload of prox's config loses targets.
 *   - A value that can't be read is told to nobody: the one before counts on, as long as the key is there.
 *   - Nobody waits for a push, and none is sent that the port does not take.
 */
import type { Clock } from "../clock.ts";
import type { PolicyLog } from "../policy/policy.ts";
import { noLimit, type Push, type PushKind, placeOf } from "../policy/push-value.ts";
import type { Rule } from "../policy/rule.ts";

/** The way to prox. */
export interface PushPort {
  /** Routes that prox has bound to this plugin. */
  readonly bound: ReadonlySet<string>;
  /** False when it can't be sent now; it may be a moment later. */
  push(push: Push): boolean;
  /** @param listener told of each configure */
  onConfigured(listener: () => void): void;
}

/** `unbound`: not sent, since prox would pass it over. `kept`: the key went, and prox keeps its targets. */
export type PushOutcome = "sent" | "unbound" | "kept";

export interface PusherOptions {
  readonly port: PushPort;
  /** What is to be told now; null while no policy is known. */
  readonly wanted: () => Iterable<Rule> | null;
  readonly clock: Clock;
  readonly log: Pick<PolicyLog, "info" | "warn">;
  readonly onPush: (kind: PushKind, outcome: PushOutcome) => void;
}

/** prox sends a configure for each route, and several keys are often written together. */
const settleMs = 20;
/** How soon what the port did not take is tried again: doubled each time, until it takes one. */
const soonestMs = 25;
const latestMs = 1_000;
const mostNamed = 10;
const ranks = { all: 0, action: 1, route: 2 } as const;

export class Pusher {
  readonly #options: PusherOptions;
  /** By id, `targets:web:0`: the last value that could be read. */
  readonly #known = new Map<string, Push>();
  /** Those of them that reach more than one route: few, and sought whenever one goes. */
  readonly #wide = new Set<string>();
  /** In the order in which they are told. */
  readonly #queue = new Set<string>();
  readonly #unbound = new Set<string>();
  /** Told since the queue was last empty. */
  #told: string[] = [];
  #againMs = soonestMs;
  #lookDue = false;
  #allDue = false;
  #cancel: (() => void) | null = null;
  #closed = false;

  constructor(options: PusherOptions) {
    this.#options = options;
  }

  /**
   * Takes over what is known already, such as what a process before told prox.
   * @param ended ids of speeds that this process may have told, and that are no more
   */
  begin(ended: readonly string[] = []): void {
    this.#look();
    this.#enqueue(ended);
    this.#arm(settleMs);
  }

  /** What is to be told may be another. */
  changed(): void {
    this.#lookDue = true;
    this.#arm(settleMs);
  }

  configured(): void {
    this.#allDue = true;
    this.#arm(settleMs);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #arm(delayMs: number): void {
    if (this.#closed || this.#cancel !== null) return;
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#cancel = null;
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#lookDue) this.#look();
    if (this.#allDue) this.#enqueue([...this.#known.keys()]);
    this.#allDue = false;
    for (const id of this.#queue) {
      if (this.#tellOne(id)) continue;
      this.#arm(this.#againMs);
      this.#againMs = Math.min(2 * this.#againMs, latestMs);
      return;
    }
    this.#sumUp();
  }

  /** Compares what is to be told with what is known, and queues what differs. */
  #look(): void {
    this.#lookDue = false;
    const wanted = this.#options.wanted();
    if (wanted === null) return;
    const there = new Set<string>();
    const different: string[] = [];
    for (const rule of wanted) {
      const { id } = rule.key;
      there.add(id);
      if (!rule.readable) continue;
      const push = rule.terms.push!;
      if (!isSame(this.#known.get(id), push)) different.push(id);
      this.#known.set(id, push);
      if (placeOf(id).reach !== "route") this.#wide.add(id);
    }
    for (const id of this.#known.keys()) {
      if (there.has(id)) continue;
      this.#known.delete(id);
      this.#wide.delete(id);
      different.push(id);
    }
    this.#enqueue(different);
  }

  /** What is queued already keeps its place. */
  #enqueue(ids: readonly string[]): void {
    for (const id of ids.toSorted(byReach)) this.#queue.add(id);
  }

  /** False when it must wait. */
  #tellOne(id: string): boolean {
    const place = placeOf(id);
    const known = this.#known.get(id);
    if (place.kind === "targets" && place.reach === "route" && !this.#isBound(id, place.name)) {
      this.#done(id, "unbound");
    } else if (known === undefined && place.kind === "targets") {
      this.#options.log.warn(
        { key: `prox:${id}` },
        "its targets can't be taken back: prox keeps them until its config is reloaded, or a wider key is told",
      );
      this.#done(id, "kept");
    } else if (this.#options.port.push(known ?? noLimit(place))) {
      this.#told.push(id);
      this.#againMs = soonestMs;
      this.#done(id, "sent");
      this.#enqueue(this.#related(id, -1));
    } else return false;
    if (known === undefined) this.#enqueue(this.#related(id, 1));
    return true;
  }

  /** prox passes targets over for a route that it has not bound, and says nothing of it. */
  #isBound(id: string, route: string): boolean {
    const isBound = this.#options.port.bound.has(route);
    if (isBound) this.#unbound.delete(id);
    else if (!this.#unbound.has(id)) {
      this.#unbound.add(id);
      this.#options.log.warn(
        { key: `prox:${id}` },
        "prox has bound no such route to this plugin, and takes no targets for it",
      );
    }
    return isBound;
  }

  #done(id: string, outcome: PushOutcome): void {
    this.#queue.delete(id);
    this.#options.onPush(placeOf(id).kind, outcome);
  }

  /** Known ones of the same kind that are wider (1) or more exact (-1). */
  #related(id: string, side: 1 | -1): string[] {
    const { kind, reach } = placeOf(id);
    if (reach === (side === 1 ? "all" : "route")) return [];
    return [...(side === 1 ? this.#wide : this.#known.keys())].filter((other) => {
      const place = placeOf(other);
      return place.kind === kind && Math.sign(ranks[reach] - ranks[place.reach]) === side;
    });
  }

  #sumUp(): void {
    if (this.#told.length === 0) return;
    const keys = new Set(this.#told.map((id) => `prox:${id}`));
    const fields = { pushes: this.#told.length, keys: [...keys].slice(0, mostNamed) };
    this.#told = [];
    this.#options.log.info(fields, "told prox its targets and speeds");
  }
}

/** What has not been written again is the same object, and need not be looked at. */
function isSame(one: Push | undefined, other: Push): boolean {
  return one === other || (one !== undefined && JSON.stringify(one) === JSON.stringify(other));
}

/** Targets first, which a reload loses; then the wider ones. */
function byReach(a: string, b: string): number {
  const [one, other] = [placeOf(a), placeOf(b)];
  if (one.kind !== other.kind) return one.kind === "targets" ? -1 : 1;
  return ranks[one.reach] - ranks[other.reach] || (one.name < other.name ? -1 : 1);
}
