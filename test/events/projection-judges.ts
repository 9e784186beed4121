/** What a SIEM, an Elasticsearch and a Kafka Connect would say of a projected event; empty when they take it. */
import { readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { EcsFlat } from "@elastic/ecs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { ConnectRow } from "../../src/events/index.ts";

const folder = new URL("../fixtures/ocsf/", import.meta.url);
const ajv = new Ajv2020({ strict: false, allErrors: true });

/** By class_uid. */
const ocsfClasses = new Map<unknown, ValidateFunction>(
  readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")))
    .map((schema) => [schema.properties.class_uid.const, ajv.compile(schema)]),
);

export function ocsfProblems(event: Readonly<Record<string, unknown>>): string[] {
  const validate = ocsfClasses.get(event.class_uid);
  if (validate === undefined) return [`no schema of class ${event.class_uid}`];
  const { class_uid: classUid, activity_id: activity, type_uid: type } = event;
  const problems = type === Number(classUid) * 100 + Number(activity) ? [] : [`type_uid is ${type}`];
  if (validate(event)) return problems;
  return [...problems, ...validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`)];
}

interface EcsField {
  readonly type: string;
  readonly normalize: readonly string[];
  readonly required?: boolean;
  readonly allowed_values?: readonly {
    readonly name: string;
    readonly expected_event_types?: readonly string[];
  }[];
  readonly expected_values?: readonly string[];
}
const ecsFields = EcsFlat as unknown as Readonly<Record<string, EcsField>>;
const requiredFields = Object.keys(ecsFields).filter((name) => ecsFields[name]!.required);

const ecsTypes: Readonly<Record<string, (value: unknown) => boolean>> = {
  keyword: isText,
  constant_keyword: isText,
  wildcard: isText,
  match_only_text: isText,
  text: isText,
  long: Number.isSafeInteger,
  boolean: (value) => typeof value === "boolean",
  ip: (value) => isIP(String(value)) !== 0,
  date: (value) => isText(value) && new Date(value as string).toISOString() === value,
};

export function ecsProblems(event: Readonly<Record<string, unknown>>): string[] {
  const leaves = leavesOf(event);
  const missing = requiredFields.filter((name) => !leaves.has(name));
  const categories = [leaves.get("event.category") ?? []].flat();
  const expected = new Set(
    ecsFields["event.category"]!.allowed_values!.filter(({ name }) => categories.includes(name)).flatMap(
      (category) => category.expected_event_types ?? [],
    ),
  );
  const unexpected = [leaves.get("event.type") ?? []].flat().filter((type) => !expected.has(String(type)));
  return [
    ...missing.map((name) => `${name} is missing`),
    ...unexpected.map((type) => `event.type ${type} is none of ${categories}`),
    ...[...leaves].flatMap(([name, value]) => ecsFieldProblems(name, value)),
  ];
}

function ecsFieldProblems(name: string, value: unknown): string[] {
  if (name.startsWith("sluice.")) return [];
  const field = ecsFields[name];
  if (field === undefined) return [`${name} is no field of ECS`];
  const problems: string[] = [];
  if (field.normalize.includes("array") !== Array.isArray(value)) problems.push(`${name}: an array, or none`);
  const allowed = field.allowed_values?.map((one) => one.name) ?? field.expected_values;
  for (const each of [value].flat()) {
    if (!ecsTypes[field.type]!(each)) problems.push(`${name}: ${JSON.stringify(each)} is no ${field.type}`);
    if (allowed !== undefined && !allowed.includes(each as string)) problems.push(`${name}: not ${each}`);
  }
  return problems;
}

function leavesOf(tree: object, prefix = ""): Map<string, unknown> {
  return new Map(
    Object.entries(tree).flatMap(([name, value]) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? [...leavesOf(value, `${prefix}${name}.`)]
        : [[prefix + name, value] as const],
    ),
  );
}

const within = (bits: number) => (value: unknown) =>
  Number.isInteger(value) && Math.abs(value as number) < 2 ** (bits - 1);
const connectTypes: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: isText,
  boolean: (value) => typeof value === "boolean",
  int16: within(16),
  int32: within(32),
  int64: Number.isSafeInteger,
};

/** As Connect's JsonConverter would, and a sink that makes a table of it. */
export function connectProblems({ schema, payload }: ConnectRow): string[] {
  const names = schema.fields.map(({ field }) => field);
  const problems =
    names.join() === Object.keys(payload).join() ? [] : ["payload and schema name other fields"];
  if (names.some((name) => !/^[a-z][a-z0-9_]*$/.test(name))) problems.push("a name that needs quotes");
  for (const { field, type, optional } of schema.fields) {
    const value = payload[field];
    if (value === null ? !optional : !connectTypes[type]!(value))
      problems.push(`${field}: ${value} is no ${type}`);
  }
  return problems;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
