/** Reads a request's body up to a bound. */
import type { IncomingMessage } from "node:http";

export const mostBodyBytes = 1024 * 1024;

export type Body =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "too_large"; readonly bytes: Buffer }
  | { readonly kind: "cut_off"; readonly bytes: Buffer };

/**
 * Straight from Node's stream: going through the web stream of Request costs several times as much.
 * `cut_off` is a caller that went away in the middle.
 */
export function readBody(incoming: IncomingMessage): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    incoming.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > mostBodyBytes) {
        incoming.pause();
        resolve({ kind: "too_large", bytes: Buffer.concat(chunks) });
      }
    });
    incoming.on("end", () =>
      resolve({ kind: "whole", bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) }),
    );
    incoming.on("error", () => resolve({ kind: "cut_off", bytes: Buffer.concat(chunks) }));
    incoming.on("close", () => resolve({ kind: "cut_off", bytes: Buffer.concat(chunks) }));
  });
}
