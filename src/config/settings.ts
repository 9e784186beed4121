/**
 * Every setting, once: its default, its unit and its sentence. `sluice config`, the README's table and the
 * names in the environment all come from here.
 */
import { z } from "zod";
import { projectionNames } from "../events/projections/names.ts";
import { streamNames } from "../events/streams.ts";
import { allStreams, projectionTopics } from "../events/topic-names.ts";
import { leavable } from "../events/volume.ts";
import { parseNetwork } from "../policy/addresses.ts";

export interface SettingMeta {
  readonly unit?: string;
  /** Masked wherever settings are shown; may come from a file named by `<ENV>_FILE`. */
  readonly secret?: true;
  /** Changes without a restart: whoever uses it reads it from LiveSettings at each use. */
  readonly live?: true;
}

function setting<T extends z.ZodType>(schema: T, sentence: string, meta: SettingMeta = {}): T {
  return schema.meta({ description: sentence, ...meta });
}

const byteUnits: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes, also as text with a unit: `64MiB`. */
const bytes = z.preprocess((value) => {
  const parts = typeof value === "string" ? /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)$/.exec(value.trim()) : null;
  return parts ? Math.floor(Number(parts[1]) * byteUnits[parts[2] as string]!) : value;
}, z.int("must be a number of bytes, or text such as 64MiB").positive());

const milliseconds = z
  .int("must be a whole number of milliseconds, such as 60000")
  .nonnegative("must not be negative");
/** Types of user connections that frps asks its plugins about. */
const askedType = z.enum(["tcp", "https", "tcpmux", "stcp", "sudp"], {
  error: "must be one of tcp, https, tcpmux, stcp, sudp: frps asks about no others",
});
const port = z.int().min(0).max(65535);
const auth = z.string().regex(/^[^:\s]+:\S+$/, "must be user:password, as in frps's addr");

/** A path; what stands in the file is read when it is needed, and anew when it has changed. */
const pemFile = z.string().min(1, "must be the path of a PEM file");

/** Names of frps and prox nodes, in paths and in settings (design: 1 to 64 characters). */
export const nodeName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -");

