import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type CloudEvent, Kafka } from "cloudevents";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/errors.ts";
import { type Stream, streamNames } from "../../src/events/streams.ts";
import type { Projection } from "../../src/forwarder/form.ts";
import type { Limits } from "../../src/forwarder/limits.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import { partitionOf } from "../../src/kafka/partitioner.ts";
import type { Fate, Send } from "./memory-broker.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { firstAppearances, Rig, twoProjections } from "./rig.ts";

const unavailable = () => new SluiceError("kafka_unavailable", "away", { retryable: true });
const fails = (stored = false): Fate => ({ kind: "fail", error: unavailable(), stored });
const keys = ["alice", "bob", "carol", "dave", "erin", "frank"];

function fill(journal: MemoryJournal, count: number, stream: Stream = "logins", padBytes = 0): void {
  for (let n = 0; n < count; n++) journal.append(stream, keys[n % keys.length]!, { padBytes });
}

describe("the forwarder", () => {
  it("forwards what is durable, in order for each key, and says how far it is", async () => {
    const rig = new Rig();
    fill(rig.journal, 1_000);
    await rig.loop.start();
    await rig.until(() => rig.acked.at(-1) === 1_000);
    fill(rig.journal, 10);
    await rig.until(() => rig.acked.at(-1) === 1_010);
    for (const partition of rig.broker.topics.get("t.logins")!) {
      const ids = partition.map(({ value }) => Number(JSON.parse(value).id.slice(2)));
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
    }
    expect(rig.broker.storedCount).toBe(1_010);
    expect(rig.journal.marks).toEqual({ journalseq: 1_010, ahead: {} });
  });

  it("sends structured CloudEvents, with the attributes again as headers", async () => {
    const rig = new Rig();
    const { event } = rig.journal.append("logins", "alice");
    await rig.loop.start();
    await rig.until(() => rig.caughtUp);
    const [record] = rig.broker.stored("t.logins");
    expect(record).toMatchObject({ key: "alice", value: event });
    expect(record!.headers).toMatchObject({
      "content-type": "application/cloudevents+json; charset=UTF-8",
      ce_specversion: "1.0",
      ce_id: "e-1",
      ce_subject: 'a,"data":quoted',
      ce_sequence: "0000000000000001",
      ce_partitionkey: "alice",
    });
    const read = Kafka.toEvent({ ...record!, body: record!.value, timestamp: "" } as never) as CloudEvent;
    expect(read.validate()).toBe(true);
    expect(read).toMatchObject({ id: "e-1", data: { stream: "logins" } });
  });

  describe("has what comes soon after a send wait for more", () => {
    async function sentOne(limits: Partial<Limits> = {}): Promise<Rig> {
      const rig = new Rig({ partitions: 1, limits: { lingerMs: 20, ...limits } });
      await rig.loop.start();
      fill(rig.journal, 1);
      await rig.settle();
      expect(sizes(rig)).toEqual([1]);
      return rig;
    }
    const sizes = ({ broker }: Rig): number[] => broker.sends.map(({ records }) => records.length);

    it("until a while after that send", async () => {
      const rig = await sentOne();
      fill(rig.journal, 2);
      await rig.pass(19, 1);
      fill(rig.journal, 1);
      await rig.settle();
      expect(sizes(rig)).toEqual([1]);
      await rig.pass(1);
      expect(sizes(rig)).toEqual([1, 3]);
    });

    it("and what comes later goes at once", async () => {
      const rig = await sentOne();
      await rig.pass(20);
      fill(rig.journal, 1);
      await rig.settle();
      expect(sizes(rig)).toEqual([1, 1]);
    });

    it.each([
      ["as many records as it takes", { batchRecords: 3 }],
      ["as many bytes as it takes", { batchBytes: 2_000 }],
    ])("unless it fills a batch with %s", async (_, limits) => {
      const rig = new Rig({ partitions: 1, limits: { lingerMs: 20, ...limits } });
      fill(rig.journal, 49);
      await rig.loop.start();
      for (let turn = 0; turn < 20; turn++) await rig.settle();
      expect(rig.broker.sends.length).toBeGreaterThan(1);
      expect(rig.broker.storedCount).toBe(49);
    });

    it("unless it is there already, in more chunks than one", async () => {
      const rig = await sentOne({ chunkBytes: 5_000 });
      fill(rig.journal, 100, "logins", 1_000);
      await rig.pass(20);
      for (let turn = 0; turn < 40; turn++) await rig.settle();
      await rig.pass(20);
      expect(rig.broker.storedCount).toBe(101);
    });

    it("unless the bridge stops", async () => {
      const rig = await sentOne();
      fill(rig.journal, 1);
      await rig.settle();
      await rig.loop.stop(1_000);
      expect(sizes(rig)).toEqual([1, 1]);
    });
  });

  it("moves the cursor only past what was confirmed, a record that was stored unconfirmed included", async () => {
    const rig = new Rig({ partitions: 1 });
    rig.broker.fate = () => fails(true);
    fill(rig.journal, 10);
    await rig.loop.start();
    await rig.pass(5_000);
    expect(rig.broker.storedCount).toBeGreaterThan(0);
    expect(rig.acked).toEqual([]);
    expect(rig.journal.saves).toEqual([]);
    rig.broker.fate = () => ({ kind: "ok" });
    await rig.until(() => rig.acked.at(-1) === 10);
  });

  it("resends after a restart only what was not confirmed", async () => {
    const rig = new Rig();
    const held = partitionOf("alice", 3);
    rig.broker.fate = ({ partition }) => (partition === held ? fails() : { kind: "ok" });
    fill(rig.journal, 600);
    await rig.loop.start();
    const others = rig.journal.records.filter(({ key }) => partitionOf(key, 3) !== held).length;
    await rig.until(() => rig.broker.storedCount === others);
    await rig.stop();
    expect(rig.journal.marks.journalseq).toBeLessThan(10);

    const again = new Rig({ journal: rig.journal, broker: copyOf(rig) });
    await again.loop.start();
    await again.until(() => again.caughtUp);
    expect(again.broker.storedCount).toBe(600);
  });

  it("forgets the positions of single partitions when their number has changed", async () => {
    const journal = new MemoryJournal();
    journal.marks = { journalseq: 0, ahead: { "t.logins": { partitions: 2, through: { 0: 50, 1: 50 } } } };
    const rig = new Rig({ journal, partitions: 3 });
    fill(journal, 50);
    await rig.loop.start();
    await rig.until(() => rig.caughtUp);
    expect(rig.broker.storedCount).toBe(50);
  });

  it("keeps the other partitions going while one is stuck, and then gives it all it missed", async () => {
    const rig = new Rig({
      limits: { memoryBytes: 200_000, laneBytes: 20_000, chunkBytes: 5_000, batchBytes: 10_000 },
    });
    const held = partitionOf("alice", 3);
    rig.broker.fate = ({ partition }) => (partition === held ? { kind: "hang" } : { kind: "ok" });
    await rig.loop.start();
    fill(rig.journal, 3_000, "logins", 500);
    const others = rig.journal.records.filter(({ key }) => partitionOf(key, 3) !== held).length;
    await rig.until(() => rig.broker.storedCount === others);
    expect(rig.state().stuck).toEqual([`t.logins [${held}]`]);
    rig.broker.fate = () => ({ kind: "ok" });
    rig.broker.releaseHanging();
    await rig.until(() => rig.caughtUp);
    expect(rig.broker.storedCount).toBe(3_000);
    expect(rig.maxHeldBytes).toBeLessThan(250_000);
    expect(rig.logged).toEqual(["takes no events; the others go on", "takes events again"]);
  });

  it("holds a bounded amount through an outage without end, and forwards everything behind it", async () => {
    const limits = { memoryBytes: 500_000, lookAheadBytes: 500_000, chunkBytes: 20_000, batchBytes: 50_000 };
    const rig = new Rig({ limits });
    await rig.loop.start();
    rig.broker.fate = () => fails();
    for (let round = 0; round < 20; round++) {
      for (const stream of streamNames) fill(rig.journal, 30, stream, 1_000);
      await rig.pass(60_000, 1_000);
    }
    const bytes = rig.journal.records.reduce((sum, { event }) => sum + event.length, 0);
    expect(bytes).toBeGreaterThan(6_000_000);
    expect(rig.maxHeldBytes).toBeLessThan(600_000);
    expect(rig.logged.filter((text) => text.startsWith("Kafka takes nothing"))).toHaveLength(1);
    expect(rig.state().connected).toBe(false);
    rig.broker.fate = () => ({ kind: "ok" });
    await rig.until(() => rig.caughtUp);
    expect(rig.broker.storedCount).toBe(rig.journal.read());
    expect(rig.logged.filter((text) => text.startsWith("Kafka takes events again"))).toHaveLength(1);
    expect(rig.maxHeldBytes).toBeLessThan(600_000);
  });

  it("says once that a partition fails alone, however sparse the traffic of the others is", async () => {
    const rig = new Rig();
    const held = partitionOf("alice", 3);
    const other = keys.find((key) => partitionOf(key, 3) !== held)!;
    rig.broker.fate = ({ partition }) => (partition === held ? fails() : { kind: "ok" });
    await rig.loop.start();
    rig.journal.append("logins", "alice");
    for (let round = 0; round < 50; round++) {
      rig.journal.append("logins", other);
      await rig.pass(20_000);
    }
    expect(rig.broker.storedCount).toBe(50);
    // At first nobody else is there to compare it with.
    expect(rig.logged).toEqual([
      "Kafka takes nothing; events wait in the journal",
      "Kafka takes events again",
      "takes no events; the others go on",
    ]);
    expect(rig.troubles.at(-1)).toMatchObject({ what: "partition", where: `t.logins [${held}]` });
  });

  it("gives a lane each of its records once when it has caught up", async () => {
    const rig = new Rig({
      partitions: 2,
      limits: { memoryBytes: 40_000, batchBytes: 4_000, chunkBytes: 3_000 },
    });
    const held = partitionOf("alice", 2);
    await rig.loop.start();
    let failures = 0;
    rig.broker.fate = ({ partition }) => (partition === held && failures++ < 60 ? fails() : { kind: "ok" });
    fill(rig.journal, 400, "logins", 300);
    await rig.until(() => rig.caughtUp);
    expect(rig.broker.storedCount).toBe(400);
  });

  it("goes on when the journal could not be read for a while", async () => {
    const rig = new Rig();
    await rig.loop.start();
    rig.journal.broken = new Error("EIO");
    fill(rig.journal, 10);
    await rig.pass(30_000);
    expect(rig.troubles).toMatchObject([{ what: "journal", code: "journal_io" }]);
    rig.journal.broken = null;
    await rig.until(() => rig.caughtUp);
    expect(rig.troubles.at(-1)).toMatchObject({ what: "journal", code: null });
    expect(rig.broker.storedCount).toBe(10);
  });

  it("tells what is confirmed even when the cursor cannot be kept", async () => {
    const rig = new Rig();
    rig.journal.full = new Error("ENOSPC");
    await rig.loop.start();
    fill(rig.journal, 10);
    await rig.until(() => rig.acked.at(-1) === 10);
    expect(rig.troubles).toMatchObject([{ what: "cursor", code: "journal_io" }]);
    rig.journal.full = null;
    rig.journal.append("logins", "alice");
    await rig.until(() => rig.journal.marks.journalseq === 11);
    expect(rig.troubles.at(-1)).toMatchObject({ what: "cursor", code: null });
  });

  it("does not wait for a topic that is missing", async () => {
    const rig = new Rig();
    rig.broker.topics.delete("t.proxies");
    await rig.loop.start();
    fill(rig.journal, 20, "proxies");
    fill(rig.journal, 20, "logins");
    await rig.until(() => rig.broker.storedCount === 20);
    expect(rig.state()).toMatchObject({ unknownTopics: ["t.proxies"], acknowledgedJournalseq: 0 });
    rig.broker.createTopic("t.proxies", 2);
    rig.loop.askAgain();
    await rig.until(() => rig.caughtUp);
    expect(rig.broker.storedCount).toBe(40);
  });

  it.each([3, 1, 5])(
    "goes on with a topic that was deleted and made anew, with %i partitions",
    async (count) => {
      const rig = new Rig();
      fill(rig.journal, 300);
      await rig.loop.start();
      await rig.until(() => rig.caughtUp);
      rig.broker.topics.delete("t.logins");
      let missed = 0;
      rig.onTopicMissing = () => {
        if (++missed === 3) rig.broker.createTopic("t.logins", count);
      };
      for (let round = 0; round < 10; round++) {
        fill(rig.journal, 30);
        fill(rig.journal, 5, "proxies");
        await rig.pass(1_000);
      }
      await rig.until(() => rig.caughtUp);
      const stored = rig.broker.topics.get("t.logins")!;
      expect(stored).toHaveLength(count);
      for (const [partition, records] of stored.entries()) {
        const expected = rig.journal.records.filter(
          ({ journalseq, stream, key }) =>
            journalseq > 300 && stream === "logins" && partitionOf(key, count) === partition,
        );
        expect(firstAppearances(records)).toEqual(expected.map(({ journalseq }) => `e-${journalseq}`));
      }
      expect(rig.state()).toMatchObject({ unknownTopics: [], stuck: [], heldBytes: 0 });
    },
  );

  it("goes on when a topic was made anew with fewer partitions before anybody noticed that it was gone", async () => {
    const rig = new Rig();
    fill(rig.journal, 300);
    await rig.loop.start();
    await rig.until(() => rig.caughtUp);
    rig.broker.createTopic("t.logins", 1);
    fill(rig.journal, 300);
    await rig.until(() => rig.caughtUp);
    const byKey = Map.groupBy(rig.broker.stored("t.logins"), ({ key }) => key);
    expect(byKey.size).toBe(keys.length);
    for (const [key, records] of byKey) {
      const expected = rig.journal.records.filter((each) => each.journalseq > 300 && each.key === key);
      expect(firstAppearances(records)).toEqual(expected.map(({ journalseq }) => `e-${journalseq}`));
    }
  });

  it("forwards the whole journal when Kafka is there only later", async () => {
    const rig = new Rig();
    rig.broker.away = unavailable();
    fill(rig.journal, 100);
    await rig.loop.start();
    await rig.pass(60_000);
    fill(rig.journal, 100);
    rig.broker.away = null;
    await rig.until(() => rig.caughtUp);
    expect(rig.broker.storedCount).toBe(200);
  });

  it("finds the records that the broker will never take, and forwards all others in order", async () => {
    const rig = new Rig({ partitions: 1 });
    rig.broker.maxBatchBytes = 100_000;
    for (let n = 1; n <= 300; n++) {
      rig.journal.append("logins", "alice", { padBytes: n % 97 === 0 ? 150_000 : 100 });
    }
    await rig.loop.start();
    await rig.until(() => rig.caughtUp);
    expect(rig.letters.map(({ journalseq, kept }) => [journalseq, kept])).toEqual([
      [97, "topic"],
      [194, "topic"],
      [291, "topic"],
    ]);
    const ids = firstAppearances(rig.broker.stored("t.logins")).map((id) => Number(id.slice(2)));
    expect(ids).toEqual(range(1, 300).filter((n) => n % 97 !== 0));
    const [letter] = rig.broker.stored("t.dead-letters");
    expect(JSON.parse(letter!.value)).toMatchObject({
      specversion: "1.0",
      type: "sluice.dead-letter",
      partitionkey: "alice",
      data: {
        topic: "t.logins",
        partition: 0,
        id: "e-97",
        type: "sluice.login.allowed",
        code: "kafka_rejected",
      },
    });
    const read = Kafka.toEvent({ ...letter!, body: letter!.value, timestamp: "" } as never) as CloudEvent;
    expect(read.validate()).toBe(true);
    expect(rig.state().deadLetters).toBe(3);
  });

  it("buries an event that is no CloudEvent instead of publishing it", async () => {
    const rig = new Rig({ partitions: 1 });
    rig.journal.append("logins", "alice");
    rig.journal.append("logins", "alice", { event: "not JSON at all" });
    rig.journal.append("logins", "alice");
    await rig.loop.start();
    await rig.until(() => rig.caughtUp);
    expect(rig.broker.stored("t.logins")).toHaveLength(2);
    expect(rig.letters).toMatchObject([{ journalseq: 2, id: null }]);
  });

  it("keeps dead letters in a file when their topic does not take them", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sluice-letters-"));
    const deadLettersFile = path.join(folder, "dead-letters.jsonl");
    const rig = new Rig({ partitions: 1, deadLettersFile });
    rig.broker.topics.delete("t.dead-letters");
    rig.broker.maxBatchBytes = 10_000;
    rig.journal.append("logins", "alice", { padBytes: 20_000 });
    rig.journal.append("logins", "alice");
    await rig.loop.start();
    await rig.until(() => rig.caughtUp);
    const lines = (await readFile(deadLettersFile, "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).data.id)).toEqual(["e-1"]);
    expect(rig.letters).toMatchObject([{ kept: "file" }]);
    await rm(folder, { recursive: true });
  });

  it("says per topic below which sequence all is confirmed, and is silent when only the bridge spoke", async () => {
    const rig = new Rig({ partitions: 2 });
    const held = partitionOf("alice", 2);
    const other = keys.find((key) => partitionOf(key, 2) !== held)!;
    rig.broker.fate = ({ topic, partition }) =>
      topic === "t.logins" && partition === held ? fails() : { kind: "ok" };
    await rig.loop.start();
    rig.journal.append("logins", other);
    rig.journal.append("logins", "alice");
    rig.journal.append("logins", other);
    rig.journal.append("proxies", "alice");
    await rig.until(() => rig.progress.length === 1);
    expect(rig.progress[0]).toEqual({ topics: { "t.logins": 1, "t.proxies": 1 }, journalseq: 1 });
    rig.broker.fate = () => ({ kind: "ok" });
    await rig.until(() => rig.progress.length === 2);
    expect(rig.progress[1]).toEqual({ topics: { "t.logins": 3, "t.proxies": 1 }, journalseq: 4 });
    rig.journal.append("bridge", "i-1");
    await rig.pass(60_000);
    expect(rig.progress).toHaveLength(2);
  });

  it("on stop sends what is durable and keeps the cursor", async () => {
    const rig = new Rig();
    await rig.loop.start();
    fill(rig.journal, 2_000);
    await rig.stop();
    expect(rig.journal.marks.journalseq).toBe(2_000);
    expect(rig.acked.at(-1)).toBe(2_000);
    expect(rig.progress.at(-1)).toEqual({ topics: { "t.logins": 2_000 }, journalseq: 2_000 });
    expect(rig.broker.closed).toBe(true);
  });

  it("tries again on stop where a lane has yet to learn that another broker leads", async () => {
    const rig = new Rig();
    await rig.loop.start();
    let failures = 0;
    rig.broker.fate = () => (failures++ < 2 ? fails() : { kind: "ok" });
    fill(rig.journal, 1);
    await rig.stop();
    expect(rig.journal.marks.journalseq).toBe(1);
  });

  it("tries at once on stop what waited for its turn after many failures", async () => {
    const rig = new Rig();
    rig.broker.fate = () => fails();
    fill(rig.journal, 10);
    await rig.loop.start();
    await rig.pass(60_000);
    rig.broker.fate = () => ({ kind: "ok" });
    const before = rig.clock.monotonic();
    await rig.stop();
    expect(rig.journal.marks.journalseq).toBe(10);
    expect(rig.clock.monotonic() - before).toBeLessThan(1_000);
  });

  it("asks at once on stop for a topic that was not known yet, and sends what waits for it", async () => {
    const rig = new Rig();
    rig.broker.topics.delete("t.bridge");
    await rig.loop.start();
    await rig.pass(60_000);
    rig.broker.createTopic("t.bridge", 1);
    rig.journal.append("bridge", "i-1");
    const before = rig.clock.monotonic();
    await rig.stop();
    expect(rig.journal.marks.journalseq).toBe(1);
    expect(rig.clock.monotonic() - before).toBeLessThan(1_000);
  });

  it.each([
    ["is there", true],
    ["is missing", false],
  ])("asks on stop for the topic of a stream that is read only then, which %s", async (_, exists) => {
    const rig = new Rig();
    if (exists) rig.broker.createTopic("t.older", 1);
    await rig.loop.start();
    // It cannot have been read before stop() is called.
    rig.journal.append("older" as Stream, "alice");
    const before = rig.clock.monotonic();
    await rig.stop(30_000);
    expect(rig.clock.monotonic() - before).toBeLessThan(1_000);
    expect(rig.broker.stored("t.older")).toHaveLength(exists ? 1 : 0);
    expect(rig.journal.marks.journalseq).toBe(exists ? 1 : 0);
    expect(rig.state().unknownTopics).toEqual(exists ? [] : ["t.older"]);
  });

  it("tells that a topic has become known, though nothing is there to be sent to it", async () => {
    const rig = new Rig();
    rig.broker.topics.delete("t.proxies");
    await rig.loop.start();
    await rig.pass(60_000);
    expect(rig.states.at(-1)!.unknownTopics).toEqual(["t.proxies"]);
    rig.broker.createTopic("t.proxies", 1);
    await rig.pass(60_000);
    expect(rig.states.at(-1)!.unknownTopics).toEqual([]);
  });

  it("does not wait on stop for a Kafka that is away, and only for the deadline when it hangs", async () => {
    const away = new Rig();
    away.broker.fate = () => fails();
    fill(away.journal, 10);
    await away.loop.start();
    await away.pass(1_000);
    const before = away.clock.monotonic();
    await away.stop(30_000);
    expect(away.clock.monotonic() - before).toBeLessThan(1_000);

    const hangs = new Rig();
    hangs.broker.fate = () => ({ kind: "hang" });
    fill(hangs.journal, 10);
    await hangs.loop.start();
    await hangs.pass(100);
    const since = hangs.clock.monotonic();
    await hangs.stop(3_000);
    expect(hangs.clock.monotonic() - since).toBeLessThanOrEqual(3_100);
    expect(hangs.journal.saves).toEqual([]);
  });

  it.each([
    ["the events", [], 300],
    ["the events and their projections", twoProjections, 150],
  ] as const)(
    "loses nothing of %s and keeps each key's order, whatever fails and whenever it is restarted",
    async (_name, projections, numRuns) => {
      const step = fc.record({
        stream: fc.constantFrom<Stream>("logins", "proxies", "bridge"),
        type: fc.constantFrom("sluice.login.allowed", "sluice.session.ended"),
        key: fc.constantFrom(...keys),
        padBytes: fc.constantFrom(0, 500, 4_000, 30_000),
      });
      const fate = fc.constantFrom("ok", "ok", "fail", "stored", "hang");
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 120 }),
          fc.array(fate, { maxLength: 60 }),
          fc.array(fc.nat(119), { maxLength: 3 }),
          async (steps, fates, restarts) => survives(steps, fates, restarts, projections),
        ),
        { numRuns },
      );
    },
    120_000,
  );
});

