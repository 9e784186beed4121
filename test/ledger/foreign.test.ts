import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digits, judged, streamOf, TopicLog } from "./topic-log.ts";

const whole = JSON.parse(new TopicLog().write("logins").value) as Record<string, unknown>;
const eventWith = (fields: object): string => JSON.stringify({ ...whole, epoch: "e-1", ...fields });

describe("a record that is no event of Sluice", () => {
  it.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["null", "null"],
    ["an array", "[]"],
    ["a number", "1"],
    ["no id", eventWith({ id: undefined })],
    ["no instance", eventWith({ instance: undefined })],
    ["an empty instance", eventWith({ instance: "" })],
    ["no epoch", eventWith({ epoch: null })],
    ["no sequence", eventWith({ sequence: undefined })],
    ["a sequence that is a number", eventWith({ sequence: 1 })],
    ["the sequence 0", eventWith({ sequence: digits(0) })],
    [
      "a sequence that is not exact",
      eventWith({ sequence: "9999999999999999", journalseq: "9999999999999999" }),
    ],
    ["a sequence above its journalseq", eventWith({ sequence: digits(2), journalseq: digits(1) })],
    ["a sequence with a sign", eventWith({ sequence: "-000000000000001" })],
  ])("with %s is counted and passed over", (_, value) => {
    expect(judged([{ topic: "logins", partition: 0, value }])).toMatchObject({
      ok: true,
      records: 1,
      foreign: 1,
      streams: [],
    });
  });

  it("among dead letters is passed over too", () => {
    const values = [
      "{",
      "{}",
      JSON.stringify({ instance: "i-1", data: { topic: "t", epoch: "e", sequence: 0 } }),
    ];
    const records = values.map((value) => ({ topic: "dead", partition: 0, value }));
    expect(judged(records, { deadLettersTopic: "dead" })).toMatchObject({ foreign: 3, deadLetters: 0 });
  });

  it("is read though its attributes come behind its data", () => {
    const { data, ...attributes } = JSON.parse(eventWith({})) as Record<string, unknown>;
    const value = JSON.stringify({ specversion: "1.0", data, ...attributes });
    expect(judged([{ topic: "logins", partition: 0, value }])).toMatchObject({ foreign: 0, ok: true });
  });
});

describe("a ledger", () => {
  const field = fc.oneof(
    fc.constantFrom("", "x", digits(1), digits(7), digits(2 ** 53 - 1), "9".repeat(16), "__proto__"),
    fc.anything(),
  );
  const span = fc.record({ first: field, last: field });
  const data = fc.record({
    epoch: field,
    cause: field,
    previous: fc.oneof(field, fc.record({ epoch: field, topics: fc.dictionary(fc.string(), span) })),
    journalseq: fc.oneof(field, span),
    topics: fc.oneof(field, fc.dictionary(fc.string(), fc.oneof(span, field))),
    topic: field,
    sequence: field,
    count: field,
  });
  const event = fc.record({
    id: fc.oneof(fc.constant("id"), field),
    type: fc.constantFrom(
      "sluice.bridge.started",
      "sluice.bridge.stopped",
      "sluice.bridge.progress",
      "sluice.bridge.gap",
      "x",
    ),
    instance: fc.oneof(fc.constant("i-1"), field),
    epoch: fc.oneof(fc.constant("e-1"), field),
    sequence: field,
    journalseq: fc.oneof(fc.constant(digits(2 ** 53 - 1)), field),
    time: field,
    data: fc.oneof(data, field),
  });
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    event.map((fields) =>
      JSON.stringify(fields, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)),
    ),
  );

  it("throws at no record, nor at what many say together", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("logins", "bridge", "dead"), fc.nat(3), value)),
        (given) => {
          const records = given.map(([topic, partition, text]) => ({ topic, partition, value: text }));
          const ranges = [{ topic: "logins", partition: 0, low: 3n, high: 9n }];
          const report = judged(records, { deadLettersTopic: "dead", ranges });
          expect(report.records).toBe(records.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("takes no time or room for the numbers below an enormous one", () => {
    const highest = 2 ** 53 - 1;
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 3);
    const topics = { logins: { first: 1, last: highest } };
    log.progress(topics);
    const far = {
      topic: "logins",
      partition: 0,
      value: eventWith({ sequence: digits(highest - 1), journalseq: digits(highest) }),
    };
    const beforeMs = performance.now();
    const stream = streamOf(judged([...log.records, far]), "logins", "e-1");
    expect(stream.counts.unannounced).toBe(highest - 4);
    expect(stream.unannounced.map(({ first, last }) => [first, last])).toEqual([
      [4, highest - 2],
      [highest, highest],
    ]);
    expect(performance.now() - beforeMs).toBeLessThan(1_000);
  });

  it("lists the first thousand spans where there are more, and counts all", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 5_000);
    log.progress();
    const left = log.records.filter(({ topic, sequence }) => topic !== "logins" || sequence % 2 === 1);
    const stream = streamOf(judged(left), "logins", "e-1");
    expect(stream.unannounced).toHaveLength(1_000);
    expect(stream).toMatchObject({ missing: 2_500, counts: { unannounced: 2_500 } });
  });
});