const http = z.strictObject({
  host: setting(z.string().min(1).default("127.0.0.1"), "address the plugin port listens on"),
  port: setting(port.default(9000), "plugin port; 0 takes a free one"),
  path: setting(
    z
      .string()
      .regex(/^\/$|^\/[^\s?#:*]*[^\s?#:*/]$/, "must begin with /, not end with one, and hold none of ? # : *")
      .default("/handler"),
    "path that frps posts to; `<path>/<node>` names the frps",
  ),
  auth: setting(
    auth.optional(),
    "user:password that every call must bring; needed to listen beyond loopback",
    { secret: true, live: true },
  ),
  tls: z.strictObject({
    cert: setting(
      pemFile.optional(),
      "certificate of the plugin port, its chain behind it: frps then calls https://; taken anew when the file changes",
    ),
    key: setting(pemFile.optional(), "its private key"),
  }),
  deadlineMs: setting(
    z.int().positive().default(2000),
    "longest wait for the record of an op to be durable before journal.onFailure decides",
    { unit: "ms" },
  ),
  loginsPerMinute: setting(
    z.int().nonnegative().default(1200),
    "logins taken per client address (IPv6: /64) and minute, further ones are refused unrecorded and counted; 0 is no limit",
    { unit: "per min", live: true },
  ),
});

const prox = z.strictObject({
  node: setting(nodeName.default("prox"), "the prox's name, in events and for node rules"),
  deadlineMs: setting(
    z.int().positive().default(1000),
    "as http.deadlineMs, for what prox asks; its plugin_timeout must be at least twice as long",
    { unit: "ms" },
  ),
  log: setting(
    z.boolean().default(false),
    "put the log's lines of info into prox's own log too; warnings and errors always are",
    { live: true },
  ),
});

const nodeSettings = z.strictObject({
  auth: setting(auth.optional(), "user:password that fixes a call to this node", { secret: true }),
  subdomainHost: setting(
    z.string().min(1).optional(),
    "this frps's subDomainHost, joined to a proxy's subdomain for domain rules",
  ),
  closeUserConn: setting(
    z.array(askedType, 'must be a list, such as ["tcp"]').default([]),
    "proxy types of which this frps sends CloseUserConn, known before the first has come",
  ),
});

const redis = z.strictObject({
  url: setting(
    z
      .string()
      .regex(/^rediss?:\/\//, "must begin with redis:// or rediss://")
      .optional(),
    "redis://[user:password@]host:port[/db] that holds the policy; without it the policy file is used",
    { secret: true },
  ),
  prefix: setting(z.string().default("sluice:"), "prefix of every key in Redis"),
  user: setting(z.string().min(1).optional(), "ACL user, instead of the one in redis.url"),
  password: setting(z.string().min(1).optional(), "password, instead of the one in redis.url", {
    secret: true,
  }),
  tls: z.strictObject({
    ca: setting(
      pemFile.optional(),
      "CA that signed Redis's certificate, for rediss://; without it the system's CAs",
    ),
    cert: setting(pemFile.optional(), "our certificate, where Redis wants one (tls-auth-clients)"),
    key: setting(pemFile.optional(), "its private key"),
  }),
});

const policy = z.strictObject({
  file: setting(
    z.string().min(1).default("policy.json"),
    "policy file, used without redis.url; absent is no rules",
  ),
  default: setting(z.enum(["allow", "deny"]).default("allow"), "what decides when no rule does"),
  mode: setting(
    z.enum(["enforce", "observe"]).default("enforce"),
    "observe records refusals as wouldRefuse and allows",
  ),
  tokenMeta: setting(
    z.string().min(1).default("token"),
    "name under which a client brings its token in its metas, for rules with tokens",
  ),
  ownNames: setting(z.boolean().default(true), "refuse proxy names that are not the user's own"),
  maxStaleMs: setting(
    milliseconds.default(300_000),
    "age of the policy from which whenStale holds, while its source is away",
    { unit: "ms" },
  ),
  whenStale: setting(z.enum(["serve", "deny"]).default("serve"), "go on by the old rules, or refuse"),
});

const seconds = z.int("must be a whole number of seconds, such as 600").positive("must be at least 1");

const banAfter = "must be a whole number, 0 to 1000";
const banExcept = "must be addresses or CIDRs";

const ban = z.strictObject({
  after: setting(
    z.int(banAfter).min(0, banAfter).max(1000, banAfter).default(0),
    "refusals for a wrong token, or by a deny of the user or address, after which an address (IPv6: /64) is banned; 0 bans nobody. Not for a frps with kcpBindPort and without transport.tls.force",
    { live: true },
  ),
  withinSeconds: setting(seconds.default(60), "within how long they must come", { unit: "s", live: true }),
  forSeconds: setting(seconds.default(600), "how long a ban lasts", { unit: "s", live: true }),
  except: setting(
    z
      .array(
        z.string(banExcept).refine((text) => parseNetwork(text) !== null, banExcept),
        "must be a list of addresses and CIDRs",
      )
      .default([]),
    "addresses and networks that are never banned, such as a balancer's; loopback never is",
    { live: true },
  ),
});

const saslMechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] as const;

const kafkaSasl = z.strictObject({
  mechanism: setting(
    z.enum(saslMechanisms, `must be one of ${saslMechanisms.join(", ")}`).optional(),
    `how we sign in to the brokers: ${saslMechanisms.join(", ")}; without it we do not`,
  ),
  username: setting(z.string().min(1).optional(), "user, for PLAIN and SCRAM"),
  password: setting(z.string().min(1).optional(), "password, for PLAIN and SCRAM", { secret: true }),
  tokenEndpoint: setting(
    z
      .string()
      .regex(/^https?:\/\/[^\s@]+$/, "must be the URL of a token endpoint, without user and password")
      .optional(),
    "for OAUTHBEARER: where a token is had for clientId and clientSecret (client credentials grant); kafka.tls.ca holds for it too",
  ),
  clientId: setting(z.string().min(1).optional(), "for OAUTHBEARER"),
  clientSecret: setting(z.string().min(1).optional(), "for OAUTHBEARER", { secret: true }),
  scope: setting(z.string().min(1).optional(), "for OAUTHBEARER: scopes to ask for, with spaces between"),
  tokenFile: setting(
    z.string().min(1).optional(),
    "for OAUTHBEARER: file in which somebody else keeps a token fresh, instead of an endpoint; read for each connection",
  ),
});

const kafkaTls = z.strictObject({
  enabled: setting(
    z.boolean("must be true or false").optional(),
    "TLS to the brokers; by default where kafka.tls.ca or kafka.tls.cert is set",
  ),
  ca: setting(pemFile.optional(), "CA that signed the brokers' certificates; without it the system's CAs"),
  cert: setting(
    pemFile.optional(),
    "our certificate, where the brokers want one; read anew for each connection",
  ),
  key: setting(pemFile.optional(), "its private key"),
});

const topicText = z
  .string("must be the name of a topic")
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, "must be 1 to 249 of the characters A-Z a-z 0-9 . _ -");
/** What `kafka.topics` may name: streams, projections' topics, and the rest. */
export const renamable = [...streamNames, ...projectionTopics, "dead-letters", allStreams] as const;

const kafka = z.strictObject({
  brokers: setting(
    z.array(z.string().regex(/^[^\s:/]+:\d+$|^\[[^\]]+\]:\d+$/, "must be host:port")).default([]),
    "host:port list; empty keeps the events in the journal",
  ),
  clientId: setting(z.string().min(1).default("sluice"), "name the brokers log for us"),
  topicPrefix: setting(
    z
      .string()
      .regex(/^[A-Za-z0-9._-]{0,200}$/, "may hold A-Z a-z 0-9 . _ -")
      .default("sluice."),
    "prefix of every topic",
  ),
  topics: setting(
    z.partialRecord(z.enum(renamable), topicText, "must give topics by stream").default({}),
    "topics that have other names, prefix and all, by stream: `logins=corp.logins`; `*=corp.frp` puts all streams that are not named on one",
  ),
  partitions: setting(z.int().positive().default(6), "partitions of topics we create"),
  replicationFactor: setting(
    z.int().min(1).max(32767).optional(),
    "replication of topics we create; by default the number of brokers, at most 3",
  ),
  createTopics: setting(z.boolean().default(true), "create missing topics; existing ones are only checked"),
  compression: setting(z.enum(["gzip", "zstd", "none"]).default("gzip"), "compression of record batches"),
  tls: kafkaTls,
  sasl: kafkaSasl,
});

