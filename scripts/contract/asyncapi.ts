/** The topics as an AsyncAPI 3 document; the payloads are the schemas beside it. */
import { projectionNames } from "../../src/events/projections/names.ts";
import { projectionTopics } from "../../src/events/projections/projections.ts";
import { typePrefix } from "../../src/events/schema.ts";
import { type Stream, streams } from "../../src/events/streams.ts";
import { kafkaDefaults } from "../../src/kafka/settings.ts";
import type { Message } from "./messages.ts";

const dayMs = 86_400_000;
const bindingVersion = "0.5.0";

/** What the records of each topic are about, and whose are kept in order. */
const keys: Readonly<Record<Stream, readonly [about: string, key: string]>> = {
  logins: ["Logins of frpc", "the user"],
  proxies: ["Proxies opened and closed", "the proxy's name"],
  heartbeats: ["Pings of frpc", "the client"],
  "work-conns": ["Work connections of frpc", "the client"],
  "user-sessions": ["Connections of users, from start to end", "the session's key"],
  "http-requests": ["Requests through prox", "route and address"],
  "policy-changes": ["Changes of the policy", "the rule's key"],
  unknown: ["What is no op that is known", "the node"],
  bridge: ["The bridges themselves", "the bridge"],
};

export function schemaFile({ name, version }: Pick<Message, "name" | "version">): string {
  return `schemas/${name}.${version}.json`;
}

export interface DocumentParts {
  readonly version: string;
  readonly messages: readonly Message[];
  /** By name of the message. */
  readonly examples: ReadonlyMap<string, unknown>;
}

export function asyncApi({ version, messages, examples }: DocumentParts): object {
  const all = [
    ...Object.entries(streams).map(([topic, { retentionDays }]) => {
      const [about, key] = keys[topic as Stream];
      return { topic, retentionDays, about, key };
    }),
    ...projectionTopics(projectionNames).map(({ topic, retentionDays }) => ({
      topic,
      retentionDays,
      about: `The events as ${topic}, where events.projections has it`,
      key: "that of the event",
    })),
  ];
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Sluice",
      version,
      description:
        "What Sluice publishes to Kafka. Topics bear the prefix of kafka.topicPrefix; partitions and retention are those " +
        "of topics that Sluice creates. Records may come again: collapse them by id. Fields that are not named here " +
        "may be added at any time; all else changes only with the version in `dataschema`.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(all.map((one) => [one.topic, channel(one, messages)])),
    operations: Object.fromEntries(
      all.map(({ topic, about }) => [
        `publish-${topic}`,
        { action: "send", channel: { $ref: `#/channels/${topic}` }, summary: `${about}.` },
      ]),
    ),
    components: {
      messages: Object.fromEntries(messages.map((message) => [message.name, messageOf(message, examples)])),
      schemas: { eventHeaders: headers(true), projectionHeaders: headers(false) },
    },
  };
}

interface ChannelParts {
  readonly topic: string;
  readonly retentionDays: number;
  readonly about: string;
  readonly key: string;
}

function channel({ topic, retentionDays, about, key }: ChannelParts, messages: readonly Message[]): object {
  return {
    address: typePrefix + topic,
    description: `${about}. The record's key is ${key}.`,
    messages: Object.fromEntries(
      messages
        .filter((message) => message.topic === topic)
        .map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
    bindings: {
      kafka: {
        topic: typePrefix + topic,
        partitions: kafkaDefaults.partitions,
        topicConfiguration: { "cleanup.policy": ["delete"], "retention.ms": retentionDays * dayMs },
        bindingVersion,
      },
    },
  };
}

function messageOf(message: Message, examples: ReadonlyMap<string, unknown>): object {
  const { name, contentType, schema } = message;
  const isEvent = name !== message.topic;
  return {
    name: schema.title,
    title: schema.title,
    contentType,
    headers: { $ref: `#/components/schemas/${isEvent ? "event" : "projection"}Headers` },
    payload: { $ref: `./${schemaFile(message)}` },
    bindings: { kafka: { key: { type: "string", minLength: 1 }, bindingVersion } },
    examples: [{ name: "asPublished", payload: examples.get(name) }],
  };
}

/** The attributes of the event, again. */
function headers(ofEvents: boolean): object {
  const names = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "instance",
    "epoch",
    "sequence",
    "journalseq",
  ];
  const own = ofEvents ? ["datacontenttype", "dataschema"] : [];
  const sometimes = ["subject", "op", "decision", "policyrev", "supersedes"];
  const always = [...names, ...own, "partitionkey"].map((name) => `ce_${name}`);
  const text = { type: "string" };
  return {
    type: "object",
    properties: Object.fromEntries(
      ["content-type", ...always, ...sometimes.map((name) => `ce_${name}`)].map((name) => [name, text]),
    ),
    required: ["content-type", ...always],
  };
}
