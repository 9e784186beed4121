import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Numbers } from "../../src/ledger/numbers.ts";
import { without } from "../../src/ledger/span.ts";
import { judged, numbersOf, streamOf, TopicLog, type Written } from "./topic-log.ts";

const topics = ["logins", "proxies"];
const partitions = 3;

interface Told {
  readonly log: TopicLog;
  /** Per epoch and topic the number up to which all must be there. */
  readonly due: ReadonlyMap<string, number>;
}

const nameOf = ({ epoch, topic }: { readonly epoch: string; readonly topic: string }): string =>
  `${epoch} ${topic}`;

/** Epochs of events here and there; the last one tells at some moment how far all is confirmed. */
const told: fc.Arbitrary<Told> = fc
  .record({
    epochs: fc.array(
      fc.array(fc.record({ topic: fc.constantFrom(...topics), partition: fc.nat(partitions - 1) }), {
        maxLength: 60,
      }),
      { minLength: 1, maxLength: 4 },
    ),
    /** How much of the last epoch is confirmed; below 0 not even its beginning is. */
    confirmed: fc.integer({ min: -20, max: 60 }),
  })
  .map(({ epochs, confirmed }) => {
    const log = new TopicLog();
    const starts: number[] = [];
    let said = {};
    for (const [at, events] of epochs.entries()) {
      starts.push(log.start(`e-${at}`).journalseq);
      for (const [n, { topic, partition }] of events.entries()) {
        log.write(topic, { partition });
        if (at === epochs.length - 1 && n < confirmed) said = log.given;
      }
    }
    const upTo = starts.at(-1)! + Math.min(confirmed, epochs.at(-1)!.length);
    const { bridge: _, ...own } = said as Record<string, { first: number; last: number }>;
    const due = new Map(
      Object.entries(own).map(([topic, { last }]) => [`e-${epochs.length - 1} ${topic}`, last]),
    );
    for (const record of log.records) {
      const at = Number(record.epoch.slice(2));
      const whole = starts.some((start, epoch) => epoch > at && start <= upTo);
      if (whole) due.set(nameOf(record), Math.max(due.get(nameOf(record)) ?? 0, record.sequence));
    }
    log.progress(own, upTo);
    return { log, due };
  });

/** Partitions in an order that chance gives, each in its own. */
function interleaved(records: readonly Written[], order: readonly number[]): Written[] {
  const queues = [...Map.groupBy(records, ({ topic, partition }) => `${topic} ${partition}`).values()].map(
    (queue) => [...queue],
  );
  const mixed: Written[] = [];
  for (let at = 0; queues.length > 0; at++) {
    const index = (order[at % Math.max(1, order.length)] ?? 0) % queues.length;
    mixed.push(queues[index]!.shift()!);
    if (queues[index]!.length === 0) queues.splice(index, 1);
  }
  return mixed;
}

const order = fc.array(fc.nat(100), { minLength: 1, maxLength: 50 });
const someOf = (records: readonly Written[], marks: readonly boolean[]): Written[] =>
  records.filter((record, at) => record.topic !== "bridge" && marks[at % marks.length]);
const marks = fc.array(fc.boolean(), { minLength: 1, maxLength: 80 });
const isOp = ({ topic }: Written): boolean => topic !== "bridge";

