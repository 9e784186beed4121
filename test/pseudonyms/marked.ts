/** Ops as a real frps and a real prox sent them, with users and addresses put in that must never be seen again. */
import { isUtf8 } from "node:buffer";
import { parseOp } from "../../src/frp/wire.ts";
import type { Op } from "../../src/op.ts";
import { frpCalls, proxCalls } from "../fixtures.ts";
import { asked } from "../prox/asked.ts";

export interface Marks {
  readonly user: string;
  /** Of a second one, whose proxies the first claims. */
  readonly other: string;
  readonly client: string;
  readonly visitor: string;
}

const atMs = Date.parse("2027-01-31T08:00:00Z");
const withPort = (ip: string): string => (ip.includes(":") ? `[${ip}]:4711` : `${ip}:4711`);

/** Whatever texts stand where nobody knows what they are. */
function freeTexts({ user, client, visitor }: Marks): Record<string, unknown> {
  return {
    later: { by: user, list: [`${user}@example.com`, { ip: client }], n: 7 },
    seen_at: `from ${visitor} and ${client}`,
  };
}

/** One op of each call of frps that was recorded, and one that nobody knows. */
export function markedFrp(marks: Marks, redactsNothing: boolean): Op[] {
  const { user, other, client, visitor } = marks;
  const texts = freeTexts(marks);
  const calls = frpCalls.map(({ op, content }, at) => ({ op, content: content as Content, at }));
  const content: Content = { user: { user: "alice" }, remote_addr: "x", ...texts };
  const later = { op: "NewVisitorConn", content, at: 99 };
  return [...calls, later].map(({ op, content, at }) => {
    const own = typeof content.user === "object" ? (content.user?.user ?? "") : (content.user ?? "");
    const isAnonymous = own === "";
    const name = content.proxy_name?.replace(/^alice\./, "");
    // Of others than its own user nobody knows that a field's name is theirs.
    const named = isAnonymous ? {} : { [user]: user, [`of ${user}`]: redactsNothing };
    const free = { ...named, mail: `${user}@example.com` };
    const claimed = at % 3 === 0 ? other : user;
    const marked = {
      ...content,
      ...texts,
      ...named,
      user:
        typeof content.user === "object"
          ? { ...content.user, user: isAnonymous ? "" : user, metas: free }
          : user,
      ...(content.metas !== undefined && { metas: free }),
      ...(name !== undefined && { proxy_name: `${claimed}.${name}` }),
      ...(content.remote_addr !== undefined && { remote_addr: withPort(visitor) }),
      ...(content.client_address !== undefined && { client_address: withPort(client) }),
      ...(content.hostname !== undefined && { hostname: `${user}-laptop`, client_id: `${user}-1` }),
      ...(op === "NewProxy" && {
        annotations: { owner: user },
        allow_users: [user, other],
        route_by_http_user: user,
        headers: { "X-Forwarded-For": client, "X-Owner": user },
      }),
    };
    return frpOp(op, marked, at);
  });
}

interface Content extends Record<string, unknown> {
  readonly user?: string | { readonly user?: string };
  readonly proxy_name?: string;
}

function frpOp(op: string, content: object, at: number): Op {
  const body = Buffer.from(JSON.stringify({ version: "0.1.0", op, content }));
  if (!isUtf8(body)) throw new Error("not UTF-8");
  const reqid = at.toString(16).padStart(16, "0");
  const parsed = parseOp(body, { node: "edge-1", reqid, subdomainHost: undefined, atMs });
  if (!parsed.ok) throw new Error(`${op} is malformed: ${parsed.reason}`);
  return parsed.op;
}

/** One op of each frame of prox that was recorded, and one that nobody knows. */
export function markedProx(marks: Marks): Op[] {
  const { user, client, visitor } = marks;
  const headers = {
    "X-Forwarded-For": `${visitor}, ${client}`,
    "X-Real-Ip": visitor,
    Forwarded: `for="[${client}]:1";by=${visitor}, for=_${user};proto=https`,
    "X-Remote-User": user,
    From: `${user}@example.com`,
    "User-Agent": `agent for ${visitor}`,
    Referer: `https://a.test/?ip=${visitor}`,
  };
  const request = (payload: Record<string, unknown>) => ({
    ...payload,
    a: withPort(visitor),
    h: { ...(payload.h as object), ...headers },
    p: `/of/${visitor}`,
    q: `ip=${visitor}`,
    v: { who: user },
    ...freeTexts(marks),
  });
  const ops = proxCalls.map(({ hook, payload }) => {
    if (hook === "on_request") return asked(hook, request(payload), atMs);
    const { req, resp } = payload as { req: Record<string, unknown>; resp: object };
    if (hook === "on_response")
      return asked(hook, { req: request(req), resp: { ...resp, h: { "X-Seen": client } } }, atMs);
    return asked(hook, { ...payload, a: withPort(visitor), ...freeTexts(marks) }, atMs);
  });
  return [...ops, asked(9, { a: withPort(visitor), ...freeTexts(marks) }, atMs)];
}
