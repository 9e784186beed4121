/**
 * What frps reads back: status 200 and exactly one JSON object, whatever was decided.
 * frps v0.70 pkg/plugin/server/http.go: any other status, an empty body or trailing bytes refuse the op.
 */
import { parseKeepingSource } from "../exact-json.ts";
import type { Answer } from "../op.ts";

const unchanged = '{"reject":false,"unchange":true}';

/** @param body the call's own body: a rewrite gives back every field of it, numbers by their source text */
export function answerBody(answer: Answer, body: Buffer): string {
  switch (answer.kind) {
    case "allow":
      return unchanged;
    case "refuse":
      return JSON.stringify({ reject: true, reject_reason: answer.reason || "refused" });
    case "rewrite":
      return JSON.stringify({ unchange: false, content: rewritten(body, answer.set) });
  }
}

/** An empty reason would read as a success to frpc, and a field left out becomes zero in frps. */
function rewritten(body: Buffer, set: Readonly<Record<string, unknown>>): object {
  const { content } = parseKeepingSource(body.toString("utf8")) as { content: Record<string, unknown> };
  for (const [name, value] of Object.entries(set)) content[name] = value;
  return content;
}