describe("for any log", () => {
  it("unannounced is what was left out and is due, pending what is not due, and nothing else", () => {
    fc.assert(
      fc.property(told, marks, order, ({ log, due }, left, mix) => {
        const dropped = new Set(someOf(log.records, left));
        const report = judged(
          interleaved(
            log.records.filter((record) => !dropped.has(record)),
            mix,
          ),
        );
        for (const [name, all] of Map.groupBy(log.records.filter(isOp), nameOf)) {
          const gone = all.filter((record) => dropped.has(record)).map(({ sequence }) => sequence);
          const stream = report.streams.find((one) => nameOf(one) === name);
          const lost = gone.filter((number) => number <= (due.get(name) ?? 0));
          expect(numbersOf(stream?.unannounced ?? [])).toEqual(lost);
          expect(stream?.missing ?? 0).toBe(lost.length);
          expect(stream?.distinct ?? 0).toBe(all.length - gone.length);
          // Numbers above the last seen one are unknown, unless the bridge names them.
          const highest = Math.max(
            due.get(name) ?? 0,
            ...all.filter((r) => !dropped.has(r)).map((r) => r.sequence),
          );
          const atLeast = gone.filter((number) => number <= highest).length - lost.length;
          expect(stream?.pending ?? 0).toBeGreaterThanOrEqual(atLeast);
          expect(stream?.pending ?? 0).toBeLessThanOrEqual(gone.length - lost.length);
        }
      }),
    );
  });

  it("the verdict is the same however partitions interleave", () => {
    fc.assert(
      fc.property(told, marks, order, order, ({ log }, left, mix, otherMix) => {
        const dropped = new Set(someOf(log.records, left));
        const kept = log.records.filter((record) => !dropped.has(record));
        expect(judged(interleaved(kept, mix))).toEqual(judged(interleaved(kept, otherMix)));
      }),
    );
  });

  it("what is sent again from any point on is only counted as repeated", () => {
    fc.assert(
      fc.property(told, marks, fc.nat(200), order, ({ log }, left, from, mix) => {
        const dropped = new Set(someOf(log.records, left));
        const kept = log.records.filter((record) => !dropped.has(record));
        const again = kept.slice(from);
        const [once, twice] = [judged(interleaved(kept, mix)), judged(interleaved([...kept, ...again], mix))];
        expect(twice.streams.reduce((sum, { repeated }) => sum + repeated, 0)).toBe(again.length);
        const without = (report: typeof once) =>
          report.streams.map((stream) => ({ ...stream, repeated: 0, records: 0 }));
        expect(without(twice)).toEqual(without(once));
      }),
    );
  });

  it("every lost number that a gap or a dead letter names is announced", () => {
    fc.assert(
      fc.property(told, marks, marks, order, ({ log }, left, letters, mix) => {
        const dropped = someOf(log.records, left);
        const buried = new Set(someOf(dropped, letters));
        for (const { epoch, topic, sequence, journalseq } of dropped.filter(
          (record) => !buried.has(record),
        )) {
          log.bridge("gap", {
            epoch,
            cause: "journal_io",
            journalseq: { first: journalseq, last: journalseq },
            topics: { [topic]: { first: sequence, last: sequence } },
            count: 1,
          });
        }
        const gone = new Set(dropped);
        const kept = interleaved(
          log.records.filter((record) => !gone.has(record)),
          mix,
        );
        const dead = [...buried].map(({ epoch, topic, sequence }) => ({
          topic: "dead",
          partition: 0,
          value: JSON.stringify({ instance: log.instance, data: { epoch, topic, sequence } }),
        }));
        const report = judged([...kept, ...dead], { deadLettersTopic: "dead" });
        expect(report.ok).toBe(true);
        expect(report.streams.reduce((sum, { counts }) => sum + counts.announced, 0)).toBe(dropped.length);
        expect(report.streams.reduce((sum, { pending }) => sum + pending, 0)).toBe(0);
      }),
    );
  });

  it("what a broker removed for its age is never called unannounced, whether the retention is known or not", () => {
    fc.assert(
      fc.property(
        told,
        fc.array(fc.nat(80), { minLength: 6, maxLength: 6 }),
        fc.boolean(),
        order,
        ({ log }, cuts, known, mix) => {
          const { kept, ranges, youngMs } = expire(log.records, cuts);
          const expiredBeforeMs = () => (known ? youngMs : Number.POSITIVE_INFINITY);
          const report = judged(interleaved(kept, mix), { ranges, expiredBeforeMs });
          expect(report.streams.flatMap(({ unannounced }) => unannounced)).toEqual([]);
          expect(report.ok).toBe(true);
        },
      ),
    );
  });

  it("a due number that is younger than the retention is found, though older ones have expired", () => {
    fc.assert(
      fc.property(
        told,
        fc.array(fc.nat(4), { minLength: 6, maxLength: 6 }),
        fc.nat(500),
        order,
        ({ log, due }, cuts, pick, mix) => {
          const { kept, ranges, youngMs } = expire(log.records, cuts);
          const started = new Map(
            kept
              .filter(({ topic }) => topic === "bridge")
              .map(({ epoch, ms }) => [epoch, ms] as const)
              .reverse(),
          );
          /** What shows that it is young: another of its stream below it, the start of its epoch, or what is older. */
          const isShownYoung = (record: Written): boolean =>
            started.get(record.epoch)! >= youngMs ||
            kept.some(
              (r) => nameOf(r) === nameOf(record) && r.sequence < record.sequence && r.ms >= youngMs,
            ) ||
            ranges
              .filter(({ topic, low }) => topic === record.topic && low > 0n)
              .every(({ topic, partition }) => {
                const oldest = kept.find((r) => r.topic === topic && r.partition === partition);
                return oldest !== undefined && oldest.epoch < record.epoch;
              });
          const candidates = kept.filter(
            (record) =>
              isOp(record) && record.sequence <= (due.get(nameOf(record)) ?? 0) && isShownYoung(record),
          );
          fc.pre(candidates.length > 0);
          const lost = candidates[pick % candidates.length]!;
          const report = judged(
            interleaved(
              kept.filter((record) => record !== lost),
              mix,
            ),
            {
              ranges,
              expiredBeforeMs: () => youngMs,
            },
          );
          expect(numbersOf(streamOf(report, lost.topic, lost.epoch).unannounced)).toEqual([lost.sequence]);
        },
      ),
    );
  });
});