const journal = z.strictObject({
  sync: setting(
    z.enum(["fsync", "write"]).default("fsync"),
    "fsync: an answered op survives power loss; write: only the end of the process, synced every 100 ms",
  ),
  segmentBytes: setting(bytes.default(64 * 1024 ** 2), "size at which a new segment begins", {
    unit: "bytes",
  }),
  maxBytes: setting(bytes.default(4 * 1024 ** 3), "bound on all segments together", { unit: "bytes" }),
  keepMs: setting(milliseconds.default(86_400_000), "how long acknowledged segments stay, within maxBytes", {
    unit: "ms",
  }),
  onFailure: setting(
    z.enum(["answer", "refuse"]).default("answer"),
    "what happens to an op that cannot be made durable",
  ),
});

/** As a number: 1 is all. */
const share = z.preprocess(
  (value) => {
    if (value === "on" || value === "off") return Number(value === "on");
    return typeof value === "string" && /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(value) ? Number(value) : value;
  },
  z
    .number("must be on, off, or a share from 0 to 1, such as 0.1")
    .min(0, "must be on, off, or a share from 0 to 1, such as 0.1")
    .max(1, "must be on, off, or a share from 0 to 1, such as 0.1"),
);

/** A type in TOML without quotes, `heartbeat.allowed = 0.1`, is a table in a table. */
function unquoted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const pairs = Object.entries(value).flatMap(([family, one]) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.entries(one).map(([name, own]) => [`${family}.${name}`, own])
      : [[family, one]],
  );
  return Object.fromEntries(pairs);
}

const publish = z.preprocess(
  unquoted,
  z.record(z.string(), share, "must give shares by type of event").superRefine((shares, context) => {
    for (const type of Object.keys(shares)) {
      if ((leavable as readonly string[]).includes(type)) continue;
      const message = `is always published; ${leavable.join(", ")} can be left out`;
      context.addIssue({ code: "custom", path: [type], message, input: shares[type] });
    }
  }),
);

const projectionProblem = 'must be a list of "ocsf", "ecs" and "flat"';

const events = z.strictObject({
  redact: setting(
    z.enum(["mask", "hmac", "off"]).default("mask"),
    "secrets in events: masked, replaced by a keyed hash, or left as they came",
  ),
  hmacKey: setting(
    z.string().min(16, "must have at least 16 characters").optional(),
    "key for redact = hmac",
    {
      secret: true,
    },
  ),
  projections: setting(
    z.array(z.enum(projectionNames, projectionProblem), projectionProblem).default([]),
    "what each event is published as besides, on topics of their own: ocsf, ecs, flat",
  ),
  publish: setting(
    publish.default({}),
    `how much of a type of events is published, the rest only counted: on, off, or a share: \`heartbeat.allowed=0.01,workconn.allowed=off\`; of ${leavable.join(", ")}`,
  ),
});

