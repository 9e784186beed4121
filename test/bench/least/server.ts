/**
 * The floor, and on top of it what Sluice can't do without: up to the step that is its first argument. The second is a
 * folder for the file of the last ones. No policy, no limits, no figures, nothing that survives a restart.
 *
 * What each step makes is counted, and told when it ends: none of it is work that could be left out.
 */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
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
  upTo < steps.indexOf("record")
    ? null
    : new RecordFile(join(folder, "records"), step === "gathered" ? gatherMs : 0);
const did = { calls: 0, idChars: 0, events: 0, eventChars: 0 };

const answer = answerBody({ kind: "allow" }, Buffer.alloc(0));
const json = { "content-type": "application/json" };
const headers = { ...json, "content-length": Buffer.byteLength(answer) };

const bare: RequestListener = (incoming, outgoing) => {
  read(incoming, (body) =>
    take(body, reqidOf(incoming), () => void outgoing.writeHead(200, headers).end(answer)),
  );
};

/** As Sluice's edge has it: one route, the body from Node's own stream. */
function behindHono(): RequestListener {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.post("/handler", async ({ env: { incoming }, body }) => {
    const call = await new Promise<Buffer>((resolve) => read(incoming, resolve));
    await new Promise<void>((resolve) => take(call, reqidOf(incoming), resolve));
    return body(answer, 200, json);
  });
  return getRequestListener(app.fetch);
}

function read(incoming: IncomingMessage, whole: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => whole(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
}

const reqidOf = ({ headers }: IncomingMessage): string => headers["x-frp-reqid"] as string;

/** @param answerNow called once all that the step asks for has been done */
function take(body: Buffer, reqid: string, answerNow: () => void): void {
  const call = JSON.parse(body.toString()) as Call;
  if (typeof call.content === "object") did.calls++;
  if (!hasIds) {
    answerNow();
    return;
  }
  const ids = idsOf(call, reqid);
  did.idChars += ids.event.length + ids.client.length + (ids.session?.length ?? 0);
  if (!hasEvents) {
    answerNow();
    return;
  }
  const lines = events.of(call, reqid, ids, Date.now());
  for (const line of lines) did.eventChars += line.length;
  did.events += lines.length;
  if (file === null) answerNow();
  else file.append(lines, answerNow);
}

const server = createServer({ keepAliveTimeout: 95_000 }, step === "hono" ? behindHono() : bare);

process.once("SIGTERM", () => {
  process.stdout.write(`least did ${JSON.stringify({ ...did, syncs: file?.syncs ?? 0 })}\n`, () =>
    process.exit(),
  );
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`least answers on ${(server.address() as AddressInfo).port}\n`);
});
