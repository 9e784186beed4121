/** Which class and activity of OCSF 1.8 each type of event is, and how it came out. */
import type { EventType } from "../schema.ts";
import type { Facts } from "./facts.ts";

export const classes = {
  authentication: {
    uid: 3002,
    name: "Authentication",
    category: 3,
    categoryName: "Identity & Access Management",
    activities: { 1: "Logon" },
  },
  network: {
    uid: 4001,
    name: "Network Activity",
    category: 4,
    categoryName: "Network Activity",
    activities: { 1: "Open", 2: "Close", 5: "Refuse" },
  },
  http: {
    uid: 4002,
    name: "HTTP Activity",
    category: 4,
    categoryName: "Network Activity",
    activities: {
      0: "Unknown",
      1: "Connect",
      2: "Delete",
      3: "Get",
      4: "Head",
      5: "Options",
      6: "Post",
      7: "Put",
      8: "Trace",
      9: "Patch",
    },
  },
  tunnel: {
    uid: 4014,
    name: "Tunnel Activity",
    category: 4,
    categoryName: "Network Activity",
    activities: { 1: "Open", 2: "Close", 3: "Renew" },
  },
  lifecycle: {
    uid: 6002,
    name: "Application Lifecycle",
    category: 6,
    categoryName: "Application Activity",
    activities: { 3: "Start", 4: "Stop" },
  },
  api: {
    uid: 6003,
    name: "API Activity",
    category: 6,
    categoryName: "Application Activity",
    activities: { 1: "Create", 3: "Update", 4: "Delete" },
  },
} as const satisfies Record<string, ClassOf>;

interface ClassOf {
  readonly uid: number;
  readonly name: string;
  readonly category: number;
  readonly categoryName: string;
  readonly activities: Readonly<Record<number, string>>;
}

const other = 99;

const severities = { 1: "Informational", 2: "Low", 3: "Medium", 4: "High" } as const;
const statuses = { 0: "Unknown", 1: "Success", 2: "Failure" } as const;

export interface Meaning {
  readonly class: keyof typeof classes;
  /** A text is activity 99, Other, under a name of its own. */
  readonly activity: number | string | ((facts: Facts) => number);
  readonly status: keyof typeof statuses;
  readonly severity: keyof typeof severities;
  /** In place of the decision's reason. */
  readonly detail?: string;
}

const methods: Readonly<Record<string, number>> = {
  CONNECT: 1,
  DELETE: 2,
  GET: 3,
  HEAD: 4,
  OPTIONS: 5,
  POST: 6,
  PUT: 7,
  TRACE: 8,
  PATCH: 9,
};

/** The methods that OCSF lists. */
export function isListed(method: string | null): method is string {
  return method !== null && Object.hasOwn(methods, method);
}

const byMethod = ({ method }: Facts): number =>
  method === null ? 0 : isListed(method) ? methods[method]! : other;
const byChange = ({ change }: Facts): number => ({ created: 1, updated: 3, deleted: 4 })[change ?? "updated"];

const done = { status: 1, severity: 1 } as const;
const refused = { status: 2, severity: 2 } as const;

export const meanings: Readonly<Record<EventType, Meaning>> = {
  "login.allowed": {
    class: "authentication",
    activity: 1,
    status: 0,
    severity: 1,
    detail: "admitted by policy, not yet authenticated",
  },
  "login.refused": { class: "authentication", activity: 1, status: 2, severity: 3 },
  "login.confirmed": { class: "authentication", activity: 1, ...done },
  "proxy.allowed": { class: "tunnel", activity: 1, ...done },
  "proxy.refused": { class: "tunnel", activity: 1, ...refused },
  "proxy.closed": { class: "tunnel", activity: 2, ...done },
  "heartbeat.allowed": { class: "tunnel", activity: 3, ...done },
  "heartbeat.refused": { class: "tunnel", activity: 3, ...refused },
  "workconn.allowed": { class: "network", activity: 1, ...done },
  "workconn.refused": { class: "network", activity: 5, ...refused },
  "session.started": { class: "network", activity: 1, ...done },
  "session.admitted": { class: "network", activity: 1, ...done },
  "session.refused": { class: "network", activity: 5, ...refused },
  // The end that is derived from it is the Close; a connection is not closed twice.
  "session.closed": { class: "network", activity: "Close reported", ...done },
  "session.ended": { class: "network", activity: 2, ...done },
  "request.allowed": { class: "http", activity: byMethod, ...done },
  "request.refused": { class: "http", activity: byMethod, ...refused },
  "response.seen": { class: "http", activity: byMethod, ...done },
  "request.completed": { class: "http", activity: byMethod, ...done },
  "op.unknown": { class: "api", activity: "Unknown operation", status: 0, severity: 1 },
  "op.malformed": { class: "api", activity: "Malformed call", ...refused },
  "policy.changed": { class: "api", activity: byChange, ...done },
  "policy.rejected": { class: "api", activity: 3, status: 2, severity: 3 },
  "policy.emptied": { class: "api", activity: 4, status: 2, severity: 4 },
  "bridge.started": { class: "lifecycle", activity: 3, ...done },
  "bridge.stopped": { class: "lifecycle", activity: 4, ...done },
  "bridge.gap": { class: "lifecycle", activity: "Events lost", status: 2, severity: 4 },
  "bridge.progress": { class: "lifecycle", activity: "Progress", ...done },
};

/** The fields that classify an event. */
export function classification(facts: Facts) {
  const { class: name, activity, status: usual, severity } = meanings[facts.type];
  // An op that nobody knows may be refused as well.
  const status = facts.effect === "refused" ? 2 : usual;
  const { uid, name: className, category, categoryName, activities } = classes[name] as ClassOf;
  const acted = typeof activity === "function" ? activity(facts) : activity;
  const id = typeof acted === "number" ? acted : other;
  const activityName = typeof acted === "string" ? acted : (activities[id] ?? facts.method ?? "Other");
  return {
    class_uid: uid,
    class_name: className,
    category_uid: category,
    category_name: categoryName,
    activity_id: id,
    activity_name: activityName,
    type_uid: uid * 100 + id,
    type_name: `${className}: ${activityName}`,
    severity_id: severity,
    severity: severities[severity],
    status_id: status,
    status: statuses[status],
  };
}
