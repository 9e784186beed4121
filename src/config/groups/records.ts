/** What is kept of each op: the journal, the events, the sessions. */
import { z } from "zod";
import { projectionNames } from "../../events/projections/names.ts";
import { leavable } from "../../events/volume.ts";
import { pseudonymKinds } from "../../pseudonyms/kinds.ts";
import { bytes, milliseconds, setting } from "../setting.ts";

export const journal = z.strictObject({
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
      const message = `must not stand here: it is always published; ${leavable.join(", ")} can be left out`;
      context.addIssue({ code: "custom", path: [type], message, input: shares[type] });
    }
  }),
);

const pseudonymProblem = 'must be a list of "user" and "ip"';
const projectionProblem = 'must be a list of "ocsf", "ecs" and "flat"';

export const events = z.strictObject({
  redact: setting(
    z.enum(["mask", "hmac", "off"]).default("mask"),
    "secrets in events: masked, replaced by a keyed hash, or left as they came",
  ),
  hmacKey: setting(
    z
      .string()
      .regex(/^\S.{14,}\S$/s, "must have at least 16 characters, none of them a space or line end around it")
      .optional(),
    "key for redact = hmac and for pseudonyms",
    {
      secret: true,
    },
  ),
  pseudonyms: setting(
    z.array(z.enum(pseudonymKinds, pseudonymProblem), pseudonymProblem).default([]),
    "what stands in events as keyed pseudonyms, made with hmacKey: user (names of users), ip (their addresses)",
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

export const sessions = z.strictObject({
  maxOpen: setting(
    z.int().min(1).default(1_000_000),
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
