import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { isWhole, replayJson, replayText } from "../../src/cli/replay-report.ts";
import { SluiceError } from "../../src/errors.ts";
import type { Stream } from "../../src/events/streams.ts";
import type { DeadLetter } from "../../src/forwarder/dead-letters.ts";
import { defaultLimits } from "../../src/forwarder/limits.ts";
import { type Cursor, cursorPath, saveCursor } from "../../src/journal/cursor.ts";
import { partitionOf } from "../../src/kafka/partitioner.ts";
import type { Span } from "../../src/ledger/span.ts";
import { type Choice, confirmedBy, topicsFor } from "../../src/replay/choice.ts";
import { type Plan, planOf } from "../../src/replay/plan.ts";
import { type Replayed, replay } from "../../src/replay/replay.ts";
import { FakeClock } from "../fake-clock.ts";
import { MemoryBroker } from "../forwarder/memory-broker.ts";
import { eventText } from "../forwarder/memory-journal.ts";
import { firstAppearances, twoProjections } from "../forwarder/rig.ts";
import {
  instance,
  KiB,
  makeDir,
  openJournal,
  range,
  readAll,
  recordsOf,
  segmentsIn,
} from "../journal/harness.ts";

const all: Choice = { streams: null, projections: [], epoch: null, sinceMs: null };
const keys = ["alice", "bob", "carol", "dave", "erin"];
const partitions = 3;
const mostMs = 20_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const away = () => new SluiceError("kafka_unavailable", "away", { retryable: true });

/** A journal of `count` records, every third a proxy's, in segments of about ten; Kafka has confirmed `cursor`. */
async function journalOf(count: number, cursor: Partial<Cursor>, dir = makeDir()): Promise<string> {
  const { journal } = await openJournal(dir, { segmentBytes: 6 * KiB });
  for (let n = 0; n < count; n++) {
    const stream: Stream = n % 3 === 2 ? "proxies" : "logins";
    const key = keys[n % keys.length]!;
    await journal.append(stream, key, ({ journalseq, sequence }) =>
      eventText(stream, key, journalseq, sequence, journal.epoch, 100),
    );
  }
  await journal.close(1_000);
  await saveCursor(dir, { instance, journalseq: count, ahead: {}, ...cursor });
  return dir;
}

/** A replay of a journal on disk to a broker in memory, in a time that the test moves. */
class Bench {
  readonly broker = new MemoryBroker();
  readonly ending = new AbortController();
  readonly gone: Span[] = [];
  readonly troubles: (string | null)[] = [];
  readonly letters: DeadLetter[] = [];
  readonly progress: number[] = [];
  readonly #clock = new FakeClock();
  readonly #dir: string;
  readonly #cursor: Cursor;

  constructor(dir: string) {
    this.#dir = dir;
    this.#cursor = { instance, ...JSON.parse(fs.readFileSync(cursorPath(dir), "utf8")) };
    for (const topic of ["t.logins", "t.proxies"]) this.broker.createTopic(topic, partitions);
    this.broker.createTopic("t.dead-letters", 1);
  }

