/** What those who read the topics get from `sluice/events`. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type EventOf,
  type EventRecord,
  type EventType,
  eventSchemas,
  parseEvent,
  type SessionEnded,
  streams,
  topicOf,
  topics,
  unparsedReasons,
} from "../../src/events/index.ts";
import { eventTypes } from "../../src/events/schema.ts";
import { published } from "./published.ts";
import { anyEvent } from "./strict.ts";

const types = Object.keys(eventSchemas) as EventType[];
const events = published();
const started = events.find((json) => json.includes('"sluice.session.started"'))!;
const ended = events.find((json) => json.includes('"sluice.session.ended"'))!;

/** As a newer Sluice might publish it. */
function withMore(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => withMore(item));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([inner, held]) => [inner, withMore(held, inner)]);
  // Their fields are names that the event gives, all of one sort.
  const isTable = name === "topics" || name === "rewrite";
  return { ...Object.fromEntries(fields), ...(!isTable && { added: { later: [1, null] } }) };
}

describe("parseEvent", () => {
  it("is tried on events of every type", () => {
    expect(new Set(events.map((json) => JSON.parse(json).type))).toEqual(
      new Set(types.map((type) => `sluice.${type}`)),
    );
  });

  it("takes an event of every type, in whatever form a client gives its value", () => {
    for (const json of events) {
      const event = JSON.parse(json);
      const bytes = new TextEncoder().encode(json);
      const forms: EventRecord[] = [json, Buffer.from(json), bytes, { value: json }, { value: bytes }];
      for (const form of forms) expect(parseEvent(form), event.type).toEqual({ ok: true, event });
    }
  });

  it("takes fields that it does not know, at every depth, and keeps them", () => {
    for (const json of events) {
      const event = withMore(JSON.parse(json));
      expect(event).toHaveProperty("data.added.later");
      expect(parseEvent(JSON.stringify(event))).toEqual({ ok: true, event });
    }
  });

  const changed = (change: Record<string, unknown>): string =>
    JSON.stringify({ ...JSON.parse(started), ...change });
  const refusedForms: readonly [string, EventRecord, keyof typeof unparsedReasons][] = [
    ["a tombstone", { value: null }, "not_an_event"],
    ["nothing", undefined, "not_an_event"],
    ["an empty value", { value: "" }, "not_json"],
    ["text", "hello", "not_json"],
    ["half an event", started.slice(0, 100), "not_json"],
    ["bytes that are no text", Uint8Array.of(0x22, 0xff, 0x22), "not_json"],
    ["an array", "[]", "not_an_event"],
    ["null", "null", "not_an_event"],
    ["another object", '{"user":"alice"}', "not_an_event"],
    ["another version of CloudEvents", changed({ specversion: "2.0" }), "not_an_event"],
    ["a type of a newer release", changed({ type: "sluice.session.moved" }), "unknown_type"],
    ["a type of somebody else", changed({ type: "com.example.paid" }), "unknown_type"],
    ["a type that every object has", changed({ type: "sluice.constructor" }), "unknown_type"],
    ["a type named __proto__", changed({ type: "sluice.__proto__" }), "unknown_type"],
    ["version 2", changed({ dataschema: "urn:sluice:event:session.started:2" }), "unknown_version"],
    ["version 10", changed({ dataschema: "urn:sluice:event:session.started:10" }), "unknown_version"],
    ["another type's data", changed({ dataschema: "urn:sluice:event:session.ended:1" }), "invalid"],
    ["no dataschema", changed({ dataschema: undefined }), "invalid"],
    ["no data", changed({ data: undefined }), "invalid"],
    ["a wrong field", changed({ time: "yesterday" }), "invalid"],
  ];
  it.each(refusedForms)("says of %s what it is", (_name, form, reason) => {
    expect(parseEvent(form)).toMatchObject({ ok: false, reason });
  });

  it("names the wrong fields and the type, and nothing that they hold", () => {
    const event = JSON.parse(started);
    const secret = "s3cret-s3cret";
    const wrong = { ...event, id: secret, data: { ...event.data, protocol: secret, node: { secret } } };
    const parsed = parseEvent(JSON.stringify(wrong));
    expect(parsed).toMatchObject({ ok: false, reason: "invalid", type: "sluice.session.started" });
    expect(parsed).toHaveProperty(
      "problem",
      expect.stringMatching(/^id: .+; data\.protocol: .+; data\.node: /),
    );
    expect(JSON.stringify(parsed)).not.toContain(secret);
    expect(JSON.stringify(parseEvent(`{"token": ${secret}}`))).not.toContain(secret);
  });

  /** Never throws, and says no more than fits a line. */
  function parsesOrSays(form: unknown): void {
    const parsed = parseEvent(form as EventRecord);
    if (parsed.ok) return;
    expect(parsed.problem).toMatch(/^[ -~]{1,300}$/);
    expect(parsed.type ?? "x").toMatch(/^[ -~]{0,100}$/);
    expect(Object.keys(unparsedReasons)).toContain(parsed.reason);
  }

  it("never throws at rubbish", () => {
    fc.assert(fc.property(fc.anything({ withNullPrototype: true, withTypedArray: true }), parsesOrSays));
    fc.assert(fc.property(fc.json(), parsesOrSays));
    fc.assert(fc.property(fc.uint8Array(), parsesOrSays));
    fc.assert(fc.property(fc.record({ value: fc.anything() }), parsesOrSays));
    const throwing = Object.defineProperty({}, "value", {
      get() {
        throw new Error("no");
      },
    });
    parsesOrSays(throwing);
  });

  it("never throws at an event with something wrong anywhere in it", () => {
    const paths = (value: unknown, path: readonly string[] = []): string[][] =>
      typeof value !== "object" || value === null
        ? [[...path]]
        : [[...path], ...Object.entries(value).flatMap(([name, held]) => paths(held, [...path, name]))];
    const places = events.flatMap((json) => paths(JSON.parse(json)).map((path) => ({ json, path })));
    const property = fc.property(fc.constantFrom(...places), fc.jsonValue(), ({ json, path }, wrong) => {
      const event = JSON.parse(json);
      const last = path.at(-1);
      const holder = path.slice(0, -1).reduce((held, name) => held[name], event);
      if (last !== undefined) holder[last] = wrong;
      parsesOrSays(JSON.stringify(last === undefined ? wrong : event));
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it("stands what is huge, deep, or named to confuse", () => {
    const event = JSON.parse(started);
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    parsesOrSays(deep);
    const content = `"content":{"deep":${deep}}`;
    expect(parseEvent(started.replace(/"content":\{.*?\}/, content))).toMatchObject({ ok: true });
    parsesOrSays("x".repeat(20_000_000));
    const checks = Array.from({ length: 20_000 }, () => ({}));
    parsesOrSays(JSON.stringify({ ...event, data: { ...event.data, decision: { checks } } }));
    parsesOrSays(JSON.stringify({ ...event, type: "\u001b[2J".repeat(1_000) }));
    parsesOrSays(JSON.stringify({ ...event, data: { ...event.data, rewrite: { "\u001b[2J": 1 } } }));
    const polluting = started.replace('"data":{', '"data":{"__proto__":{"polluted":true},');
    expect(parseEvent(polluting)).toMatchObject({ ok: true });
    expect({}).not.toHaveProperty("polluted");
  });

  it("never throws where no code may be generated, and zod checks in another way", () => {
    const event = JSON.parse(started);
    const checks = Array.from({ length: 60_000 }, () => ({}));
    const wrong = JSON.stringify({ ...event, data: { ...event.data, decision: { checks } } });
    const program = `import { text } from "node:stream/consumers";
      import { parseEvent } from ${JSON.stringify(new URL("../../src/events/index.ts", import.meta.url))};
      console.log(parseEvent(await text(process.stdin)).reason);`;
    const args = ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", program];
    const { stdout, stderr } = spawnSync(process.execPath, args, { input: wrong, encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: "invalid\n", stderr: "" });
  });

  it("gives events that TypeScript can tell apart by their type", () => {
    const parsed = parseEvent(ended);
    if (!parsed.ok || parsed.event.type !== "sluice.session.ended") throw new Error("not an end");
    expectTypeOf(parsed.event).toEqualTypeOf<EventOf<"session.ended">>();
    expectTypeOf(parsed.event.data).toEqualTypeOf<SessionEnded>();
    expectTypeOf(parsed.event.data.durationMs).toEqualTypeOf<number | null>();
    expectTypeOf(parsed.event.supersedes).toEqualTypeOf<string | undefined>();
    expect(parsed.event.data.end.reason).toBe("closed");
    expectTypeOf<EventOf<"session.started" | "session.ended">["type"]>().toEqualTypeOf<
      "sluice.session.started" | "sluice.session.ended"
    >();
  });
});

it("a field more than the schemas name, at any depth, is nothing that Sluice itself may publish", () => {
  /** Paths of the objects whose fields the schemas name. */
  const places = (value: unknown, path: readonly string[] = []): string[][] => {
    const name = path.at(-1) ?? "";
    const isFree = ["content", "before", "after"].includes(name);
    if (typeof value !== "object" || value === null || isFree) return [];
    const within = Object.entries(value).flatMap(([inner, held]) => places(held, [...path, inner]));
    return Array.isArray(value) || ["topics", "rewrite"].includes(name) ? within : [[...path], ...within];
  };
  for (const json of events) {
    expect(anyEvent.safeParse(JSON.parse(json)).success).toBe(true);
    for (const place of places(JSON.parse(json))) {
      const event = JSON.parse(json);
      place.reduce((held, name) => held[name], event).added = 1;
      expect(anyEvent.safeParse(event).success, `${event.type} ${place.join(".")}`).toBe(false);
    }
  }
});

describe("topics", () => {
  it("of a type is that of its stream, under the bridge's prefix", () => {
    for (const type of types) expect(topicOf(type)).toBe(`sluice.${eventTypes[type].stream}`);
    expect(topicOf("session.ended", "prod.")).toBe("prod.user-sessions");
    expect(Object.keys(topics())).toEqual(Object.keys(streams));
  });
});
