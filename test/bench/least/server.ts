/**
 * The floor, and on top of it what Sluice can't do without: up to the step that is its first argument. The second is a
 * folder for the file of the last one. No policy, no limits, no figures, nothing that survives a restart.
 *
 * What each step makes is counted, and told when it ends: none of it is work that could be left out.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { answerBody } from "../../../src/frp/answers.ts";
import { keepGarbageYoung } from "../../../src/garbage.ts";
import { type Call, Events, idsOf } from "./events.ts";
import { RecordFile } from "./record-file.ts";
import { type Step, steps } from "./steps.ts";

/** Longer than it takes until the load asks again on a connection that was answered. */
const gatherMs = 0.2;

keepGarbageYoung();
const [step, folder] = process.argv.slice(2) as [Step, string];
const upTo = steps.indexOf(step);
const [hasIds, hasEvents] = [upTo >= steps.indexOf("ids"), upTo >= steps.indexOf("event")];
const events = new Events({ instance: "i_0123456789abcdef", epoch: "019b76da-a800-7000-8000-000000000000" });
const file =
  step === "record" || step === "gathered"
    ? new RecordFile(join(folder, "records"), step === "gathered" ? gatherMs : 0)
    : null;
const did = { calls: 0, idChars: 0, events: 0, eventChars: 0 };

const answer = answerBody({ kind: "allow" }, Buffer.alloc(0));
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer) };

const server = createServer({ keepAliveTimeout: 95_000 }, (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    take(body, incoming.headers["x-frp-reqid"] as string, outgoing);
  });
});

function take(body: Buffer, reqid: string, outgoing: ServerResponse): void {
  const call = JSON.parse(body.toString()) as Call;
  if (typeof call.content === "object") did.calls++;
  if (!hasIds) {
    send(outgoing);
    return;
  }
  const ids = idsOf(call, reqid);
  did.idChars += ids.event.length + ids.client.length + (ids.session?.length ?? 0);
  if (!hasEvents) {
    send(outgoing);
    return;
  }
  const lines = events.of(call, reqid, ids, Date.now());
  for (const line of lines) did.eventChars += line.length;
  did.events += lines.length;
  if (file === null) send(outgoing);
  else file.append(lines, () => send(outgoing));
}

function send(outgoing: ServerResponse): void {
  outgoing.writeHead(200, headers).end(answer);
}

process.once("SIGTERM", () => {
  process.stdout.write(`least did ${JSON.stringify({ ...did, syncs: file?.syncs ?? 0 })}\n`, () =>
    process.exit(),
  );
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`least answers on ${(server.address() as AddressInfo).port}\n`);
});
