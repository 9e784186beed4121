/**
 * A decision's answer in prox's words (prox 0.35 internal/server/server.go): with `ok`, and where a refused request goes
 * to the fallback, headers are those of the request; of any other refusal those of the response.
 */
import type { Answer, ProxChanges } from "../op.ts";
import {
  connectAnswer,
  type HookName,
  type RequestAnswer,
  requestAnswer,
  responseAnswer,
} from "./payloads.ts";

const forbidden = 403;
const plainText = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };
const unchanged: ProxChanges = {};

/**
 * Null for on_disconnect: prox reads no answer to it, and would take one for that of the next hook on the connection, so
 * that every later one is another's and a deny is read as an allow.
 */
export function answerTo(hook: HookName, answer: Answer): Uint8Array | null {
  switch (hook) {
    case "on_disconnect":
      return null;
    case "on_response": {
      const { status = 0, headers, remove } = changesOf(answer);
      return responseAnswer({ status, headers, remove });
    }
    case "on_connect":
      return connectAnswer(answer.kind !== "refuse");
    case "on_request":
      return requestAnswer(
        answer.kind === "refuse"
          ? refusal(answer.reason, changesOf(answer))
          : { ok: true, ...onward(changesOf(answer)) },
      );
  }
}

function changesOf(answer: Answer): ProxChanges {
  return ("prox" in answer ? answer.prox : undefined) ?? unchanged;
}

/** prox ends the body with a newline. */
function refusal(reason: string, changes: ProxChanges): RequestAnswer {
  const { status = forbidden, body = reason, headers, drop, fallback } = changes;
  if (drop) return { ok: false, drop };
  if (fallback) return { ok: false, fallback, ...onward(changes) };
  return { ok: false, status, body: Buffer.from(body), headers: { ...plainText, ...headers } };
}

/** What the upstream, or the fallback, gets. */
function onward({ requestHeaders, speed, cleanQuery, rewritePath }: ProxChanges): Omit<RequestAnswer, "ok"> {
  return { headers: requestHeaders, speed, cleanQuery, rewritePath };
}
