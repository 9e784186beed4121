/**
 * `set` of a rule: fields that an answer changes, per op and by native name.
 *
 * Only what frps takes over can be set (frp v0.70 server/control.go and server/service.go use the returned message;
 * of Ping and NewWorkConn only its authentication). proxy_name can't: frpc could not match the reply.
 */
import { z } from "zod";
import { count, flag, takesNo, text } from "./written.ts";

const texts = z.array(text, { error: "must be a list of texts" });
const pairs = z.custom(
  (value) => isObject(value) && Object.values(value).every((item) => typeof item === "string"),
  "must be an object of texts",
);

const fieldsByOp: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  Login: { user: text, metas: pairs, pool_count: count },
  NewProxy: {
    use_encryption: flag,
    use_compression: flag,
    bandwidth_limit: text.regex(/^(\d+(\.\d+)?(MB|KB))?$/, "must be such as 512KB or 1MB"),
    bandwidth_limit_mode: z.enum(["client", "server"], { error: "must be client or server" }),
    group: text,
    group_key: text,
    metas: pairs,
    annotations: pairs,
    remote_port: count.max(65_535, "must be a port, at most 65535"),
    custom_domains: texts,
    subdomain: text,
    locations: texts,
    http_user: text,
    http_pwd: text,
    host_header_rewrite: text,
    headers: pairs,
    response_headers: pairs,
    route_by_http_user: text,
    sk: text,
    allow_users: texts,
    multiplexer: text,
  },
  Ping: { privilege_key: text, timestamp: count },
  NewWorkConn: { privilege_key: text, timestamp: count },
};

/** By op, and by field. */
export type Rewrites = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const rewritesSchema = z.custom<Rewrites>().superRefine((given, issues) => {
  const problem = problemOf(given);
  if (problem) issues.addIssue({ code: "custom", ...problem });
});

interface Problem {
  /** Below `set`; holds only names that we know. */
  readonly path: string[];
  readonly message: string;
}

/** By hand, since z.record passes over a key that is named `__proto__`. */
function problemOf(given: unknown): Problem | null {
  if (!isObject(given)) return { path: [], message: "must be an object of ops" };
  if (Object.keys(given).length === 0) return { path: [], message: "must not be empty" };
  for (const [op, fields] of Object.entries(given)) {
    const known = Object.hasOwn(fieldsByOp, op) ? fieldsByOp[op]! : null;
    if (known === null) return { path: [], message: takesNo(op, Object.keys(fieldsByOp)) };
    if (!isObject(fields)) return { path: [op], message: "must be an object of fields" };
    if (Object.keys(fields).length === 0) return { path: [op], message: "must not be empty" };
    for (const [field, value] of Object.entries(fields)) {
      if (!Object.hasOwn(known, field)) return { path: [op], message: takesNo(field, Object.keys(known)) };
      const wrong = known[field]!.safeParse(value).error?.issues[0];
      if (wrong) return { path: [op, field], message: wrong.message };
    }
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
