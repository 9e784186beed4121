/**
 * `prox` of a rule: how a request is refused, what becomes of one that passes, and of its response, by hook.
 *
 * Only what takes effect can be said (prox 0.35 internal/server/server.go and internal/plugin/manager.go):
 *   refused         status, body and headers go to the user; or drop ends the connection, or the fallback answers
 *   passing         requestHeaders, rewritePath, cleanQuery, webSocket and speed, also of a refused request that goes to the fallback
 *   its response    status, headers, remove
 */
import { z } from "zod";
import type { ProxChanges } from "../op.ts";
import type { Condition } from "./conditions/condition.ts";
import { refusalHeaders, removedHeaders, requestHeaders, responseHeaders } from "./prox-headers.ts";
import type { Scope } from "./rule-key.ts";
import { fieldsOf, flag, takesNo, text } from "./written.ts";

export interface ProxTerms {
  /** How this rule refuses a request. */
  readonly refusal: ProxChanges | null;
  /** What it changes in a request that it lets pass. */
  readonly passing: ProxChanges | null;
  readonly response: ProxChanges | null;
}

/** The hooks that it says something of. */
export function hooksIn({ refusal, passing, response }: ProxTerms): string[] {
  return [...(refusal || passing ? ["on_request"] : []), ...(response ? ["on_response"] : [])];
}

const longestBody = 32_768;
const longestPath = 2048;
/** prox sends others as 200, or not at all. */
const status = z
  .int("must be a status from 200 to 599")
  .min(200, "must be a status from 200 to 599")
  .max(599, "must be a status from 200 to 599");
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);
const onlyTrue = z.literal(true, "must be true, or left out");
/** Below, prox's count of bytes would be 0, which is no limit. */
const mbps = z
  .number("must be a number of megabits per second")
  .min(0.001, "must be at least 0.001 megabits per second")
  .max(1_000_000, "must be at most 1000000 megabits per second");

