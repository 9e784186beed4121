/** The least that can answer prox: a plugin that reads each frame and gives one constant answer for its hook. */
import { createServer } from "node:net";
import { join } from "node:path";
import { encode } from "@msgpack/msgpack";
import { FrameReader, frameOf } from "../../src/prox/frames.ts";

const ok = frameOf(encode({ ok: true }));
/** By the hook's number; on_disconnect takes none. */
const answers = [undefined, ok, frameOf(encode({ s: 0 })), ok];
const socket = join(process.cwd(), `floor-${process.pid}.sock`);

createServer((connection) => {
  const reader = new FrameReader();
  connection.on("error", () => {});
  connection.on("data", (piece) => {
    for (const frame of reader.read(piece).frames) {
      // {"t": …} comes first: in one byte, or, as prox writes it, in two.
      const answer = answers[frame[3] === 0xcc ? frame[4]! : frame[3]!];
      if (answer !== undefined) connection.write(answer);
    }
  });
}).listen(socket, () => {
  const hooks = ["on_request", "on_response", "on_connect", "on_disconnect"];
  process.stdout.write(`${JSON.stringify({ method: "ready", params: { socket, hooks } })}\n`);
});
process.stdin.resume().on("end", () => process.exit(0));
