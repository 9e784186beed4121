/** What Sluice publishes, each kind of record with its topic and a JSON Schema of the record's value. */
import { z } from "zod";
import type { ConnectSchema } from "../../src/events/projections/columns.ts";
import { ecsVersion } from "../../src/events/projections/ecs-fields.ts";
import { flatSchema } from "../../src/events/projections/flat.ts";
import { flatSessionSchema } from "../../src/events/projections/flat-sessions.ts";
import { projectionNames } from "../../src/events/projections/names.ts";
import { ocsfVersion } from "../../src/events/projections/ocsf.ts";
import { classes } from "../../src/events/projections/ocsf-classes.ts";
import { projectionTopics } from "../../src/events/projections/projections.ts";
import {
  dataSchemaOf,
  dataVersionOf,
  type EventType,
  eventSchemas,
  eventTypes,
  typeNameOf,
} from "../../src/events/schema.ts";
import type { JsonSchema } from "./breaking.ts";

export interface Message {
  /** `session.ended`, or a projection's topic. */
  readonly name: string;
  /** Of its contract. */
  readonly version: number;
  /** Without prefix. */
  readonly topic: string;
  readonly contentType: string;
  readonly schema: JsonSchema;
}

function idOf(name: string, version: number): string {
  return `urn:sluice:record:${name}:${version}`;
}

const draft = "https://json-schema.org/draft/2020-12/schema";

/** Those of zod know leap years, which nobody wants to read. */
const moment = "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$";

function eventMessage(type: EventType): Message {
  const { $schema, ...schema } = z.toJSONSchema(eventSchemas[type], {
    io: "input",
    override({ jsonSchema }) {
      if (jsonSchema.format === "date-time") jsonSchema.pattern = moment;
      // zod's own word.
      if (jsonSchema.format === "starts_with") delete jsonSchema.format;
    },
  });
  const { data, ...attributes } = schema.properties!;
  return {
    name: type,
    version: dataVersionOf(type),
    topic: eventTypes[type].stream,
    contentType: "application/cloudevents+json; charset=UTF-8",
    schema: {
      $schema,
      $id: idOf(type, dataVersionOf(type)),
      title: typeNameOf(type),
      ...schema,
      // What `dataschema` names is the schema of the data.
      properties: { ...attributes, data: { $id: dataSchemaOf(type), ...(data as object) } },
    },
  };
}

const integers: Readonly<Record<string, number>> = { int16: 2 ** 15, int32: 2 ** 31, int64: 2 ** 53 };

function columnSchema({ type, name, optional }: ConnectSchema["fields"][number]): JsonSchema {
  const bound = integers[type];
  const range =
    bound === undefined ? {} : { minimum: bound === 2 ** 53 ? 1 - bound : -bound, maximum: bound - 1 };
  const plain = bound === undefined ? type : "integer";
  return {
    ...(name !== undefined && { description: "Milliseconds since 1970." }),
    type: optional ? [plain, "null"] : plain,
    ...range,
  };
}

/** A column more is an optional field more, as it is to a table. */
function rowSchema({ name, version, fields }: ConnectSchema): JsonSchema {
  const columns = fields.map((field) => [field.field, columnSchema(field)]);
  return {
    type: "object",
    properties: {
      schema: {
        type: "object",
        properties: {
          type: { const: "struct" },
          name: { const: name },
          version: { const: version },
          optional: { const: false },
          fields: { type: "array" },
        },
        required: ["type", "name", "version", "optional", "fields"],
      },
      payload: {
        type: "object",
        properties: Object.fromEntries(columns),
        required: fields.filter(({ optional }) => !optional).map(({ field }) => field),
      },
    },
    required: ["schema", "payload"],
  };
}

const text = { type: "string" };
const whole = { type: "integer" };

/** Of what others have defined only that by which a reader tells what it has before it. */
const projected: Readonly<Record<string, { readonly version: number; readonly schema: JsonSchema }>> = {
  ocsf: {
    version: 1,
    schema: {
      description: `OCSF ${ocsfVersion}; each class: https://schema.ocsf.io/${ocsfVersion}/`,
      type: "object",
      properties: {
        class_uid: { enum: Object.values(classes).map(({ uid }) => uid) },
        category_uid: whole,
        activity_id: whole,
        type_uid: whole,
        severity_id: whole,
        status_id: whole,
        time: { description: "Milliseconds since 1970.", ...whole },
        metadata: {
          type: "object",
          properties: { version: { const: ocsfVersion }, uid: text, event_code: text, sequence: whole },
          required: ["version", "uid", "event_code", "sequence"],
        },
      },
      required: [
        ...["class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "status_id"],
        ...["time", "metadata"],
      ],
    },
  },
  ecs: {
    version: 1,
    schema: {
      description: `ECS ${ecsVersion}: https://www.elastic.co/docs/reference/ecs; below \`sluice\` what it has no field for`,
      type: "object",
      properties: {
        "@timestamp": { ...text, format: "date-time", pattern: moment },
        ecs: { type: "object", properties: { version: { const: ecsVersion } }, required: ["version"] },
        event: {
          type: "object",
          properties: { id: text, kind: text, action: text, dataset: text, sequence: whole },
          required: ["id", "kind", "action", "dataset", "sequence"],
        },
      },
      required: ["@timestamp", "ecs", "event"],
    },
  },
  flat: { version: flatSchema.version, schema: rowSchema(flatSchema) },
  "flat-sessions": { version: flatSessionSchema.version, schema: rowSchema(flatSessionSchema) },
};

function projectionMessage(topic: string): Message {
  const { version, schema } = projected[topic]!;
  return {
    name: topic,
    version,
    topic,
    contentType: "application/json",
    schema: { $schema: draft, $id: idOf(topic, version), title: `sluice.${topic}`, ...schema },
  };
}

export const messages: readonly Message[] = [
  ...(Object.keys(eventTypes) as EventType[]).map(eventMessage),
  ...projectionTopics(projectionNames).map(({ topic }) => projectionMessage(topic)),
];