/** Takes the oldest records of some partitions; returns also from which time on none was taken. */
function expire(records: readonly Written[], cuts: readonly number[]) {
  const groups = [
    ...Map.groupBy(records.filter(isOp), ({ topic, partition }) => `${topic} ${partition}`).values(),
  ];
  const gone = new Set(groups.flatMap((group, at) => group.slice(0, cuts[at % cuts.length])));
  const ranges = groups.map((group, at) => {
    const { topic, partition } = group[0]!;
    const low = Math.min(group.length, cuts[at % cuts.length]!);
    return { topic, partition, low: BigInt(low), high: BigInt(group.length) };
  });
  const youngMs = Math.max(0, ...[...gone].map(({ ms }) => ms + 1));
  return { kept: records.filter((record) => !gone.has(record)), ranges, youngMs };
}

describe("numbers", () => {
  const number = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 5_000 }));

  it("are remembered like in a set, and their holes lie between marks that are right", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, fc.constantFrom("a", "b")), { maxLength: 300 }),
        number,
        (given, last) => {
          const numbers = new Numbers();
          const model = new Map<number, string>();
          for (const [n, id] of given) {
            const before = model.get(n);
            const expected = before === undefined ? "new" : before === id ? "same" : "other";
            expect(numbers.add(n, id, n * 10, n * 1000)).toBe(expected);
            if (before === undefined) model.set(n, id);
          }
          const seen = [...model.keys()].sort((a, b) => a - b);
          expect(numbers.distinct).toBe(seen.length);
          expect(numbers.lowest?.number).toBe(seen[0]);
          expect(numbers.highest?.number).toBe(seen.at(-1));
          const holes = [...numbers.holes(last)];
          const missing = Array.from({ length: last }, (_, at) => at + 1).filter((n) => !model.has(n));
          expect(numbersOf(holes)).toEqual(missing);
          for (const hole of holes) {
            const { below, above } = numbers.around(hole);
            expect(below === null).toBe(hole.first === 1);
            expect(above === null).toBe(!model.has(hole.last + 1));
            for (const mark of [below, above].filter((one) => one !== null)) {
              expect(model.has(mark.number)).toBe(true);
              expect([mark.journalseq, mark.ms]).toEqual([mark.number * 10, mark.number * 1000]);
            }
            expect(below?.number ?? 0).toBeLessThan(hole.first);
            expect(below?.number ?? hole.first).toBeGreaterThan(hole.first - 65);
            expect(above?.number ?? Number.POSITIVE_INFINITY).toBeGreaterThan(hole.last);
          }
        },
      ),
    );
  });

  it("of a span without others are those in none of them", () => {
    const span = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(20)).map(([first, more]) => ({
      first,
      last: first + more,
    }));
    fc.assert(
      fc.property(span, fc.array(span, { maxLength: 6 }), (whole, others) => {
        const sorted = others.toSorted((a, b) => a.first - b.first);
        const inside: { first: number; last: number }[] = [];
        const left = without(whole, sorted, (part) => inside.push(part));
        const taken = new Set(numbersOf(others));
        expect(numbersOf(left)).toEqual(numbersOf([whole]).filter((n) => !taken.has(n)));
        expect(numbersOf(inside)).toEqual(numbersOf([whole]).filter((n) => taken.has(n)));
      }),
    );
  });
});
