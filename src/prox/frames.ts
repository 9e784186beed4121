/**
 * Frames of prox's unix socket: 4 bytes of length, big-endian, then as many bytes.
 *
 *   length ──4 bytes──▶ body ──all of it──▶ a frame, and length again
 *     └──more than `mostFrameBytes`──▶ broken: nothing is read any more
 *
 * Memory: for a frame that has not come whole, at most twice what has come of it (or 16 KiB), whatever its length
 * promises. A frame that lies in one piece of the stream is a view of that piece; of others each byte is copied about
 * twice, however small the pieces are.
 */

/** prox sends more than 1 MiB (a body with its headers) and reads no more than that in an answer. */
export const mostFrameBytes = 4 * 1024 * 1024;

const headerBytes = 4;
const firstRoom = 16 * 1024;

export interface FramesRead {
  /** In order, without their lengths. */
  readonly frames: readonly Buffer[];
  /** What came of a frame that is longer than `mostFrameBytes`; null while there was none. */
  readonly tooLarge: Buffer | null;
}

export class FrameReader {
  /** What came of the frame that is not whole, its length included. */
  #held = Buffer.alloc(0);
  #heldBytes = 0;
  #broken = false;

  /** What of a frame has come so far, its length included; empty between frames. A view: to be read at once. */
  get partial(): Buffer {
    return this.#held.subarray(0, this.#heldBytes);
  }

  read(piece: Buffer): FramesRead {
    const frames: Buffer[] = [];
    for (let at = 0; at < piece.length && !this.#broken; ) {
      if (this.#heldBytes === 0 && isWhole(piece, at)) {
        const end = endOf(piece, at);
        frames.push(piece.subarray(at + headerBytes, end));
        at = end;
        continue;
      }
      at += this.#hold(piece, at);
      if (this.#heldBytes < headerBytes) continue;
      const end = endOf(this.#held, 0);
      if (end - headerBytes > mostFrameBytes) {
        this.#broken = true;
        return { frames, tooLarge: Buffer.concat([this.partial, piece.subarray(at)]) };
      }
      if (this.#heldBytes < end) continue;
      frames.push(this.#held.subarray(headerBytes, end));
      this.#held = Buffer.alloc(0);
      this.#heldBytes = 0;
    }
    return { frames, tooLarge: null };
  }

  /** Takes what the frame still lacks: the rest of its length first, then the rest of its body. */
  #hold(piece: Buffer, at: number): number {
    const wanted = this.#heldBytes < headerBytes ? headerBytes : endOf(this.#held, 0);
    const taken = Math.min(wanted - this.#heldBytes, piece.length - at);
    this.#makeRoom(this.#heldBytes + taken, wanted);
    piece.copy(this.#held, this.#heldBytes, at, at + taken);
    this.#heldBytes += taken;
    return taken;
  }

  /** The length may promise what never comes, so room is made for what has come. */
  #makeRoom(needed: number, wanted: number): void {
    if (needed <= this.#held.length) return;
    const room = Math.max(needed, Math.min(wanted, Math.max(firstRoom, 2 * this.#held.length)));
    const larger = Buffer.allocUnsafe(room);
    this.#held.copy(larger, 0, 0, this.#heldBytes);
    this.#held = larger;
  }
}

/** @throws RangeError when it is longer than `mostFrameBytes` */
export function frameOf(body: Uint8Array): Buffer {
  if (body.length > mostFrameBytes) throw new RangeError(`a frame of ${body.length} bytes is too large`);
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32BE(body.length);
  frame.set(body, headerBytes);
  return frame;
}

function isWhole(bytes: Buffer, at: number): boolean {
  if (bytes.length - at < headerBytes) return false;
  const end = endOf(bytes, at);
  return end <= bytes.length && end - at - headerBytes <= mostFrameBytes;
}

/** Where the frame ends whose length stands there. */
function endOf(bytes: Buffer, at: number): number {
  return at + headerBytes + bytes.readUInt32BE(at);
}
