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

type Headers = Readonly<Record<string, string>>;

/**
 * Null for on_disconnect: prox reads no answer to it, and would take one for that of the next hook on the connection, so
 * that every later one is another's and a deny is read as an allow.
 *
 * @param came the headers of the request that is answered
 */
export function answerTo(hook: HookName, answer: Answer, came: Headers = {}): Uint8Array | null {
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
          ? refusal(answer.reason, changesOf(answer), came)
          : { ok: true, ...onward(changesOf(answer), came) },
      );
  }
}

function changesOf(answer: Answer): ProxChanges {
  return ("prox" in answer ? answer.prox : undefined) ?? unchanged;
}

/** prox ends the body with a newline. */
function refusal(reason: string, changes: ProxChanges, came: Headers): RequestAnswer {
  const { status = forbidden, body = reason, headers, drop, fallback } = changes;
  if (drop) return { ok: false, drop };
  if (fallback) return { ok: false, fallback, ...onward(changes, came) };
  return { ok: false, status, body: Buffer.from(body), headers: { ...plainText, ...headers } };
}

/** What the upstream, or the fallback, gets. */
function onward(
  { requestHeaders, webSocket, speed, cleanQuery, rewritePath }: ProxChanges,
  came: Headers,
): Omit<RequestAnswer, "ok"> {
  const mayUpgrade = webSocket ?? true;
  const headers =
    requestHeaders || !mayUpgrade
      ? { ...requestHeaders, Connection: mayUpgrade && upgrades(came) ? "Upgrade" : "keep-alive" }
      : undefined;
  return { headers, speed, cleanQuery, rewritePath };
}

/**
 * Whether it is for a web socket. That needs its header Connection, which is else replaced: prox takes away whatever
 * header that one names, also what a rule says (0.35 internal/action/fastproxy.go), and hands it on to nobody.
 */
function upgrades({ Connection: named = "", Upgrade: to }: Headers): boolean {
  return to !== undefined && named.split(",").some((name) => name.trim().toLowerCase() === "upgrade");
}