const requestFields = {
  status: status.optional(),
  body: text.max(longestBody, `must not be longer than ${longestBody} characters`).optional(),
  headers: refusalHeaders.optional(),
  drop: onlyTrue.optional(),
  fallback: onlyTrue.optional(),
  requestHeaders: requestHeaders.optional(),
  cleanQuery: flag.optional(),
  webSocket: flag.optional(),
  rewritePath: text
    .max(longestPath, `must not be longer than ${longestPath} characters`)
    .regex(/^\//, "must begin with /")
    .regex(/^[^?#%\p{Cc}]*$/u, "must be a path without query, and without escapes, which prox puts in itself")
    .optional(),
  speed: fieldsOf({
    download: mbps.optional(),
    upload: mbps.optional(),
    group: text.min(1, "must not be empty").max(256, "must not be longer than 256 characters").optional(),
  })
    .refine(
      ({ download, upload }) => download !== undefined || upload !== undefined,
      "needs download or upload",
    )
    .optional(),
};
const responseFields = {
  status: status
    .refine((code) => !bodiless.has(code), "must be one that has a body, as the upstream's response may have")
    .optional(),
  headers: responseHeaders.optional(),
  remove: removedHeaders.optional(),
};
const hooks = {
  on_request: fieldsOf(requestFields).optional(),
  on_response: fieldsOf(responseFields).optional(),
};
/** What can be said of each hook. */
export const proxFields = {
  on_request: Object.keys(requestFields),
  on_response: Object.keys(responseFields),
};
const hookNames = Object.keys(hooks);
const saysNothingAt: Readonly<Record<string, string>> = {
  on_connect: "of a connection prox takes only yes or no",
  on_disconnect: "there prox takes no answer",
};

export const proxSchema = z
  .strictObject(hooks, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return `must be an object of ${hookNames.join(", ")}`;
      const name = issue.keys[0]!;
      const why = saysNothingAt[name] ?? hookOf(name);
      return why === null ? takesNo(name, hookNames) : `takes no ${name}: ${why}`;
    },
  })
  .refine((given) => Object.keys(given).length > 0, "must not be empty");

/** Where a field stands that was written a place too high; null for any other name. */
export function hookOf(name: string): string | null {
  const at = Object.entries(proxFields).flatMap(([hook, names]) => (names.includes(name) ? [hook] : []));
  return at.length === 0 ? null : `it stands in ${at.map((hook) => `prox.${hook}`).join(" or ")}`;
}

type Written = z.infer<typeof proxSchema>;
type Request = NonNullable<Written["on_request"]>;

const answering = ["status", "body", "headers"] as const;
const refusing = [...answering, "drop", "fallback"] as const;
const passing = ["requestHeaders", "cleanQuery", "webSocket", "rewritePath", "speed"] as const;

/** What prox asks names none of these. */
const neverMet: ReadonlySet<Scope> = new Set<Scope>(["user", "client", "proxy", "group"]);
/** By which a request of prox can be refused. */
const askedOfRequests: ReadonlySet<string> = new Set(["expiresAt", "hours", "visitorFrom"]);

export interface Around {
  readonly scope: Scope;
  readonly effect: "allow" | "deny" | "require";
  /** Of the rule, its end included. */
  readonly conditions: readonly Condition[];
}

/** Takes what a rule says of prox to pieces, or says what of it would never take effect. */
export function readProx(
  { on_request: request = {}, on_response: response }: Written,
  around: Around,
): { readonly prox: ProxTerms } | { readonly problem: string } {
  const problem =
    scopeProblem(around) ?? requestProblem(request, around) ?? responseProblem(response, around);
  if (problem !== null) return { problem: `prox${problem}` };
  const isDeny = around.effect === "deny";
  return {
    prox: {
      refusal: part(request, isDeny ? [...refusing, ...passing] : refusing),
      passing: isDeny ? null : part(request, passing),
      response: response ?? null,
    },
  };
}

function scopeProblem({ scope, effect }: Around): string | null {
  if (neverMet.has(scope)) return ` has no effect here: what prox asks names no ${scope}`;
  if (scope === "default" && effect !== "deny")
    return " stands on a default that denies, or on another scope";
  return null;
}

function requestProblem(request: Request, { effect, conditions }: Around): string | null {
  const at = (name: string): string => `.on_request.${name}`;
  const has = (names: readonly (keyof Request)[]): keyof Request | undefined =>
    names.find((name) => request[name] !== undefined);
  const { drop, fallback, status: code, body } = request;
  const answer = has(answering);
  if (drop && fallback) return `${at("drop")} and fallback exclude each other`;
  if (drop && answer) return `${at(answer)} has no effect beside drop: nothing is answered`;
  if (fallback && answer) return `${at(answer)} has no effect beside fallback, which answers by itself`;
  if (code !== undefined && bodiless.has(code) && body !== undefined)
    return `${at("body")} has no effect: a response of status ${code} has none`;
  const changed = has(passing);
  if (effect === "deny" && changed && !fallback)
    return `${at(changed)} has no effect: a deny lets nothing pass, unless it goes on to the fallback`;
  const refused = has(refusing);
  if (effect === "deny" || refused === undefined) return null;
  if (!conditions.some(({ name }) => askedOfRequests.has(name))) {
    const meant = refused === "headers" ? "; headers for the upstream are requestHeaders" : "";
    return `${at(refused)} has no effect: it is for refusals, and this rule refuses no request${meant}`;
  }
  // Who takes them for headers of the request would show a secret to those who are refused.
  if (refused === "headers")
    return `${at("headers")} of a refusal need status or body beside them; headers for the upstream are requestHeaders`;
  return null;
}

function responseProblem(response: Written["on_response"], { effect }: Around): string | null {
  if (response === undefined) return null;
  if (effect === "deny") return ".on_response has no effect: a deny lets nothing pass";
  const { headers = {}, remove = [] } = response;
  const twice = remove.find((name) => Object.hasOwn(headers, name));
  return twice === undefined ? null : `.on_response.remove has ${twice}, which headers sets anew`;
}

function part(request: Request, names: readonly (keyof Request)[]): ProxChanges | null {
  const entries = Object.entries(request).filter(([name]) => names.includes(name as keyof Request));
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** What two rules change, where the more specific one wins: by field, and of headers by name. */
export function mergedChanges(specific: ProxChanges, general: ProxChanges): ProxChanges {
  const { headers, requestHeaders, remove, ...others } = general;
  const kept = Object.entries(headers ?? {}).filter(([name]) => !specific.remove?.includes(name));
  return {
    ...others,
    ...specific,
    ...(kept.length > 0 && { headers: { ...Object.fromEntries(kept), ...specific.headers } }),
    ...(requestHeaders && { requestHeaders: { ...requestHeaders, ...specific.requestHeaders } }),
    ...(remove && { remove: [...new Set([...(specific.remove ?? []), ...remove])] }),
  };
}
