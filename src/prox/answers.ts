/** A decision's answer in prox's words. */
import type { Answer } from "../op.ts";
import { connectAnswer, type HookName, requestAnswer, responseAnswer } from "./payloads.ts";

const forbidden = 403;
const plainText = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };

/**
 * Null for on_disconnect: prox reads no answer to it, and would take one for that of the next hook on the connection, so
 * that every later one is another's and a deny is read as an allow.
 */
export function answerTo(hook: HookName, answer: Answer): Uint8Array | null {
  const ok = answer.kind !== "refuse";
  switch (hook) {
    case "on_disconnect":
      return null;
    case "on_response":
      return responseAnswer({ status: 0 });
    case "on_connect":
      return connectAnswer(ok);
    case "on_request":
      return ok ? requestAnswer({ ok }) : requestAnswer(refusal(answer.reason));
  }
}

/** prox ends the body with a newline. */
function refusal(reason: string): Parameters<typeof requestAnswer>[0] {
  return { ok: false, status: forbidden, body: Buffer.from(reason), headers: plainText };
}