  plan(choice: Choice = all): Promise<Plan> {
    const confirmed = confirmedBy(this.#cursor, { topicPrefix: "t." }, partitionOf);
    const signal = this.ending.signal;
    return planOf({ dataDir: this.#dir, topicPrefix: "t.", choice, confirmed, signal });
  }

  /** @param meanwhile called before each little step in time */
  async replay(plan: Plan, choice: Choice = all, meanwhile = (): void => {}): Promise<Replayed> {
    const confirmed = confirmedBy(this.#cursor, { topicPrefix: "t." }, partitionOf);
    let ended = false;
    const replaying = replay({
      plan: { ...plan, span: plan.span! },
      topicsFor: (record) => topicsFor(record, choice, confirmed),
      projections: choice.projections,
      dataDir: this.#dir,
      instance,
      topicPrefix: "t.",
      deadLettersFile: `${this.#dir}/dead-letters.jsonl`,
      broker: this.broker,
      partitionOf,
      limits: { ...defaultLimits, chunkBytes: 2 * KiB, laneBytes: 8 * KiB, batchRecords: 10 },
      clock: this.#clock,
      random: () => 0.5,
      log: silent,
      signal: this.ending.signal,
      onTrouble: ({ code }) => void this.troubles.push(code),
      onDeadLetter: (letter) => void this.letters.push(letter),
      onTopicMissing: () => {},
      onGone: (span) => void this.gone.push(span),
      onProgress: (records) => void this.progress.push(records),
    }).finally(() => {
      ended = true;
    });
    // The disk is a real one, and takes as long as it takes.
    for (const lateMs = performance.now() + mostMs; !ended && performance.now() < lateMs; ) {
      meanwhile();
      await new Promise((resolve) => setImmediate(resolve));
      this.#clock.advance(50);
    }
    if (!ended) throw new Error("the replay did not end");
    return replaying;
  }

  /** Ids in the order of each partition. */
  ids(topic: string): string[][] {
    return this.broker.topics
      .get(topic)!
      .map((stored) => stored.map(({ value }) => JSON.parse(value).id as string));
  }
}

const only = (stream: Stream): Choice => ({ ...all, streams: new Set([stream]) });

describe("a replay", () => {
  it("sends only the topic that was asked for, in order for each key, as it was", async () => {
    const dir = await journalOf(100, {});
    const bench = new Bench(dir);
    const plan = await bench.plan(only("logins"));
    const { interrupted, topics } = await bench.replay(plan, only("logins"));
    const records = recordsOf(await readAll(dir)).filter(({ stream }) => stream === "logins");
    expect(records).toHaveLength(67);
    expect(topics.get("t.logins")).toEqual({ sent: 67, confirmed: 67, wentAway: false, deadLetters: 0 });
    expect(interrupted).toBe(false);
    for (const [partition, stored] of bench.broker.topics.get("t.logins")!.entries()) {
      const expected = records.filter(({ key }) => partitionOf(key, partitions) === partition);
      expect(stored.map(({ key, value }) => ({ key, value }))).toEqual(
        expected.map(({ key, event }) => ({ key, value: event })),
      );
    }
    expect(bench.broker.stored("t.proxies")).toEqual([]);
    expect(bench.progress.at(-1)).toBe(67);
  });

  it("writes nothing in the data directory", async () => {
    const dir = await journalOf(60, { journalseq: 40 });
    const contents = () =>
      fs
        .readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => [name, fs.readFileSync(`${parentPath}/${name}`, "latin1")]);
    const before = contents();
    const bench = new Bench(dir);
    await bench.replay(await bench.plan());
    expect(bench.broker.storedCount).toBe(40);
    expect(contents()).toEqual(before);
  });

  it("ends at the cursor, what a partition had got beyond it included", async () => {
    const held = partitionOf("alice", partitions);
    const through = { [held]: 80 };
    const dir = await journalOf(100, { journalseq: 50, ahead: { "t.logins": { partitions, through } } });
    const bench = new Bench(dir);
    const { interrupted } = await bench.replay(await bench.plan());
    expect(interrupted).toBe(false);
    const expected = recordsOf(await readAll(dir)).filter(
      ({ journalseq, key, stream }) =>
        journalseq <= 50 ||
        (journalseq <= 80 && stream === "logins" && partitionOf(key, partitions) === held),
    );
    expect(expected.length).toBeGreaterThan(55);
    const sent = ["t.logins", "t.proxies"].flatMap((topic) => bench.ids(topic).flat());
    expect(sent.sort()).toEqual(expected.map(({ journalseq }) => `e-${journalseq}`).sort());
  });

  it("makes projections anew, up to where each has got", async () => {
    const held = partitionOf("alice", partitions);
    const ahead = { "t.all": { partitions, through: { [held]: 90 } } };
    const dir = await journalOf(100, { journalseq: 50, ahead });
    const bench = new Bench(dir);
    for (const topic of ["t.all", "t.some"]) bench.broker.createTopic(topic, partitions);
    const choice = { ...all, streams: new Set<Stream>(), projections: twoProjections };
    const plan = await bench.plan(choice);
    const { topics } = await bench.replay(plan, choice);
    const expected = recordsOf(await readAll(dir)).filter(
      ({ journalseq, key }) =>
        journalseq <= 50 || (journalseq <= 90 && partitionOf(key, partitions) === held),
    );
    expect(expected.length).toBeGreaterThan(55);
    expect(
      bench.broker
        .stored("t.all")
        .map(({ headers }) => headers.ce_id)
        .sort(),
    ).toEqual(expected.map(({ journalseq }) => `e-${journalseq}`).sort());
    expect([...topics.keys()]).toEqual(["t.all"]);
    expect(bench.broker.storedCount).toBe(expected.length);
    bench.broker.closed = false;
    await bench.replay(await bench.plan({ ...all, projections: twoProjections }), {
      ...all,
      projections: twoProjections,
    });
    expect(bench.broker.stored("t.logins").length + bench.broker.stored("t.proxies").length).toBe(50);
    expect(bench.broker.stored("t.all")).toHaveLength(2 * expected.length);
  });

  it("takes what one start wrote, or what is not older than a time", async () => {
    const dir = await journalOf(30, {});
    await journalOf(30, { journalseq: 60 }, dir);
    const [first, second] = [...new Set(recordsOf(await readAll(dir)).map(({ epoch }) => epoch))];
    const bench = new Bench(dir);
    const ofSecond = { ...all, epoch: second! };
    await bench.replay(await bench.plan(ofSecond), ofSecond);
    expect(bench.broker.stored("t.logins").map(({ headers }) => headers.ce_epoch)).toEqual(
      Array.from({ length: 20 }, () => second),
    );
    expect((await bench.plan({ ...all, epoch: first! })).records).toBe(30);
    const at = Date.parse("2026-01-01T00:00:00.000Z");
    expect((await bench.plan({ ...all, sinceMs: at })).records).toBe(60);
    expect((await bench.plan({ ...all, sinceMs: at + 1 })).records).toBe(0);
  });

  it("says per topic and start which numbers it sends, and which the journal has let go", async () => {
    const dir = await journalOf(60, {});
    const bench = new Bench(dir);
    const before = await bench.plan();
    expect(before.topics.map(({ topic, records }) => [topic, records])).toEqual([
      ["t.logins", 40],
      ["t.proxies", 20],
    ]);
    expect(before.topics[0]!.epochs).toMatchObject([{ numbers: { first: 1, last: 40 }, notKept: null }]);
    fs.rmSync(segmentsIn(dir)[0]!);
    const kept = recordsOf(await readAll(dir));
    const firstOf = (stream: Stream) => kept.find((record) => record.stream === stream)!.sequence;
    const plan = await bench.plan();
    expect(plan.keptFrom).toBe(kept[0]!.journalseq);
    expect(plan.keptFrom).toBeGreaterThan(5);
    expect(plan.topics.map(({ epochs }) => epochs.map(({ numbers, notKept }) => [numbers, notKept]))).toEqual(
      [
        [
          [
            { first: firstOf("logins"), last: 40 },
            { first: 1, last: firstOf("logins") - 1 },
          ],
        ],
        [
          [
            { first: firstOf("proxies"), last: 20 },
            { first: 1, last: firstOf("proxies") - 1 },
          ],
        ],
      ],
    );
    expect(plan.bytes).toBe(kept.reduce((sum, { event }) => sum + event.length, 0));
  });

  it("goes on over a damaged record, and says which it was", async () => {
    const dir = await journalOf(60, {});
    const [, segment] = segmentsIn(dir);
    const lines = fs.readFileSync(segment!, "latin1").split("\n");
    const seq = Number(/"journalseq":"(\d+)"/.exec(lines[3]!)![1]);
    lines[3] = lines[3]!.replace("specversion", "specversIon");
    fs.writeFileSync(segment!, lines.join("\n"), "latin1");
    const bench = new Bench(dir);
    const plan = await bench.plan();
    expect(plan.damaged).toEqual([{ first: seq, last: seq }]);
    const { interrupted } = await bench.replay(plan);
    expect(interrupted).toBe(false);
    expect(bench.broker.storedCount).toBe(59);
    expect(bench.gone).toEqual([]);
  });

  it("says of a damaged end which numbers are missing", async () => {
    const dir = await journalOf(60, {});
    const last = segmentsIn(dir).at(-1)!;
    const lines = fs.readFileSync(last, "latin1").split("\n");
    lines[lines.length - 2] = lines.at(-2)!.replace("specversion", "specversIon");
    fs.writeFileSync(last, lines.join("\n"), "latin1");
    const bench = new Bench(dir);
    expect(await bench.plan()).toMatchObject({ records: 59, damaged: [{ first: 60, last: 60 }] });
  });

  it("ends when the journal lets go of what it was about to read, and says what that was", async () => {
    const dir = await journalOf(100, {});
    const bench = new Bench(dir);
    const plan = await bench.plan();
    const segments = segmentsIn(dir);
    expect(segments.length).toBeGreaterThan(5);
    let attempts = 0;
    // It takes nothing for so long that all lanes are stuck, and what lies behind must be read again.
    bench.broker.fate = () => {
      attempts += 1;
      if (attempts === 60) for (const segment of segments.slice(0, -1)) fs.rmSync(segment);
      return attempts <= 60 ? { kind: "fail", error: away() } : { kind: "ok" };
    };
    const { interrupted, topics } = await bench.replay(plan);
    expect(interrupted).toBe(false);
    const lost = bench.gone.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(100);
    let confirmed = 0;
    for (const topic of topics.values()) confirmed += topic.confirmed;
    expect(confirmed).toBeGreaterThan(0);
    expect(confirmed).toBeLessThan(100);
    for (const ids of [...bench.ids("t.logins"), ...bench.ids("t.proxies")]) {
      const numbers = ids.map((id) => Number(id.slice(2)));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it("ends too when the journal lets go of all that is left", async () => {
    const dir = await journalOf(100, {});
    const bench = new Bench(dir);
    const plan = await bench.plan();
    for (const segment of segmentsIn(dir)) fs.rmSync(segment);
    const { topics } = await bench.replay(plan);
    expect([...topics.values()].map(({ confirmed }) => confirmed)).toEqual([0, 0]);
    expect(bench.gone).toEqual([{ first: 1, last: 100 }]);
  });

  it("tries until Kafka takes it, in order by first appearance", async () => {
    const bench = new Bench(await journalOf(100, {}));
    let failures = 0;
    bench.broker.fate = () =>
      failures++ < 40 ? { kind: "fail", error: away(), stored: failures % 2 === 0 } : { kind: "ok" };
    const { interrupted, topics } = await bench.replay(await bench.plan());
    expect(interrupted).toBe(false);
    expect(bench.troubles).toEqual(["kafka_unavailable", null]);
    expect(topics.get("t.logins")).toMatchObject({ confirmed: 67 });
    expect(topics.get("t.logins")!.sent).toBeGreaterThan(67);
    for (const stored of bench.broker.topics.get("t.logins")!) {
      const numbers = firstAppearances(stored).map((id) => Number(id.slice(2)));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it("ends when it is interrupted, and counts what was confirmed until then", async () => {
    const bench = new Bench(await journalOf(100, {}));
    const held = partitionOf("alice", partitions);
    bench.broker.fate = ({ partition }) =>
      partition === held ? { kind: "fail", error: away() } : { kind: "ok" };
    const { interrupted, topics } = await bench.replay(await bench.plan(), all, () => {
      if (["t.logins", "t.proxies"].every((topic) => bench.broker.stored(topic).length > 0)) {
        bench.ending.abort();
      }
    });
    expect(interrupted).toBe(true);
    for (const [topic, { confirmed }] of topics) {
      expect(confirmed).toBe(bench.broker.stored(topic).length);
      expect(confirmed).toBeGreaterThan(0);
    }
  });

  it("puts what the broker will never take into the dead letters, and sends the rest", async () => {
    const dir = makeDir();
    const { journal } = await openJournal(dir);
    for (const n of range(1, 9)) {
      await journal.append("logins", "alice", ({ journalseq, sequence }) =>
        eventText("logins", "alice", journalseq, sequence, journal.epoch, n === 5 ? 4_000 : 10),
      );
    }
    await journal.close(1_000);
    await saveCursor(dir, { instance, journalseq: 9, ahead: {} });
    const bench = new Bench(dir);
    bench.broker.maxBatchBytes = 3_500;
    const { interrupted, topics } = await bench.replay(await bench.plan());
    expect(interrupted).toBe(false);
    expect(topics.get("t.logins")).toMatchObject({ confirmed: 8, deadLetters: 1 });
    expect(bench.letters).toMatchObject([{ id: "e-5", kept: "topic" }]);
  });
});

/** What the command says of it, and whether it ends with 0. */
function told(plan: Plan, replayed: Replayed) {
  const [verdict] = /^(All|NOT ALL|PERHAPS NOT ALL)\b.*$/m.exec(replayText(plan, replayed))!;
  return { whole: isWhole(plan, replayed), verdict, json: JSON.parse(replayJson(plan, replayed, null)) };
}

describe("what a replay says of itself", () => {
  it("is that all is confirmed, when it is", async () => {
    const bench = new Bench(await journalOf(100, {}));
    const plan = await bench.plan();
    expect(told(plan, await bench.replay(plan))).toMatchObject({
      whole: true,
      verdict: "All 100 records are confirmed.",
      json: { interrupted: false, complete: true, goneJournalseq: [] },
    });
  });

  it("is how much was confirmed when it was interrupted in the middle", async () => {
    const bench = new Bench(await journalOf(100, {}));
    bench.broker.fate = ({ topic }) =>
      topic === "t.proxies" ? { kind: "fail", error: away() } : { kind: "ok" };
    const plan = await bench.plan();
    const replayed = await bench.replay(plan, all, () => {
      if (bench.broker.stored("t.logins").length === 67) bench.ending.abort();
    });
    expect(told(plan, replayed)).toMatchObject({
      whole: false,
      verdict: "NOT ALL: 67 of 100 records are confirmed; interrupted before the rest was confirmed.",
      json: {
        interrupted: true,
        complete: false,
        topics: [
          { topic: "t.logins", confirmed: 67 },
          { topic: "t.proxies", confirmed: 0 },
        ],
      },
    });
  });

  it("is how many are in the dead letters", async () => {
    const bench = new Bench(await journalOf(100, {}));
    const rejected = new SluiceError("kafka_rejected", "not wanted");
    bench.broker.fate = ({ topic, records }) =>
      topic === "t.logins" && records.some(({ headers }) => headers.ce_id === "e-5")
        ? { kind: "fail", error: rejected }
        : { kind: "ok" };
    const plan = await bench.plan();
    expect(told(plan, await bench.replay(plan))).toMatchObject({
      whole: false,
      verdict: "NOT ALL: 99 of 100 records are confirmed; 1 in the dead letters.",
      json: { interrupted: false, complete: false, topics: [{ confirmed: 66, deadLetters: 1 }, {}] },
    });
  });

  it("is which numbers the journal has let go", async () => {
    const dir = await journalOf(100, {});
    const bench = new Bench(dir);
    const plan = await bench.plan();
    for (const segment of segmentsIn(dir)) fs.rmSync(segment);
    expect(told(plan, await bench.replay(plan))).toMatchObject({
      whole: false,
      verdict:
        "NOT ALL: 0 of 100 records are confirmed; journalseq 1 to 100 let go by the journal while it was read.",
      json: { interrupted: false, complete: false, goneJournalseq: [{ first: 1, last: 100 }] },
    });
  });
});

describe("a topic that goes away while it is replayed", () => {
  const advice = "t.logins went away meanwhile with what had been confirmed before: run it again.";

  /** The topic is deleted in its fifth send, and made anew by somebody else. */
  async function interfered(again: number, madeAnew: (make: () => void) => void) {
    const bench = new Bench(await journalOf(100, {}));
    let sends = 0;
    bench.broker.fate = ({ topic }) => {
      if (topic === "t.logins" && ++sends === 5) {
        bench.broker.topics.delete("t.logins");
        madeAnew(() => bench.broker.createTopic("t.logins", again));
      }
      return { kind: "ok" };
    };
    const plan = await bench.plan(only("logins"));
    const replayed = await bench.replay(plan, only("logins"));
    const onTopic = new Set(bench.ids("t.logins").flat()).size;
    return { ...told(plan, replayed), bench, onTopic, topic: replayed.topics.get("t.logins")! };
  }

  /** Behind so many turns of the event loop. */
  const later = (turns: number, make: () => void): void =>
    void setImmediate(() => (turns === 0 ? make() : later(turns - 1, make)));

  it.each([2, 3, 4])(
    "leaves it not whole, and counts only what the one with %i partitions made anew holds",
    async (again) => {
      const { whole, verdict, json, topic, onTopic, bench } = await interfered(again, (make) =>
        later(20, make),
      );
      expect(whole).toBe(false);
      expect(topic.wentAway).toBe(true);
      expect(topic.confirmed).toBeGreaterThan(0);
      expect(topic.confirmed).toBeLessThanOrEqual(onTopic);
      expect(onTopic).toBeLessThan(67);
      expect(verdict).toBe(`NOT ALL: ${topic.confirmed} of 67 records are confirmed; ${advice}`);
      expect(json).toMatchObject({ interrupted: false, complete: false, topics: [{ wentAway: true }] });
      expect(bench.progress.at(-1)).toBeLessThanOrEqual(67);
    },
  );

  it("leaves it not whole when it is made anew before anybody has asked for it", async () => {
    const { whole, verdict, onTopic } = await interfered(partitions, (make) => void setImmediate(make));
    expect(onTopic).toBeLessThan(67);
    expect({ whole, advised: verdict.endsWith(advice) }).toEqual({ whole: false, advised: true });
  });

  it("leaves it not whole when all of that topic had been confirmed", async () => {
    const bench = new Bench(await journalOf(100, {}));
    bench.broker.fate = ({ topic }) =>
      topic === "t.proxies" && bench.broker.topics.has("t.logins")
        ? { kind: "fail", error: away() }
        : { kind: "ok" };
    const plan = await bench.plan();
    const replayed = await bench.replay(plan, all, () => {
      if (bench.broker.stored("t.logins").length === 67) bench.broker.topics.delete("t.logins");
    });
    expect(told(plan, replayed)).toMatchObject({
      whole: false,
      verdict: `NOT ALL: 33 of 100 records are confirmed; ${advice}`,
    });
  });

  it("leaves it not surely whole even when as many are confirmed as were planned", async () => {
    const bench = new Bench(await journalOf(100, {}));
    const plan = await bench.plan(only("logins"));
    const replayed = await bench.replay(plan, only("logins"));
    const topics = new Map([["t.logins", { ...replayed.topics.get("t.logins")!, wentAway: true }]]);
    expect(told(plan, { ...replayed, topics })).toMatchObject({
      whole: false,
      verdict: `PERHAPS NOT ALL: 67 of 67 records are confirmed; ${advice}`,
    });
  });

  it("does no harm as long as it has confirmed nothing", async () => {
    const bench = new Bench(await journalOf(100, {}));
    bench.broker.topics.delete("t.logins");
    const plan = await bench.plan();
    const replayed = await bench.replay(plan, all, () => {
      if (bench.broker.stored("t.proxies").length === 33 && !bench.broker.topics.has("t.logins")) {
        bench.broker.createTopic("t.logins", 4);
      }
    });
    expect(told(plan, replayed)).toMatchObject({ whole: true, verdict: "All 100 records are confirmed." });
    expect(bench.broker.stored("t.logins")).toHaveLength(67);
  });
});
