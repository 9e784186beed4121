/**
 * What /v1/explain is asked, and what it answers: an op as frps sends it, a hook of prox with what it tells, or either as
 * an event tells of it, explained by the policy and the counts of this moment. Nothing is reserved, journaled or
 * published by it.
 */
import { z } from "zod";
import { nodeName } from "../config/setting.ts";
import type { Settings } from "../config/settings.ts";
import { parseJson } from "../exact-json.ts";
import { type Call, type MalformedReason, parseOp, recordedOp } from "../frp/wire.ts";
import type { Op } from "../op.ts";
import { type Explanation, explain } from "../policy/explain.ts";
import type { ConnectionCounts, ProxyCounts } from "../policy/facts.ts";
import { hiddenTokenIn } from "../policy/hidden-token.ts";
import type { PolicyView } from "../policy/policy.ts";
import { recordedHook } from "../prox/ops.ts";
import { hookNames } from "../prox/payloads.ts";
import type { Pseudonyms } from "../pseudonyms/pseudonyms.ts";
import { hint } from "../spelling.ts";

export const mostExplainedBytes = 1024 * 1024;

export interface Explained extends Explanation {
  /** The moment that it was judged for. */
  readonly at: string;
  /** What the event says was decided; null where an op was asked about. */
  readonly recorded: Recorded | null;
  /** What to know before believing the rest. */
  readonly notes: readonly string[];
}

export interface ExplainParts {
  readonly policy: PolicyView;
  readonly connections: ConnectionCounts;
  readonly proxies: ProxyCounts;
  /** By which the counts know users and addresses; null where by their names. */
  readonly pseudonyms: Pick<Pseudonyms, "op" | "countsFor"> | null;
  /** The name of the frps where none is given. */
  readonly node: string;
  readonly nodes: Settings["nodes"];
  readonly nowMs: number;
}

const outcome = { reason: z.string(), code: z.string(), rule: z.string().nullable() };
const decided = z.object({
  effect: z.string(),
  ...outcome,
  wouldRefuse: z.object(outcome).optional(),
  revision: z.string(),
  checks: z.array(z.object({ rule: z.string(), condition: z.string(), seen: z.string().optional() })),
});
const opEvent = z.object({
  time: z.string(),
  pseudonyms: z.string().optional(),
  data: z.object({
    protocol: z.enum(["frp", "prox"]),
    node: z.string(),
    op: z.string().min(1),
    client: z.string().nullable(),
    content: z.record(z.string(), z.unknown()),
    decision: decided,
  }),
});
export type Recorded = Omit<z.infer<typeof decided>, "checks"> & { readonly time: string };

const request = z.object({
  op: z.unknown().optional(),
  event: z.unknown().optional(),
  node: nodeName.optional(),
  client: z
    .string()
    .regex(/^c_[0-9a-f]{16}$/)
    .optional(),
  at: z.iso.datetime({ offset: true }).optional(),
});
const forms: Readonly<Record<string, string>> = {
  node: "node must be the name of a frps: 1 to 64 of A-Z a-z 0-9 . _ -",
  client: "client must be the public id of a client: c_ and 16 hex digits",
  at: "at must be a time with its zone, such as 2027-01-31T08:00:00Z",
};
const names = Object.keys(request.shape);
/** Names that frps has for no op. */
const hookAsked = z.object({
  op: z.string().refine((name) => hookNames.has(name)),
  content: z.record(z.string(), z.unknown()),
});
const notOfProx = "op has a content that prox never sends with this hook";

const malformed: Readonly<Record<MalformedReason, string>> = {
  not_json: "op is not JSON",
  not_utf8: "op is not UTF-8",
  no_op: 'op must be what frps sends: {"op": "Login", "content": {…}}',
  bad_content: "op has a content that frps never sends with this op",
};

/** @param text JSON: `{"op": …, "node", "client", "at"}` or `{"event": …, "at"}` */
export function explainAsked(text: string, parts: ExplainParts): Explained | { readonly problem: string } {
  let asked: unknown;
  try {
    asked = parseJson(text);
  } catch {
    return { problem: "the body is not JSON" };
  }
  const read = request.safeParse(asked);
  if (!read.success) {
    const field = String(read.error.issues[0]?.path[0] ?? "");
    return { problem: forms[field] ?? "the body must be a JSON object with op or event" };
  }
  const unknown = Object.keys(asked as object).find((name) => !names.includes(name));
  if (unknown !== undefined)
    return { problem: `the body takes no ${unknown.slice(0, 64)}${hint(unknown, names)}` };
  const { op, event, at } = read.data;
  if ((op === undefined) === (event === undefined))
    return { problem: "the body must have one of op and event" };
  const nowMs = at === undefined ? parts.nowMs : Date.parse(at);
  return event === undefined ? explainOp(read.data, parts, nowMs) : explainEvent(event, parts, nowMs);
}

