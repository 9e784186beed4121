/** The AsyncAPI document, judged by AsyncAPI's own parser. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser";
import { beforeAll, expect, it } from "vitest";
import { projectionNames } from "../../src/events/projections/names.ts";
import { projectionTopics } from "../../src/events/projections/projections.ts";
import { dataSchemaOf, type EventType, eventTypes } from "../../src/events/schema.ts";
import { streams, topics } from "../../src/events/streams.ts";

const file = fileURLToPath(new URL("../../connectors/contract/asyncapi.json", import.meta.url));
const text = readFileSync(file, "utf8");
const parser = new Parser();
const read = (source: string) => parser.parse(source, { source: file });
type Document = NonNullable<Awaited<ReturnType<typeof read>>["document"]>;

let document: Document;

beforeAll(async () => {
  const parsed = await read(text);
  const bad = parsed.diagnostics.filter(({ severity }) => severity <= DiagnosticSeverity.Warning);
  expect(bad).toEqual([]);
  document = parsed.document!;
});

const dayMs = 86_400_000;
const channelOf = (address: string) =>
  document
    .channels()
    .all()
    .find((channel) => channel.address() === address)!;

it("every topic is a channel with its partitions and retention, and is published to", () => {
  const wanted = [
    ...Object.entries(topics()).map(
      ([stream, topic]) => [topic, streams[stream as keyof typeof streams]] as const,
    ),
    ...projectionTopics(projectionNames).map((one) => [`sluice.${one.topic}`, one] as const),
  ];
  expect(document.channels().all()).toHaveLength(wanted.length);
  for (const [topic, { retentionDays }] of wanted) {
    const channel = channelOf(topic);
    expect(channel.bindings().get("kafka")!.value()).toMatchObject({
      topic,
      partitions: 6,
      topicConfiguration: { "cleanup.policy": ["delete"], "retention.ms": retentionDays * dayMs },
    });
    expect(channel.operations().filterBySend()).toHaveLength(1);
  }
});

it("every type of event is a message of its topic, under a key, with the schema that its dataschema names", () => {
  for (const [type, { stream }] of Object.entries(eventTypes)) {
    const message = channelOf(topics()[stream])
      .messages()
      .all()
      .find((one) => one.name() === `sluice.${type}`)!;
    const payload = message.payload()!.json() as { properties: { data: { $id: string } } };
    expect(payload.properties.data.$id).toBe(dataSchemaOf(type as EventType));
    expect(message.bindings().get("kafka")!.value()).toMatchObject({ key: { type: "string" } });
    expect(message.examples().all()).toHaveLength(1);
  }
});

it("the parser finds what is wrong in a document", async () => {
  const faults = [
    ['"partitions": 6', '"partitions": "six"', "channels.logins.bindings.kafka.partitions"],
    ["schemas/session.ended.", "schemas/none.", "components.messages.session.ended.payload.$ref"],
    ["messages/session.closed", "messages/none", "channels.user-sessions.messages.session.closed.$ref"],
  ] as const;
  const { diagnostics } = await read(faults.reduce((all, [right, wrong]) => all.replace(right, wrong), text));
  const errors = diagnostics.filter(({ severity }) => severity === DiagnosticSeverity.Error);
  expect(errors.map(({ path }) => path.join("."))).toEqual(
    expect.arrayContaining(faults.map(([, , path]) => path)),
  );
});
