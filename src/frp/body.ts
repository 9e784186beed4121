/**
 * Reads requests' bodies up to a bound.
 *
 * Those that come whole within one turn of the event loop are given out together at its end, one behind the other: what
 * one op needs of the processor's caches is there for the next (test/bench/RESULTS.md).
 */
import type { IncomingMessage } from "node:http";

export const mostBodyBytes = 1024 * 1024;

export interface Body {
  /** `cut_off` is a caller that went away in the middle. */
  readonly kind: "whole" | "too_large" | "cut_off";
  readonly bytes: Buffer;
}

type Take = (body: Body) => void;

export class BodyReader {
  #whole: { readonly take: Take; readonly body: Body }[] = [];

  /** Straight from Node's stream: going through the web stream of Request costs several times as much. */
  read(incoming: IncomingMessage): Promise<Body> {
    return new Promise((take) => {
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > mostBodyBytes) {
          incoming.pause();
          take({ kind: "too_large", bytes: Buffer.concat(chunks) });
        }
      });
      incoming.on("end", () => {
        const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
        this.#giveLater(take, { kind: "whole", bytes });
      });
      // Comes last in every case, also behind an error, which Node tells nobody who does not listen for one.
      incoming.on("close", () => {
        if (!incoming.readableEnded) take({ kind: "cut_off", bytes: Buffer.concat(chunks) });
      });
    });
  }

  #giveLater(take: Take, body: Body): void {
    if (this.#whole.push({ take, body }) > 1) return;
    setImmediate(() => {
      const whole = this.#whole;
      this.#whole = [];
      for (const { take, body } of whole) take(body);
    });
  }
}
