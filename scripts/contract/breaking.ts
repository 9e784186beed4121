/**
 * Which changes of a published schema break those who read by it.
 *
 * Old readers read new records, and new readers read the old records that topics, journals and archives still hold. So
 * under one version whatever the old schema takes the new one takes, and the other way round; all that may change is
 * that objects get optional fields more.
 */
import { isDeepStrictEqual } from "node:util";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Kind {
  /** `session.ended` */
  readonly name: string;
  readonly version: number;
  readonly topic: string;
  readonly schema: JsonSchema;
}

/** One line for each change that a new version is needed for; empty when there is none. */
export function breakingChanges(published: readonly Kind[], current: readonly Kind[]): string[] {
  return published.flatMap((before) => {
    const { name, version, topic } = before;
    const now = current.find((kind) => kind.name === name);
    if (now === undefined) return [`${name}: is published no more`];
    const moved = now.topic === topic ? [] : [`${name}: goes to ${now.topic}, and was published on ${topic}`];
    if (now.version > version) return moved;
    if (now.version < version) return [...moved, `${name}: version ${now.version} comes after ${version}`];
    const changes = between(before.schema, now.schema, "");
    return [...moved, ...changes.map(({ at, what }) => `${name} ${version}: ${at || "the value"} ${what}`)];
  });
}

interface Change {
  /** `data.proxy.name`, `data.decision.checks[]`; "" is the whole. */
  readonly at: string;
  readonly what: string;
}

const annotations = new Set([
  "$schema",
  "$comment",
  "title",
  "description",
  "examples",
  "default",
  "deprecated",
]);
const onNames = new Set(["properties", "required", "additionalProperties"]);
const onValues = new Set(["type", "const", "enum"]);

function between(before: JsonSchema, now: JsonSchema, at: string): Change[] {
  if (isDeepStrictEqual(before, now)) return [];
  const [old, young] = [byType(before), byType(now)];
  return [...new Set([...old.keys(), ...young.keys()])].flatMap((type) => {
    const [was, is] = [old.get(type), young.get(type)];
    if (was === undefined) return { at, what: `may be ${type} now` };
    if (is === undefined) return { at, what: `may be ${type} no more` };
    if (was.length === 1 && is.length === 1) return ofOneType(was[0]!, is[0]!, at);
    return isDeepStrictEqual(was, is) ? [] : { at, what: `has other alternatives of type ${type}` };
  });
}

/** A list of types and a union of schemas say the same. */
function byType(schema: JsonSchema): Map<string, JsonSchema[]> {
  return Map.groupBy(alternatives(schema), ({ type }) => (type as string | undefined) ?? "anything");
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  const { anyOf, ...rest } = constraints(schema);
  if (Array.isArray(anyOf)) {
    // What stands beside a union holds for each of it.
    const beside = Object.keys(rest).length === 0 ? {} : { beside: rest };
    return anyOf.flatMap((branch) => alternatives({ ...branch, ...beside }));
  }
  const types = Array.isArray(rest.type) ? rest.type : [rest.type];
  return types.map((type) => (type === "null" ? { type } : { ...rest, ...(type !== undefined && { type }) }));
}

function constraints(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !annotations.has(keyword)));
}

function ofOneType(before: JsonSchema, now: JsonSchema, at: string): Change[] {
  const keywords = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return [
    ...ofValues(before, now).map((what) => ({ at, what })),
    ...ofNames(before, now, at),
    ...keywords
      .filter((keyword) => !onNames.has(keyword) && !onValues.has(keyword))
      .flatMap((keyword) => {
        const [was, is] = [before[keyword], now[keyword]];
        if (isDeepStrictEqual(was, is)) return [];
        if (keyword === "items" && isSchema(was) && isSchema(is)) return between(was, is, `${at}[]`);
        return { at, what: `has another ${keyword}: ${JSON.stringify(was)}, now ${JSON.stringify(is)}` };
      }),
  ];
}

function ofValues(before: JsonSchema, now: JsonSchema): string[] {
  const [was, is] = [valuesOf(before), valuesOf(now)];
  if (was === null && is === null) return [];
  if (was === null) return [`may only be ${[...is!].join(", ")}`];
  if (is === null) return ["may be any value"];
  return [
    ...[...is.difference(was)].map((value) => `may be ${value} now`),
    ...[...was.difference(is)].map((value) => `may be ${value} no more`),
  ];
}

/** As JSON; null where any is taken. */
function valuesOf(schema: JsonSchema): Set<string> | null {
  const values = "const" in schema ? [schema.const] : (schema.enum as unknown[] | undefined);
  return values === undefined ? null : new Set(values.map((value) => JSON.stringify(value)));
}

function ofNames(before: JsonSchema, now: JsonSchema, at: string): Change[] {
  const [was, is] = [namesOf(before), namesOf(now)];
  const gone = [...was.fields.keys()].filter((name) => !is.fields.has(name));
  return [
    ...gone.map((name) => ({ at: within(at, name), what: "is gone" })),
    ...[...is.fields].flatMap(([name, schema]): Change[] => {
      const [inner, known] = [within(at, name), was.fields.get(name)];
      const [needed, needs] = [was.required.has(name), is.required.has(name)];
      if (known === undefined && needs) return [{ at: inner, what: "is new, and old records lack it" }];
      // A new field of an object whose other fields all are of one sort.
      if (known === undefined) return isAny(was.others) ? [] : between(was.others, schema, inner);
      return [
        ...(needed && !needs ? [{ at: inner, what: "may be missing now" }] : []),
        ...(!needed && needs ? [{ at: inner, what: "is required now, and old records may lack it" }] : []),
        ...between(known, schema, inner),
      ];
    }),
    ...between(was.others, is.others, `${at}{}`),
  ];
}

interface Names {
  readonly fields: ReadonlyMap<string, JsonSchema>;
  readonly required: ReadonlySet<string>;
  /** Of fields that have no schema of their own. */
  readonly others: JsonSchema;
}

function namesOf({ properties = {}, required = [], additionalProperties: rest = true }: JsonSchema): Names {
  const others = isSchema(rest) ? rest : rest === true ? {} : { not: {} };
  const unnamed = (required as string[]).map((name) => [name, others] as const);
  return {
    fields: new Map([...unnamed, ...Object.entries(properties as Record<string, JsonSchema>)]),
    required: new Set(required as string[]),
    others,
  };
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null;
}

function isAny(schema: JsonSchema): boolean {
  return Object.keys(constraints(schema)).length === 0;
}

function within(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}
