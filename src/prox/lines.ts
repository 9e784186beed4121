/**
 * Lines of a stream, as bytes come in any pieces.
 *
 *   in a line ──\n──▶ the line, and in a line again
 *      └──more than `mostLineBytes`──▶ passing over it ──\n──▶ in a line
 */

/** As much as prox takes of a line itself; what it sends is far shorter. */
const mostLineBytes = 64 * 1024;

const newline = 0x0a;

export interface LinesRead {
  /** Without their ends. */
  readonly lines: readonly string[];
  /** How many were too long, and are passed over. */
  readonly tooLong: number;
}

export class LineReader {
  #held: Buffer[] = [];
  #heldBytes = 0;
  #passing = false;

  /** Whether a line has begun that has not ended. */
  get isWithin(): boolean {
    return this.#heldBytes > 0 || this.#passing;
  }

  read(piece: Buffer): LinesRead {
    const lines: string[] = [];
    let tooLong = 0;
    for (let at = 0; at < piece.length; ) {
      const end = piece.indexOf(newline, at);
      const part = piece.subarray(at, end < 0 ? piece.length : end);
      if (!this.#passing && this.#heldBytes + part.length > mostLineBytes) {
        tooLong += 1;
        this.#passing = true;
        this.#drop();
      }
      if (!this.#passing && part.length > 0) {
        this.#held.push(part);
        this.#heldBytes += part.length;
      }
      if (end < 0) break;
      if (!this.#passing) lines.push(Buffer.concat(this.#held).toString());
      this.#passing = false;
      this.#drop();
      at = end + 1;
    }
    // A part would keep all of its piece in memory.
    if (this.#heldBytes > 0) this.#held = [Buffer.concat(this.#held)];
    return { lines, tooLong };
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }
}
