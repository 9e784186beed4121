/** The schemas that consumers get, judged by a validator of JSON Schema and by what Sluice itself reads by. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kindsIn } from "../../scripts/contract/contract.ts";
import { type EventType, eventSchemas, parseEvent } from "../../src/events/index.ts";
import { generatedEvent } from "../events/generated.ts";
import { frpCalls, secretsOf } from "../fixtures.ts";
import { exampleEvents, recordsOf } from "./examples.ts";

const folder = fileURLToPath(new URL("../../connectors/contract/", import.meta.url));
const ajv = new Ajv2020({ validateFormats: false, allowUnionTypes: true });
const validators = new Map<string, ValidateFunction>(
  kindsIn(folder).map(({ name, schema }) => [name, ajv.compile(schema)]),
);
const events = exampleEvents();
const records = events.flatMap(recordsOf);

function problemsOf(name: string, value: unknown): string[] {
  const validate = validators.get(name)!;
  return validate(value)
    ? []
    : validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

it("every type of event and every projection has a schema, and an example", () => {
  expect([...validators.keys()].toSorted()).toEqual(
    [...Object.keys(eventSchemas), "ocsf", "ecs", "flat", "flat-sessions"].toSorted(),
  );
  expect(new Set(records.map(([name]) => name))).toEqual(new Set(validators.keys()));
});

it.each([...validators.keys()])(
  "%s: every record of the tests is valid, as it stands on the topic",
  (name) => {
    for (const [of, value] of records) {
      if (of === name) expect(problemsOf(name, JSON.parse(JSON.stringify(value)))).toEqual([]);
    }
  },
);

it("the document has a valid example of every message", () => {
  const { components } = JSON.parse(readFileSync(join(folder, "asyncapi.json"), "utf8"));
  expect(Object.keys(components.messages).toSorted()).toEqual([...validators.keys()].toSorted());
  for (const [name, { examples }] of Object.entries<{ examples: { payload: unknown }[] }>(
    components.messages,
  ))
    expect(problemsOf(name, examples[0]!.payload)).toEqual([]);
});

it("no example tells what was secret in the call that it was made from", () => {
  const text = readFileSync(join(folder, "asyncapi.json"), "utf8");
  const secrets = frpCalls.flatMap(({ content }) => secretsOf(content));
  expect(secrets.length).toBeGreaterThan(10);
  expect(secrets.filter((secret) => text.includes(JSON.stringify(secret)))).toEqual([]);
});

it("what dataschema names is the schema of the data", () => {
  for (const event of events) {
    const validate = ajv.getSchema(event.dataschema)!;
    expect(validate(event.data)).toBe(true);
    expect(validate({ ...event.data, protocol: 7, topics: 7, revision: 7 })).toBe(false);
  }
});

it("a record that lacks a field, or has null for one that it always has, is valid for no schema that asks for it", () => {
  for (const [name, value] of records) {
    const { required, properties } = validators.get(name)!.schema as {
      readonly required: string[];
      readonly properties: Record<string, { readonly required?: string[] }>;
    };
    const record = value as Record<string, Record<string, unknown>>;
    for (const field of required) {
      const { [field]: _gone, ...rest } = record;
      expect(problemsOf(name, rest)).not.toEqual([]);
      expect(problemsOf(name, { ...rest, [field]: null })).not.toEqual([]);
      for (const inner of properties[field]!.required ?? []) {
        const { [inner]: _inner, ...others } = record[field]!;
        expect(problemsOf(name, { ...record, [field]: others }), `${name} ${field}.${inner}`).not.toEqual([]);
      }
    }
  }
});

/** Another value at one place, of any depth. */
function changedAt(value: unknown, path: readonly number[], to: unknown): unknown {
  if (typeof value !== "object" || value === null || path.length === 0) return to;
  const names = Object.keys(value);
  if (names.length === 0) return to;
  const [first = 0, ...rest] = path;
  const name = names[first % names.length]!;
  const held = (value as Record<string, unknown>)[name];
  const changed = changedAt(held, rest, to);
  return Array.isArray(value) ? value.with(Number(name), changed) : { ...value, [name]: changed };
}

describe("the schemas and sluice/events", () => {
  const agree = (event: unknown, type: EventType): void => {
    const text = JSON.stringify(event);
    expect(problemsOf(type, JSON.parse(text)).length === 0, text).toBe(parseEvent(text).ok);
  };
  const typeOf = (event: { readonly type: string }): EventType =>
    event.type.slice("sluice.".length) as EventType;

  it("say the same of whatever an event may hold", () => {
    fc.assert(fc.property(generatedEvent, (event) => agree(event, typeOf(event))));
  });

  it("say the same of an event with anything in any place", () => {
    const path = fc.array(fc.nat(30), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...events), path, fc.jsonValue(), (event, place, value) => {
        const { type, dataschema, specversion } = event;
        agree(
          { ...(changedAt(event, place, value) as object), type, dataschema, specversion },
          typeOf(event),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
