import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { closeWithFile } from "./open.ts";

export interface Call {
  op: string;
  content: Record<string, unknown>;
}

/** A plugin that allows everything, but what `refuses` names, and remembers what it was asked. */
export interface RecordingPlugin {
  addr: string;
  refuses: Set<string>;
  /** Contents of an op, of one proxy type where that is named. */
  contents(op: string, type?: string): Call["content"][];
  /** Resolves when as many have come. */
  saw(count: number, op: string, type?: string): Promise<Call["content"][]>;
  /** The first that matches, come already or still to come. */
  first(op: string, matches?: (content: Call["content"]) => boolean): Promise<Call["content"]>;
}

export async function startPlugin(): Promise<RecordingPlugin> {
  const calls: Call[] = [];
  const refuses = new Set<string>();
  const asked = new EventEmitter().setMaxListeners(0);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const call = JSON.parse(Buffer.concat(chunks).toString()) as Call;
    const refusal = { reject: true, reject_reason: "not here" };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(refuses.has(call.op) ? refusal : { reject: false, unchange: true }));
    calls.push(call);
    asked.emit("call");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeWithFile({ [Symbol.asyncDispose]: async () => void server.close() });
  const contents = (op: string, type?: string): Call["content"][] =>
    calls
      .filter((call) => call.op === op && (!type || call.content.proxy_type === type))
      .map(({ content }) => content);
  return {
    addr: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuses,
    contents,
    async saw(count, op, type) {
      while (contents(op, type).length < count) await once(asked, "call");
      return contents(op, type);
    },
    async first(op, matches = () => true) {
      for (;;) {
        const found = contents(op).find(matches);
        if (found) return found;
        await once(asked, "call");
      }
    },
  };
}