const sessions = z.strictObject({
  maxOpen: setting(
    z.int().positive().default(1_000_000),
    "bound on open sessions; beyond it the oldest is inferred to have ended",
  ),
  maxAgeMs: setting(
    milliseconds.default(86_400_000),
    "age at which a session is inferred to have ended, also where ends are told; 0 is no limit",
    {
      unit: "ms",
    },
  ),
  endGraceMs: setting(
    milliseconds.default(60_000),
    "how long the closes of a proxy's sessions may come behind its own, where they are known to come",
    { unit: "ms" },
  ),
});

const admin = z.strictObject({
  host: setting(z.string().min(1).default("127.0.0.1"), "address of the admin port"),
  port: setting(
    port.default(9001),
    "port of /healthz, /readyz, /metrics, /v1/sessions, /v1/explain and /v1/policy; 0 takes a free one",
  ),
  token: setting(
    z.string().min(1).optional(),
    "bearer token for all but /healthz and /readyz; needed to listen beyond loopback",
    { secret: true, live: true },
  ),
});

const stop = z.strictObject({
  delayMs: setting(milliseconds.default(0), "how long the listener stays open after /readyz fails", {
    unit: "ms",
    live: true,
  }),
  drainMs: setting(milliseconds.default(2000), "longest wait for connections to end", {
    unit: "ms",
    live: true,
  }),
});

const log = z.strictObject({
  level: setting(z.enum(["debug", "info", "warn", "error"]).default("info"), "least level logged", {
    live: true,
  }),
  format: setting(z.enum(["pretty", "json"]).optional(), "by default pretty on a terminal, json else"),
});

const groups = { http, prox, redis, policy, ban, kafka, journal, events, sessions, admin, stop, log };

export const settingsSchema = z.strictObject({
  node: setting(nodeName.default("frps"), "the frps's name when the path has none"),
  nodes: z
    .record(nodeName, nodeSettings)
    .default({})
    .meta({ description: "per frps: auth, subdomainHost, closeUserConn (file only)" }),
  data: z.strictObject({
    dir: setting(
      z.string().min(1).default("./data"),
      "journal, cursor, instance id, last known policy, open sessions",
    ),
  }),
  ...groups,
});

export type Settings = z.infer<typeof settingsSchema>;

/** @param key such as `http.port`, or of a group; undefined where nothing is set */
export function valueAt(settings: Settings, key: string): unknown {
  return key
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], settings);
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

export interface SettingRow {
  /** `http.port` */
  readonly key: string;
  /** `SLUICE_HTTP_PORT` */
  readonly env: string;
  readonly sentence: string;
  readonly unit: string | null;
  readonly secret: boolean;
  /** Whether it changes without a restart. */
  readonly live: boolean;
  readonly defaultValue: unknown;
  readonly kind: "number" | "boolean" | "list" | "map" | "text" | "bytes";
}

export function envNameOf(key: string): string {
  return `SLUICE_${key
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}

/** Every setting that has a fixed key, in the order of the schema. */
export const settingRows: readonly SettingRow[] = rowsOf(settingsSchema, "");

function rowsOf(group: z.ZodObject, prefix: string): SettingRow[] {
  return Object.entries(group.shape).flatMap(([name, schema]) => {
    const key = prefix + name;
    if (schema instanceof z.ZodObject) return rowsOf(schema, `${key}.`);
    if (key === "nodes") return [];
    const meta = (schema as z.ZodType).meta() as SettingMeta & { description?: string };
    const defaultValue = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    return [
      {
        key,
        env: envNameOf(key),
        sentence: meta.description ?? "",
        unit: meta.unit ?? null,
        secret: meta.secret === true,
        live: meta.live === true,
        defaultValue,
        kind: kindOf(schema as z.ZodType),
      },
    ];
  });
}

function kindOf(schema: z.ZodType): SettingRow["kind"] {
  const inner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  if (inner instanceof z.ZodPipe) return inner.out instanceof z.ZodRecord ? "map" : "bytes";
  if (inner instanceof z.ZodNumber) return "number";
  if (inner instanceof z.ZodBoolean) return "boolean";
  if (inner instanceof z.ZodRecord) return "map";
  return inner instanceof z.ZodArray ? "list" : "text";
}
