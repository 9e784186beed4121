/**
 * The calls as both load generators read them: for each its length (u32), where its id and the port of its remote
 * address stand (u16 each; 65,535 for no port), whether it ends what the pass before began (u8), and the whole HTTP
 * request as Go's client writes it. All numbers are little-endian.
 */
import { type Call, port } from "./calls.ts";

export const noPort = 0xffff;
export const headBytes = 9;
/** Sixteen digits, as frps makes them. */
const id = "0".repeat(16);

export function callFile(calls: readonly Call[]): Buffer {
  return Buffer.concat(
    calls.flatMap(({ op, body, previous }) => {
      const whole = Buffer.from(body);
      const lines = [
        `POST /handler?op=${op}&version=0.1.0 HTTP/1.1`,
        "Host: 127.0.0.1:9000",
        "User-Agent: Go-http-client/1.1",
        `Content-Length: ${whole.length}`,
        "Content-Type: application/json",
        `X-Frp-Reqid: ${id}`,
        "Accept-Encoding: gzip",
      ];
      const bytes = Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), whole]);
      const portAt = bytes.indexOf(port);
      const head = Buffer.alloc(headBytes);
      head.writeUInt32LE(bytes.length, 0);
      head.writeUInt16LE(bytes.indexOf(id), 4);
      head.writeUInt16LE(portAt < 0 ? noPort : portAt, 6);
      head.writeUInt8(previous ? 1 : 0, 8);
      return [head, bytes];
    }),
  );
}
