/** The index template for OpenSearch and Elasticsearch, beside ECS's own table of fields. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { EcsFlat } from "@elastic/ecs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { toEcs } from "../../src/events/index.ts";
import { fields } from "../../src/events/projections/ecs-fields.ts";
import { generatedEvent } from "../events/generated.ts";
import { connectorFile } from "../hosts/redpanda-connect.ts";

interface Mapping {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Mapping>>;
}

const { template } = JSON.parse(readFileSync(connectorFile("opensearch/index-template.json"), "utf8"));
const [texts] = template.mappings.dynamic_templates;
/** ECS's types that not every store has, and what says the same for less. */
const plain: Readonly<Record<string, string>> = { match_only_text: "text", wildcard: "keyword" };

/** What a field of the projection is mapped to; one that is not named comes as a text. */
function typeOf(name: string): string {
  let at: Mapping | undefined = template.mappings;
  for (const part of name.split(".")) at = at?.properties?.[part];
  return at?.type ?? texts.texts.mapping.type;
}

it("every field of the projection that ECS knows gets the type that ECS gives it", () => {
  const known = Object.keys(fields).filter((name) => name in EcsFlat);
  const types = (of: (name: string) => string) => Object.fromEntries(known.map((name) => [name, of(name)]));
  const ecs = EcsFlat as unknown as Record<string, { type: string }>;
  expect(known.length).toBeGreaterThan(40);
  expect(types(typeOf)).toEqual(types((name) => plain[ecs[name]!.type] ?? ecs[name]!.type));
});

/** What a document may hold where the template names a type; of another it is refused as a whole. */
const takes: Readonly<Record<string, (value: unknown) => boolean>> = {
  keyword: (value) => typeof value === "string",
  text: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  long: (value) => Number.isSafeInteger(value),
  ip: (value) => isIP(String(value)) !== 0,
  date: (value) => typeof value === "string" && new Date(value).toISOString() === value,
};

function misfits(document: object, path = ""): string[] {
  return Object.entries(document).flatMap(([name, value]) => {
    const field = path + name;
    if (typeof value === "object" && !Array.isArray(value)) return misfits(value, `${field}.`);
    const type = typeOf(field);
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.every(takes[type]!) ? [] : [`${field} is ${type}, not ${JSON.stringify(value)}`];
  });
}

it("whatever an event holds, its document fits the template", () => {
  fc.assert(
    fc.property(generatedEvent, (event) => {
      expect(misfits(toEcs(event))).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});
