/** How ECS 9 categorises each type of event: `event.category`, `event.type`, `event.outcome`. */
import type { EventType } from "../schema.ts";

export interface Category {
  readonly kind: "event" | "pipeline_error";
  readonly category: readonly string[];
  readonly type: readonly string[];
  readonly outcome: "success" | "failure" | "unknown";
}

function event(outcome: Category["outcome"], category: string[], type: string[]): Category {
  return { kind: "event", category, type, outcome };
}

const connection = ["network", "session"];
const web = ["web", "network"];

export const categories: Readonly<Record<EventType, Category>> = {
  // Admitted by policy; frps has yet to authenticate it.
  "login.allowed": event("unknown", ["authentication"], ["start"]),
  "login.refused": event("failure", ["authentication"], ["start"]),
  "login.confirmed": event("success", ["authentication"], ["start"]),
  "proxy.allowed": event("success", ["configuration"], ["creation"]),
  "proxy.refused": event("failure", ["configuration", "network"], ["creation", "denied"]),
  "proxy.closed": event("success", ["configuration"], ["deletion"]),
  "heartbeat.allowed": event("success", ["session"], ["info"]),
  "heartbeat.refused": event("failure", ["session", "network"], ["info", "denied"]),
  "workconn.allowed": event("success", ["network"], ["connection", "start", "allowed"]),
  "workconn.refused": event("failure", ["network"], ["connection", "denied"]),
  "session.started": event("success", connection, ["connection", "start", "allowed"]),
  "session.admitted": event("success", connection, ["connection", "start", "allowed"]),
  "session.refused": event("failure", connection, ["connection", "denied"]),
  // The end that is derived from it is the end; a connection does not end twice.
  "session.closed": event("success", connection, ["connection", "info"]),
  "session.ended": event("success", connection, ["connection", "end"]),
  "request.allowed": event("success", web, ["access", "start", "allowed"]),
  "request.refused": event("failure", web, ["access", "denied"]),
  "response.seen": event("success", web, ["access", "info"]),
  "request.completed": event("success", web, ["access", "end"]),
  "op.unknown": event("unknown", ["api"], ["info"]),
  "op.malformed": event("failure", ["api"], ["denied"]),
  "policy.changed": event("success", ["configuration"], ["change"]),
  "policy.rejected": event("failure", ["configuration"], ["change"]),
  "policy.emptied": event("failure", ["configuration"], ["deletion"]),
  "bridge.started": event("success", ["process"], ["start"]),
  "bridge.stopped": event("success", ["process"], ["end"]),
  "bridge.gap": { kind: "pipeline_error", category: [], type: [], outcome: "failure" },
  "bridge.progress": event("success", ["process"], ["info"]),
};

/** Of a changed rule, by what became of it. */
export const changeTypes = { created: "creation", updated: "change", deleted: "deletion" } as const;