function explainOp(
  { op, node, client }: z.infer<typeof request>,
  parts: ExplainParts,
  nowMs: number,
): Explained | { readonly problem: string } {
  const hook = hookAsked.safeParse(op);
  if (hook.success) {
    const { op: name, content } = hook.data;
    const asked = recordedHook(name, content, { node: node ?? parts.node, atMs: nowMs });
    return asked === null ? { problem: notOfProx } : explained(asked, parts, nowMs, null);
  }
  const parsed = parseOp(bodyOf(op), callAt(node ?? parts.node, parts, nowMs));
  if (!parsed.ok) return { problem: malformed[parsed.reason] };
  return explained(client === undefined ? parsed.op : { ...parsed.op, client }, parts, nowMs, null);
}

/** As frps would send it. */
function bodyOf(op: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(op));
  } catch {
    // JSON.stringify runs out of stack on what is nested thousands deep.
    return Buffer.alloc(0);
  }
}

function explainEvent(
  event: unknown,
  parts: ExplainParts,
  nowMs: number,
): Explained | { readonly problem: string } {
  const read = opEvent.safeParse(event);
  if (!read.success) {
    return { problem: "event must be one that Sluice published about an op, such as login.refused" };
  }
  const { data, time, pseudonyms: naming = null } = read.data;
  const call = callAt(data.node, parts, nowMs);
  const op =
    data.protocol === "prox"
      ? recordedHook(data.op, data.content, call)
      : recordedOp(data.op, data.client, data.content, call);
  if (op === null) return { problem: notOfProx };
  const { checks: _checks, ...decision } = data.decision;
  return explained(op, parts, nowMs, {
    recorded: { time, ...decision },
    hiddenToken: hiddenTokenIn(op.metas, parts.policy.settings.tokenMeta, data.decision.checks),
    naming,
  });
}

interface FromEvent {
  readonly recorded: Recorded;
  readonly hiddenToken: string | null | undefined;
  /** What its users and addresses are told by; null: by their names. */
  readonly naming: string | null;
}

function explained(op: Op, parts: ExplainParts, nowMs: number, event: FromEvent | null): Explained {
  const { policy, pseudonyms } = parts;
  const isTold = pseudonyms === null || (event?.naming ?? null) !== null;
  const { connections, proxies } = isTold ? parts : pseudonyms.countsFor(pseudonyms.op(op), parts);
  const { tokenMeta } = policy.settings;
  const hiddenToken = event?.hiddenToken;
  const facts = { nowMs, tokenMeta, connections, proxies };
  const by = (unknownAs: "pass" | "fail"): Explanation =>
    explain(
      policy,
      op,
      hiddenToken === undefined ? facts : { ...facts, recorded: { unknownAs, hiddenToken } },
    );
  const explanation = by("fail");
  return {
    at: new Date(nowMs).toISOString(),
    recorded: event?.recorded ?? null,
    ...explanation,
    notes: [
      ...(event?.naming ? [notesOnNaming(event.naming)] : []),
      ...notesOnOp(op),
      ...notesOnToken(explanation, hiddenToken, () => by("pass").decision.effect),
      ...(event && countsOf(explanation) ? [countsAreOfNow] : []),
    ],
  };
}

function notesOnNaming(naming: string): string {
  const kinds = naming.replace(/;.*/s, "");
  return `the event holds pseudonyms (events.pseudonyms: ${kinds}): rules that name users, proxies or addresses do not meet it; ask with --user and --ip`;
}

const countsAreOfNow = "counts are those of now: the op of the event may be among them";
const withAddress: ReadonlySet<string> = new Set(["Login", "NewUserConn", "on_connect", "on_request"]);

function countsOf({ rules }: Explanation): boolean {
  return rules.some(({ conditions }) => conditions.some(({ count }) => count !== undefined));
}

/** What an op has, and this one has not. */
function notesOnOp({ name, remote, proxy }: Op): string[] {
  return [
    ...(withAddress.has(name) && !remote?.ip
      ? ["no address is told: rules of addresses and bans were not asked"]
      : []),
    ...(name === "NewProxy" && proxy?.type === null ? ["no type is told, which makes it a tcp proxy"] : []),
  ];
}

/** @param atBest what would be decided if the token were right */
function notesOnToken(
  { rules, decision }: Explanation,
  hiddenToken: string | null | undefined,
  atBest: () => string,
): string[] {
  const asked = rules.some(({ conditions }) => conditions.some(({ condition }) => condition === "tokens"));
  if (hiddenToken === undefined || !asked) return [];
  if (hiddenToken !== null)
    return ["the token is masked in the event: tokens are judged by the 8 digits that were recorded"];
  const masked = "the token is masked in the event, and no rule looked at it then";
  return decision.effect === atBest()
    ? [masked]
    : [`${masked}: what is decided now is undecidable, and shown as if the token were wrong`];
}

function callAt(node: string, { nodes }: ExplainParts, atMs: number): Call {
  const own = Object.hasOwn(nodes, node) ? nodes[node] : undefined;
  return { node, subdomainHost: own?.subdomainHost, reqid: null, atMs };
}
