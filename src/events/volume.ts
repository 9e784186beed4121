/**
 * Which events are published: every one, but of some types the share that `events.publish` asks for.
 *
 * Whether an event is kept is told by its id, or by that of the request it belongs to: a repetition is treated alike, a
 * request is kept with its response and its end, and a smaller share keeps none that a larger one does not. What is
 * left out is never journaled and gets no number, so that the numbers on the topics stay without a gap; it is counted.
 */
import type { EventType } from "./schema.ts";

/** No other event, and no session, needs one of these to be understood. */
export const leavable = [
  "heartbeat.allowed",
  "workconn.allowed",
  "request.allowed",
  "response.seen",
  "request.completed",
] as const satisfies readonly EventType[];

/** By type, from 0, which publishes none, to 1; a type that is not named is published whole. */
export type Shares = Readonly<Record<string, number>>;

const all32Bits = 2 ** 32;

/** Of a UUID the last 32 bits: random in version 7, a part of the hash in version 5. */
export function isWithin(share: number, id: string): boolean {
  return Number.parseInt(id.slice(-8), 16) < share * all32Bits;
}

export class Volume {
  readonly shares: Shares;
  /** How many were left out since the start. */
  total = 0;
  readonly #leftOut = new Map<string, number>();

  /** @param shares below 1 */
  constructor(shares: Shares) {
    this.shares = shares;
    for (const type in shares) this.#leftOut.set(type, 0);
  }

  /** @param id of the event, or of the request that it belongs to */
  publishes(type: EventType, id: string): boolean {
    const share = this.shares[type];
    return share === undefined || isWithin(share, id);
  }

  leaveOut(type: EventType): void {
    this.total++;
    this.#leftOut.set(type, (this.#leftOut.get(type) ?? 0) + 1);
  }

  /** `total`, by type. */
  leftOut(): Record<string, number> {
    return Object.fromEntries(this.#leftOut);
  }
}

/** Null where all is published, which then costs nothing. */
export function volumeOf(publish: Shares): Volume | null {
  const shares = lessened(publish);
  return Object.keys(shares).length === 0 ? null : new Volume(shares);
}

/** For people: `heartbeat.allowed (all but 0.01), workconn.allowed`; null where nothing that is meant is left out. */
export function leftOutText(publish: Shares, isMeant: (type: string) => boolean = () => true): string | null {
  const meant = Object.entries(lessened(publish)).filter(([type]) => isMeant(type));
  if (meant.length === 0) return null;
  return meant.map(([type, share]) => (share === 0 ? type : `${type} (all but ${share})`)).join(", ");
}

function lessened(publish: Shares): Shares {
  return Object.fromEntries(Object.entries(publish).filter(([, share]) => share < 1));
}