async function survives(
  steps: readonly { stream: Stream; type: string; key: string; padBytes: number }[],
  fates: readonly string[],
  restarts: readonly number[],
  projections: readonly Projection[],
): Promise<void> {
  const limits = {
    memoryBytes: 60_000,
    laneBytes: 8_000,
    batchBytes: 10_000,
    chunkBytes: 3_000,
    lookAheadBytes: 20_000,
  };
  const journal = new MemoryJournal();
  journal.shy = true;
  let rig = new Rig({ journal, limits, projections });
  const { broker } = rig;
  broker.maxBatchBytes = 25_000;
  let next = 0;
  broker.fate = (_: Send): Fate => {
    const fate = fates[next++] ?? "ok";
    if (fate === "ok" || fate === "hang") return { kind: fate };
    return fails(fate === "stored");
  };
  await rig.loop.start();
  for (const [at, { stream, type, key, padBytes }] of steps.entries()) {
    journal.append(stream, key, { type, padBytes });
    if (at % 10 === 0) await rig.pass(300);
    if (at % 25 === 0) broker.releaseHanging();
    if (!restarts.includes(at)) continue;
    // As a crash: nothing is saved but what was; what is under way fails.
    const crashed = { marks: journal.marks };
    const gone = rig;
    await gone.stop(0);
    journal.marks = crashed.marks;
    broker.closed = false;
    rig = new Rig({ journal, broker, limits, projections });
    await rig.loop.start();
  }
  for (let round = 0; !rig.caughtUp && round < 200; round++) {
    await rig.pass(5_000, 500);
    broker.releaseHanging();
  }
  expect(rig.caughtUp).toBe(true);
  // What is projected is held besides while it is sent: one record a partition at least, whatever it weighs.
  expect(rig.maxHeldBytes).toBeLessThan(60_000 + (3 + 6 * projections.length) * 60_000);
  const topics = [
    ...streamNames.map((stream) => ({
      topic: `t.${stream}`,
      has: (each: JournalRecord) => each.stream === stream,
      render: (event: string) => event,
    })),
    ...projections.map(({ topic, has, render }) => ({
      topic: `t.${topic}`,
      has: ({ event }: JournalRecord) => has(JSON.parse(event).type),
      render,
    })),
  ];
  const tooLarge: string[] = [];
  for (const { topic, has, render } of topics) {
    const [taken, refused] = partitioned(
      journal.records.filter(has),
      ({ event }) => render(event).length < 25_000,
    );
    tooLarge.push(...refused.map(({ journalseq }) => `${topic} e-${journalseq}`));
    for (const [partition, stored] of broker.topics.get(topic)!.entries()) {
      const expected = taken.filter(({ key }) => partitionOf(key, 3) === partition);
      expect(firstAppearances(stored)).toEqual(expected.map(({ journalseq }) => `e-${journalseq}`));
      for (const { key, value, headers } of stored) {
        const { event, ...record } = journal.records[Number(headers.ce_journalseq) - 1]!;
        expect([key, value]).toEqual([record.key, render(event)]);
      }
    }
  }
  const letters = broker.stored("t.dead-letters").map(({ value }) => JSON.parse(value));
  expect(new Set(letters.map(({ data }) => `${data.topic} ${data.id}`))).toEqual(new Set(tooLarge));
  expect(new Set(letters.map(({ id }) => id)).size).toBe(new Set(tooLarge).size);
  await rig.stop();
}

function partitioned<T>(all: readonly T[], is: (one: T) => boolean): [T[], T[]] {
  return [all.filter(is), all.filter((one) => !is(one))];
}

function copyOf(rig: Rig): Rig["broker"] {
  rig.broker.closed = false;
  rig.broker.fate = () => ({ kind: "ok" });
  return rig.broker;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
