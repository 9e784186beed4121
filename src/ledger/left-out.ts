/**
 * What bridges say that they left out of the topics by `events.publish`: by instance, epoch and type of event.
 *
 * It has no numbers, so nothing is missing. Each epoch counts from its start, so the highest count is its latest; what
 * a killed bridge left out behind its last bridge.progress nobody tells.
 */
import { countIn, fieldsOf } from "./event.ts";

export interface LeftOutReport {
  readonly instance: string;
  readonly epoch: string;
  /** By type, the share that is published, as bridge.started says it. */
  readonly shares: Readonly<Record<string, number>>;
  /** By type, how many were left out as far as it is told. */
  readonly counts: Readonly<Record<string, number>>;
}

interface Epoch {
  readonly instance: string;
  readonly epoch: string;
  readonly shares: Map<string, number>;
  readonly counts: Map<string, number>;
}

export class LeftOutEvents {
  readonly #epochs = new Map<string, Epoch>();

  /** @param data of a bridge.started, bridge.progress or bridge.stopped; nothing is taken for granted */
  add({ instance, epoch }: { readonly instance: string; readonly epoch: string }, data: unknown): void {
    const { publish, leftOut } = fieldsOf(data);
    const told = [...Object.entries(fieldsOf(publish)), ...Object.entries(fieldsOf(leftOut))];
    if (told.length === 0) return;
    const { shares, counts } = this.#of(instance, epoch);
    for (const [type, share] of Object.entries(fieldsOf(publish))) {
      if (typeof share === "number") shares.set(type, share);
    }
    for (const [type, value] of Object.entries(fieldsOf(leftOut))) {
      counts.set(type, Math.max(countIn(value) ?? 0, counts.get(type) ?? 0));
    }
  }

  report(): LeftOutReport[] {
    return [...this.#epochs.values()].map(({ instance, epoch, shares, counts }) => ({
      instance,
      epoch,
      shares: Object.fromEntries(shares),
      counts: Object.fromEntries(counts),
    }));
  }

  #of(instance: string, epoch: string): Epoch {
    const name = `${epoch}\n${instance}`;
    const known = this.#epochs.get(name);
    if (known !== undefined) return known;
    const added = { instance, epoch, shares: new Map(), counts: new Map() };
    this.#epochs.set(name, added);
    return added;
  }
}

/** Over all epochs, by type. */
export function leftOutByType(reports: readonly LeftOutReport[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { shares, counts } of reports) {
    for (const type of new Set([...Object.keys(shares), ...Object.keys(counts)])) {
      sums.set(type, (sums.get(type) ?? 0) + (counts[type] ?? 0));
    }
  }
  return sums;
}
