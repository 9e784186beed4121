/** What may change in a published schema, and what may not. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { breakingChanges, type JsonSchema, type Kind } from "../../scripts/contract/breaking.ts";
import { kindsIn } from "../../scripts/contract/contract.ts";
import { messages } from "../../scripts/contract/messages.ts";

const text = { type: "string" };
const object = (properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema => ({
  type: "object",
  properties,
  required,
});
const kind = (schema: JsonSchema, more: Partial<Kind> = {}): Kind => ({
  name: "login.allowed",
  version: 1,
  topic: "logins",
  schema,
  ...more,
});
const told = (before: JsonSchema, now: JsonSchema): string[] =>
  breakingChanges([kind(before)], [kind(now)]).map((line) => line.replace("login.allowed 1: ", ""));

type Case = readonly [name: string, before: JsonSchema, now: JsonSchema];

const user = object({ user: text }, ["user"]);
const closed = { type: ["object", "null"], properties: { ip: text }, required: ["ip"] };

const harmless: readonly Case[] = [
  ["nothing", user, user],
  ["an optional field", user, object({ user: text, node: text }, ["user"])],
  [
    "an optional object with fields that it needs",
    user,
    object({ user: text, peer: object({ ip: text }, ["ip"]) }, ["user"]),
  ],
  [
    "an optional field within a field that may be null",
    { anyOf: [user, { type: "null" }] },
    { anyOf: [object({ user: text, node: text }, ["user"]), { type: "null" }] },
  ],
  [
    "an optional field within the items of a list",
    { type: "array", items: user },
    { type: "array", items: object({ user: text, node: text }, ["user"]) },
  ],
  [
    "an optional field within objects under any name",
    { type: "object", additionalProperties: user },
    { type: "object", additionalProperties: object({ user: text, node: text }, ["user"]) },
  ],
  ["the order of fields", object({ a: text, b: text }, ["a", "b"]), object({ b: text, a: text }, ["b", "a"])],
  ["the order of values", { enum: ["a", "b"] }, { enum: ["b", "a"] }],
  ["a constant written as the only value", { const: "a" }, { enum: ["a"] }],
  ["a union written as types", { anyOf: [text, { type: "null" }] }, { type: ["null", "string"] }],
  [
    "what may be null written as a union",
    closed,
    { anyOf: [{ ...closed, type: "object" }, { type: "null" }] },
  ],
  ["that any other field is allowed", user, { ...user, additionalProperties: true }],
  ["words about it", user, { ...user, title: "Who", description: "it was", examples: [{ user: "alice" }] }],
  ["a field whose name is a keyword", object({ title: text }), object({ title: text, enum: text })],
];

const breaking: readonly [name: string, before: JsonSchema, now: JsonSchema, ...told: (string | RegExp)[]][] =
  [
    ["a field that is gone", user, object({}), "user is gone"],
    ["an optional field that is gone", object({ user: text }), object({}), "user is gone"],
    [
      "a field under another name",
      user,
      object({ name: text }, ["name"]),
      "user is gone",
      "name is new, and old records lack it",
    ],
    [
      "a field more that is required",
      user,
      object({ user: text, node: text }, ["user", "node"]),
      "node is new, and old records lack it",
    ],
    ["a field that may be missing", user, object({ user: text }), "user may be missing now"],
    [
      "an optional field that is required",
      object({ user: text }),
      user,
      "user is required now, and old records may lack it",
    ],
    [
      "a required name that no field has",
      object({}),
      object({}, ["user"]),
      "user is new, and old records lack it",
    ],
    [
      "another type",
      user,
      object({ user: { type: "integer" } }, ["user"]),
      "user may be string no more",
      "user may be integer now",
    ],
    [
      "a whole number that may be broken",
      { type: "integer" },
      { type: "number" },
      "the value may be integer no more",
      "the value may be number now",
    ],
    ["a type more", text, { type: ["string", "null"] }, "the value may be null now"],
    ["a type less", { anyOf: [text, { type: "null" }] }, text, "the value may be null no more"],
    [
      "anything that becomes text",
      {},
      text,
      "the value may be anything no more",
      "the value may be string now",
    ],
    ["a value more", { enum: ["a"] }, { enum: ["a", "b"] }, 'the value may be "b" now'],
    ["a value less", { enum: ["a", "b"] }, { enum: ["a"] }, 'the value may be "b" no more'],
    [
      "another constant",
      { const: "a" },
      { const: "b" },
      'the value may be "b" now',
      'the value may be "a" no more',
    ],
    ["text that becomes a choice", text, { ...text, enum: ["a", "b"] }, 'the value may only be "a", "b"'],
    ["a choice that becomes text", { ...text, enum: ["a"] }, text, "the value may be any value"],
    [
      "a bound",
      { type: "integer", minimum: 0 },
      { type: "integer", minimum: 1 },
      "the value has another minimum: 0, now 1",
    ],
    [
      "a bound less",
      { type: "integer", minimum: 0 },
      { type: "integer" },
      "the value has another minimum: 0, now undefined",
    ],
    ["a form", text, { ...text, pattern: "^a" }, 'the value has another pattern: undefined, now "^a"'],
    ["a keyword that it has not been told of", user, { ...user, minProperties: 2 }, /another minProperties/],
    ["fields that are allowed no more", user, { ...user, additionalProperties: false }, /another not/],
    [
      "a field within a list",
      object({ rules: { type: "array", items: user } }),
      object({ rules: { type: "array", items: object({}) } }),
      "rules[].user is gone",
    ],
    [
      "a list of anything that becomes one of text",
      { type: "array" },
      { type: "array", items: text },
      /another items/,
    ],
    [
      "a field within what may be null",
      object({ peer: { anyOf: [user, { type: "null" }] } }),
      object({ peer: { anyOf: [object({}), { type: "null" }] } }),
      "peer.user is gone",
    ],
    [
      "a field within objects under any name",
      { type: "object", additionalProperties: user },
      { type: "object", additionalProperties: object({}) },
      "{}.user is gone",
    ],
    [
      "a named field unlike its unnamed siblings",
      { type: "object", additionalProperties: text },
      { type: "object", additionalProperties: text, properties: { total: { type: "integer" } } },
      "total may be string no more",
      "total may be integer now",
    ],
    [
      "another choice of objects",
      { anyOf: [user, object({ client: text }, ["client"])] },
      { anyOf: [user, object({ client: text })] },
      "the value has other alternatives of type object",
    ],
    [
      "what holds beside a union",
      { anyOf: [text, { type: "null" }], not: { const: "a" } },
      { anyOf: [text, { type: "null" }] },
      /another beside/,
    ],
  ];

describe("under one version", () => {
  it.each(harmless)("%s may change", (_name, before, now) => {
    expect(told(before, now)).toEqual([]);
  });

  it.each(breaking)("%s may not change", (_name, before, now, ...lines) => {
    expect(told(before, now)).toEqual(
      lines.map((line) => (line instanceof RegExp ? expect.stringMatching(line) : line)),
    );
  });
});

describe("a kind of record", () => {
  const before = kind(user);

  it("may change as it likes under a higher version", () => {
    expect(breakingChanges([before], [kind(text, { version: 2 })])).toEqual([]);
  });

  it("may not come back to a lower version", () => {
    expect(breakingChanges([kind(text, { version: 2 })], [before])).toEqual([
      "login.allowed: version 1 comes after 2",
    ]);
  });

  it("may not vanish, nor go to another topic, also under a higher version", () => {
    expect(breakingChanges([before], [])).toEqual(["login.allowed: is published no more"]);
    expect(breakingChanges([before], [kind(user, { version: 2, topic: "unknown" })])).toEqual([
      "login.allowed: goes to unknown, and was published on logins",
    ]);
  });

  it("may be added", () => {
    expect(breakingChanges([before], [before, kind(text, { name: "login.moved" })])).toEqual([]);
  });
});

/** Each way to leave one field out, at any depth. */
function* without(schema: JsonSchema, at = ""): Generator<readonly [at: string, schema: JsonSchema]> {
  for (const [keyword, held] of Object.entries(schema)) {
    if (typeof held !== "object" || held === null) continue;
    for (const [name, inner] of Object.entries(held as JsonSchema)) {
      if (keyword === "properties") {
        const { [name]: _gone, ...rest } = held as JsonSchema;
        const required = (schema.required as string[]).filter((one) => one !== name);
        yield [`${at}.${name}`, { ...schema, properties: rest, required }];
      }
      if (typeof inner !== "object" || inner === null) continue;
      for (const [path, changed] of without(inner as JsonSchema, `${at}.${name}`)) {
        const copy = Array.isArray(held) ? held.with(Number(name), changed) : { ...held, [name]: changed };
        yield [path, { ...schema, [keyword]: copy }];
      }
    }
  }
}

it("of every schema that Sluice publishes, no field at any depth may go unnoticed", () => {
  for (const message of messages) {
    expect(breakingChanges([message], [message])).toEqual([]);
    const fields = [...without(message.schema)];
    expect(fields.length).toBeGreaterThan(5);
    for (const [at, schema] of fields)
      expect(breakingChanges([message], [{ ...message, schema }]), `${message.name}${at}`).not.toEqual([]);
  }
});

it("what is published today holds for those who read by what was published before", () => {
  const published = kindsIn(fileURLToPath(new URL("../../connectors/contract/published/", import.meta.url)));
  expect(published.length).toBeGreaterThanOrEqual(32);
  expect(breakingChanges(published, messages)).toEqual([]);
});
