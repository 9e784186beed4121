/** The `limits` of a rule: how many connections its user, proxy or address may have, and begin. */
import type { z } from "zod";
import type { Op } from "../../op.ts";
import { type CountedBy, subscriberOf } from "../facts.ts";
import type { Scope } from "../rule-key.ts";
import { count, fieldsOf } from "../written.ts";
import { type Condition, counted } from "./condition.ts";

const limit = count.optional();
export const limitsSchema = fieldsOf({
  loginsPerMinute: limit,
  connections: limit,
  connectionsPerMinute: limit,
});

/** Whose connections a rule of a scope counts; of other scopes nobody's. */
export const countedByScope: Readonly<Partial<Record<Scope, CountedBy>>> = {
  user: "user",
  group: "user",
  proxy: "proxy",
  ip: "ip",
};

/** Null where a rule of this scope has nobody to count. */
export function limitsOf(limits: z.infer<typeof limitsSchema>, scope: Scope): readonly Condition[] | null {
  const by = countedByScope[scope];
  if (by === undefined) return null;
  const { loginsPerMinute, connections, connectionsPerMinute } = limits;
  const conditions: Condition[] = [];
  if (loginsPerMinute !== undefined) conditions.push(shared(mostLoginsPerMinute, loginsPerMinute, by));
  if (connections !== undefined) conditions.push(shared(mostConnections, connections, by));
  if (connectionsPerMinute !== undefined)
    conditions.push(shared(mostConnectionsPerMinute, connectionsPerMinute, by));
  return conditions;
}

const mostShared = 1000;
const known = new Map<string, Condition>();

/** One condition for all rules with the same limit, where it is one of the usual. */
function shared(kind: (limit: number, by: CountedBy) => Condition, limit: number, by: CountedBy): Condition {
  if (limit > mostShared) return kind(limit, by);
  const name = `${kind.name} ${by} ${limit}`;
  const condition = known.get(name) ?? kind(limit, by);
  known.set(name, condition);
  return condition;
}

/**
 * Open connections of one user, proxy or address. Where frps does not tell ends, a count could only rise and would
 * lock people out: there the check says that it cannot be enforced, and lets pass.
 */
function mostConnections(limit: number, by: CountedBy): Condition {
  return {
    name: "limits.connections",
    code: "too_many_connections",
    reason: "too many connections",
    ask(op, { connections }) {
      const id = subjectOf(op, by);
      if (op.name !== "NewUserConn" || id === null) return { result: "skip" };
      const type = op.proxy?.type ?? null;
      const announced = connections.endsAnnounced(op.node, type);
      if (announced === null) {
        return { result: "unknown", seen: "whether ends are told was not recorded", limit };
      }
      if (!announced) {
        return { result: "not_enforceable", seen: `${op.node} does not tell ends of ${type ?? "this type"}` };
      }
      return counted(connections.open(by, id, limit), limit);
    },
  };
}

/** Connections begun by one user, proxy or address within a minute. */
function mostConnectionsPerMinute(limit: number, by: CountedBy): Condition {
  return {
    name: "limits.connectionsPerMinute",
    code: "too_many_new_connections",
    reason: "too many connections in a short time",
    ask(op, { connections }) {
      const id = subjectOf(op, by);
      if (op.name !== "NewUserConn" || id === null) return { result: "skip" };
      return counted(connections.begun(by, id, limit), limit);
    },
  };
}

/** Logins of one user or address that were let in within a minute. */
function mostLoginsPerMinute(limit: number, by: CountedBy): Condition {
  return {
    name: "limits.loginsPerMinute",
    code: "too_many_logins",
    reason: "too many logins in a short time",
    ask(op, { connections }) {
      const id = subjectOf(op, by);
      if (op.name !== "Login" || id === null) return { result: "skip" };
      return counted(connections.logins(by, id, limit), limit);
    },
  };
}

function subjectOf({ user, proxy, remote }: Op, by: CountedBy): string | null {
  if (by === "user") return user;
  if (by === "proxy") return proxy?.name ?? null;
  return remote?.ip ? subscriberOf(remote.ip) : null;
}
