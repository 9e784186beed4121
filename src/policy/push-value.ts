/**
 * What prox is told under a key `prox:targets:<id>` or `prox:speed:<id>`: the push that the plugin sends.
 *
 * `*` means all routes of prox that have a balancer, what ends as `web:0` does one route, and anything else all routes
 * with a balancer and that action. A value is checked as strictly as a rule's: what cannot be read pushes nothing.
 */
import { z } from "zod";
import { hint } from "../spelling.ts";
import { listOf, printableName, text } from "./written.ts";

export type PushKind = "targets" | "speed";

export interface PushPlace {
  readonly kind: PushKind;
  readonly reach: "all" | "action" | "route";
  /** `*`, the action's name, or `web:0`. */
  readonly name: string;
}

/** As prox takes it, a JSON object on a line of the plugin's stdout (prox v0.35.1, internal/plugin/manager.go). */
export interface Push {
  readonly method: "set_targets" | "set_speed";
  readonly params: Readonly<Record<string, unknown>>;
}

export type ReadPush =
  | { readonly push: Push; readonly by: string | null; readonly note: string | null }
  | { readonly problem: string };

/** Of a line with its end; prox reads up to 65,535 bytes, and one that is longer ends its reading for good. */
export const mostPushBytes = 60 * 1024;
const longestValue = 65_536;
const mostTargets = 10_000;
/** prox takes fewer than 1 byte a second for no limit at all. */
const leastMbps = 0.001;
const mostMbps = 1_000_000;

const targetForm = /^(?:\[[\da-f:.]+\]|[\w](?:[\w.-]*[\w])?)(?::(\d{1,5}))?$/i;
const target = z.string({ error: "must be a list of targets" }).refine(isTarget, {
  error: "must be hosts, with or without a port, such as 10.0.0.5:8080",
});
const targetList = listOf(target, "targets", mostTargets).refine(
  (list) => new Set(list).size === list.length,
  "must not name a target twice",
);
const mbps = z
  .number({ error: "must be a number of megabits per second" })
  .refine((value) => value === 0 || (value >= leastMbps && value <= mostMbps), {
    error: `must be 0, for no limit, or ${leastMbps} to ${mostMbps} megabits per second`,
  });

const forPeople = { by: text.optional(), note: text.optional() };
const targetsFields = z
  .strictObject({
    targets: targetList.optional(),
    groups: z
      .record(z.string().min(1, "must have names that are not empty"), targetList, {
        error: "must be an object of lists of targets",
      })
      .refine((groups) => Object.keys(groups).length > 0, "must not be empty")
      .optional(),
    ...forPeople,
  })
  .refine(({ targets, groups }) => (targets === undefined) !== (groups === undefined), {
    error: "must have either targets or groups",
  });
const speedFields = z
  .strictObject({
    downloadMbps: mbps.optional(),
    uploadMbps: mbps.optional(),
    groupKey: z.string("must be a text").min(1, "must not be empty").optional(),
    ...forPeople,
  })
  .refine(({ downloadMbps, uploadMbps }) => downloadMbps !== undefined || uploadMbps !== undefined, {
    error: "must have downloadMbps, uploadMbps, or both",
  });

/** @param id of a key without problem: `targets:web:0` */
export function placeOf(id: string): PushPlace {
  const colon = id.indexOf(":");
  const [kind, name] = [id.slice(0, colon) as PushKind, id.slice(colon + 1)];
  if (name === "*") return { kind, reach: "all", name };
  return { kind, reach: /:\d+$/.test(name) ? "route" : "action", name };
}

/** Takes a limit away again. Targets can't be taken back: only a reload of its config gives prox others. */
export function noLimit(place: PushPlace): Push {
  return { method: "set_speed", params: { ...where(place), download_mbps: 0, upload_mbps: 0 } };
}

/** @param id of a key without problem: `targets:web:0` */
export function readPush(id: string, value: string): ReadPush {
  if (value.length > longestValue) return { problem: `the value is longer than ${longestValue} characters` };
  if (value.includes("\ufffd")) return { problem: "the value is not valid UTF-8" };
  const place = placeOf(id);
  const schema = place.kind === "targets" ? targetsFields : speedFields;
  const given = objectOf(value, place.kind);
  if (given === null) return { problem: `the value is not ${formOf[place.kind]}` };
  const names = Object.keys(schema.shape);
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const begun = names.find((known) => name.length > 3 && known.startsWith(name));
    const meant = begun === undefined ? hint(name, names) : `, did you mean ${begun}?`;
    return { problem: `unknown key ${printableName(name)}${meant}` };
  }
  // z.record passes over it, whatever it holds.
  if (Object.hasOwn(Object(given.groups), "__proto__")) return { problem: "groups takes no __proto__" };
  const read = schema.safeParse(given);
  if (!read.success) return { problem: firstProblem(read.error) };
  const push = place.kind === "targets" ? targetsPush(place, given) : speedPush(place, given);
  const bytes = Buffer.byteLength(JSON.stringify(push)) + 1;
  if (bytes > mostPushBytes) {
    return {
      problem: `the value makes a line of ${bytes} bytes, and prox reads no more than ${mostPushBytes} at once: name fewer targets`,
    };
  }
  const { by = null, note = null } = read.data;
  return { push, by, note };
}

const formOf: Readonly<Record<PushKind, string>> = {
  targets: 'a JSON list of targets, nor an object such as {"targets":["10.0.0.5:8080"]}',
  speed: 'a JSON object such as {"downloadMbps":20,"uploadMbps":5}',
};

function targetsPush(place: PushPlace, { targets, groups }: Readonly<Record<string, unknown>>): Push {
  return {
    method: "set_targets",
    params: { ...where(place), ...(targets === undefined ? { groups } : { targets }) },
  };
}

function speedPush(place: PushPlace, given: Readonly<Record<string, unknown>>): Push {
  const { downloadMbps = 0, uploadMbps = 0, groupKey } = given;
  return {
    method: "set_speed",
    params: {
      ...where(place),
      download_mbps: downloadMbps,
      upload_mbps: uploadMbps,
      ...(groupKey !== undefined && { group_key: groupKey }),
    },
  };
}

function where({ reach, name }: PushPlace): object {
  return reach === "action" ? { action: name } : { route_id: name };
}

/** A plain list stands for its targets. */
function objectOf(value: string, kind: PushKind): Readonly<Record<string, unknown>> | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    // The thrown text quotes the value.
    return null;
  }
  if (Array.isArray(parsed)) return kind === "targets" ? { targets: parsed } : null;
  return typeof parsed === "object" ? (parsed as Record<string, unknown> | null) : null;
}

function isTarget(written: string): boolean {
  const port = targetForm.exec(written);
  return port !== null && (port[1] === undefined || (Number(port[1]) > 0 && Number(port[1]) <= 65_535));
}

function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0]!;
  const field = issue.path.filter((part) => typeof part === "string").join(".");
  return `${printableName(field === "" ? "the value" : field)} ${issue.message}`;
}
