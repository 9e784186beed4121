/**
 * A plugin without a will of its own: what prox sends it, it tells the test, and what the test says, it does.
 *
 * It runs as `prox-plugin-script.ts <port of the test>`, started by the program that `prox-plugin.ts` writes. Both
 * ways go one JSON object a line; `Report` and `Order` are the objects. It ends when the test is gone.
 */
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** What it saw. */
export type Report =
  | { is: "started"; pid: number; args: string[]; cwd: string; group: number; env: Record<string, string> }
  | { is: "line"; line: string }
  | { is: "eof" }
  | { is: "listening" }
  | { is: "open" | "closed"; conn: number }
  | { is: "frame"; conn: number; hex: string };

/** What it is to do. */
export type Order =
  | { listen: string }
  | { write: string }
  | { complain: string }
  | { answer: string; conn: number }
  | { close: number }
  | { exit: number };

const LENGTH_BYTES = 4;
const desk = connect(Number(process.argv[2]), "127.0.0.1");
const connections = new Map<number, Socket>();
const sockets = createServer((socket) => serve(socket, connections.size + 1));

function tell(report: Report): void {
  desk.write(`${JSON.stringify(report)}\n`);
}

function serve(socket: Socket, conn: number): void {
  connections.set(conn, socket);
  tell({ is: "open", conn });
  let kept = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + kept.readUInt32BE(0);
      if (kept.length < end) return;
      tell({ is: "frame", conn, hex: kept.subarray(0, end).toString("hex") });
      kept = kept.subarray(end);
    }
  });
  socket.on("error", () => {}).on("close", () => tell({ is: "closed", conn }));
}

function obey(order: Order): void {
  if ("listen" in order) sockets.listen(order.listen, () => tell({ is: "listening" }));
  else if ("write" in order) process.stdout.write(order.write);
  else if ("complain" in order) process.stderr.write(order.complain);
  else if ("answer" in order) connections.get(order.conn)?.write(Buffer.from(order.answer, "hex"));
  else if ("close" in order) connections.get(order.close)?.destroy();
  else process.exit(order.exit);
}

/** The process group: the third field behind the name in parentheses. */
function processGroup(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1) ?? "";
  return Number(fields.split(" ")[2]);
}

desk.on("connect", () => {
  const { pid } = process;
  const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""]));
  tell({ is: "started", pid, args: process.argv.slice(3), cwd: process.cwd(), group: processGroup(), env });
  createInterface({ input: process.stdin })
    .on("line", (line) => tell({ is: "line", line }))
    .on("close", () => tell({ is: "eof" }));
});
desk.on("error", () => process.exit(1)).on("close", () => process.exit(1));
createInterface({ input: desk }).on("line", (line) => obey(JSON.parse(line) as Order));
process.stdout.on("error", () => {});
