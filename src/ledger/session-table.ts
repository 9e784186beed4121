/**
 * What is known of each session, in 11 bytes: 8 that stand for its id, 1 of signs, 2 that stand for its close.
 *
 * Open addressing, filled between 61 and 85 %, so that a session takes 13 to 18 bytes, however many there are. Two
 * ids are taken for one with a chance of 1 in 10^19 for each pair; two closes of one session 1 time in 65,535.
 */

interface Slots {
  readonly lows: Uint32Array;
  readonly highs: Uint32Array;
  readonly closes: Uint16Array;
  /** 0 is a free slot. */
  readonly signs: Uint8Array;
}

const fewest = 64;
const growth = 1.4;
const fullest = 0.85;

export class SessionTable {
  size = 0;
  #slots = slotsFor(fewest);
  #low = 0;
  #high = 0;

  /** A number that holds until the next call. Of a session that is new it has no signs, and must be given some. */
  slotOf(id: string): number {
    if (this.size >= this.#slots.signs.length * fullest) this.#grow();
    this.#hash(id);
    const slot = placeOf(this.#slots, this.#low, this.#high);
    const { lows, highs, signs } = this.#slots;
    if (signs[slot] === 0) {
      lows[slot] = this.#low;
      highs[slot] = this.#high;
    }
    return slot;
  }

  signsOf(slot: number): number {
    return this.#slots.signs[slot]!;
  }

  /** What stands for its close; 0 when none is known. */
  closeOf(slot: number): number {
    return this.#slots.closes[slot]!;
  }

  set(slot: number, signs: number, close: number): void {
    if (this.#slots.signs[slot] === 0) this.size++;
    this.#slots.signs[slot] = signs;
    this.#slots.closes[slot] = close;
  }

  /** Told of each session. */
  forEach(tell: (signs: number, close: number) => void): void {
    const { signs, closes } = this.#slots;
    for (let slot = 0; slot < signs.length; slot++) if (signs[slot] !== 0) tell(signs[slot]!, closes[slot]!);
  }

  #grow(): void {
    const { lows, highs, closes, signs } = this.#slots;
    const wider = slotsFor(Math.ceil(signs.length * growth));
    for (let from = 0; from < signs.length; from++) {
      if (signs[from] === 0) continue;
      const to = placeOf(wider, lows[from]!, highs[from]!);
      wider.lows[to] = lows[from]!;
      wider.highs[to] = highs[from]!;
      wider.closes[to] = closes[from]!;
      wider.signs[to] = signs[from]!;
    }
    this.#slots = wider;
  }

  /** FNV-1a and another one like it, each stirred as in MurmurHash3. */
  #hash(id: string): void {
    let [low, high] = [0x811c9dc5, 0x9747b28c];
    for (let at = 0; at < id.length; at++) {
      const unit = id.charCodeAt(at);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x5bd1e995);
    }
    this.#low = stirred(low);
    this.#high = stirred(high);
  }
}

/** Where it is, or a free slot for it. */
function placeOf({ lows, highs, signs }: Slots, low: number, high: number): number {
  const room = signs.length;
  let slot = Math.floor((low / 2 ** 32) * room);
  while (signs[slot] !== 0 && (lows[slot] !== low || highs[slot] !== high)) {
    slot = slot + 1 === room ? 0 : slot + 1;
  }
  return slot;
}

function slotsFor(room: number): Slots {
  return {
    lows: new Uint32Array(room),
    highs: new Uint32Array(room),
    closes: new Uint16Array(room),
    signs: new Uint8Array(room),
  };
}

function stirred(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
