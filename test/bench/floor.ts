/** The least that can answer frps: bare node:http that reads each body and gives one constant answer. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answerBody } from "../../src/frp/answers.ts";

const answer = answerBody({ kind: "allow" }, Buffer.alloc(0));
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer) };

const server = createServer({ keepAliveTimeout: 95_000 }, (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => outgoing.writeHead(200, headers).end(answer));
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`floor answers on ${(server.address() as AddressInfo).port}\n`);
});
