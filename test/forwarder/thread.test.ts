/** @module-tag docker */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { getPriority } from "node:os";
import path from "node:path";
import type { Worker } from "node:worker_threads";
import { type CloudEvent, Kafka } from "cloudevents";
import { beforeAll, describe, expect, it } from "vitest";
import { partitionOf } from "../../src/kafka/partitioner.ts";
import { deleteTopic as deleteTopicBy } from "../hosts/delete-topic.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { type KafkaHost, startKafka } from "../hosts/kafka.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, createTopic, quickSettings, type ReadRecord, readTopics } from "../kafka/kafka-reading.ts";
import { BridgeJournal } from "./bridge-journal.ts";
import { firstAppearances } from "./rig.ts";

/** Of all threads of this process; proc(5), field 19 of a thread's stat. */
async function nicenesses(): Promise<number[]> {
  const threads = await readdir("/proc/self/task");
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/self/task/${thread}/stat`, "utf8").catch(() => "")),
  );
  return stats.filter(Boolean).map((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
}

describeWith(["kafka"], "the forwarder's thread", () => {
  it("creates the topics and forwards the journal as valid CloudEvents", async () => {
    const brokers = await sharedKafka();
    await using journal = await BridgeJournal.open(`${unique("thread")}.`);
    await journal.fill(200);
    await journal.fill(100, "user-sessions");
    const patient = { partitions: 3, connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 };
    journal.start(quickSettings(brokers, patient), { stuckAfterMs: 20_000 });
    await journal.forwarded();
    await journal.fill(50);
    await journal.forwarded();
    const logins = await readTopics(brokers, [`${journal.prefix}logins`], ({ length }) => length >= 250);
    for (const { key, value, headers, partition } of logins) {
      expect(partition).toBe(partitionOf(key, 3));
      const event = Kafka.toEvent({ key, value, headers, body: value, timestamp: "" } as never) as CloudEvent;
      expect(event.validate()).toBe(true);
      expect(headers).toMatchObject({ ce_id: event.id, ce_sequence: event.sequence, ce_partitionkey: key });
    }
    expect(new Set(firstAppearances(logins)).size).toBe(250);
    await journal.saw(() => journal.progress.at(-1)?.journalseq === 350);
    expect(journal.progress.at(-1)!.topics).toEqual({
      [`${journal.prefix}logins`]: 250,
      [`${journal.prefix}user-sessions`]: 100,
    });
    expect(journal.state()).toMatchObject({ connected: true, lagRecords: 0, deadLetters: 0 });
    expect(journal.troubles).toEqual([]);
  });

  it("yields to the threads that answer", { skip: process.platform !== "linux" }, async () => {
    const before = await nicenesses();
    await using journal = await BridgeJournal.open(`${unique("priority")}.`);
    journal.start(quickSettings(await sharedKafka()));
    await journal.fill(1);
    await journal.forwarded();
    const own = getPriority();
    expect((await nicenesses()).filter((each) => each > own).length).toBe(
      before.filter((each) => each > own).length + 1,
    );
  });

  it("puts an event that is too large into the dead letters and forwards the others", async () => {
    const brokers = await sharedKafka();
    await using journal = await BridgeJournal.open(`${unique("large")}.`);
    await createTopic(brokers, `${journal.prefix}logins`, 2, { "max.message.bytes": "20000" });
    // A topic of dead letters that is not there yet when the first one comes would leave it to the file.
    journal.start(quickSettings(brokers, { compression: "none" }), { stuckAfterMs: 20_000 });
    await journal.fill(100);
    await journal.append("logins", "user-1", 30_000);
    await journal.fill(100);
    await journal.forwarded();
    expect(journal.letters).toMatchObject([{ journalseq: 101, id: "e-101", kept: "topic" }]);
    const topics = [`${journal.prefix}logins`, `${journal.prefix}dead-letters`];
    const found = await readTopics(brokers, topics, (records) => firstAppearances(records).length >= 201);
    const letter = found.find(({ headers }) => headers.ce_type === "sluice.dead-letter")!;
    expect(JSON.parse(letter.value).data).toMatchObject({ id: "e-101", code: "kafka_rejected" });
  });

  it("stops with everything sent and the cursor kept, and resends nothing after the next start", async () => {
    const brokers = await sharedKafka();
    await using journal = await BridgeJournal.open(`${unique("restart")}.`);
    const forwarder = journal.start(quickSettings(brokers));
    await journal.fill(500);
    await forwarder.stop(10_000);
    expect(journal.acked.at(-1)).toBe(500);
    journal.start(quickSettings(brokers));
    await journal.append("logins", "last");
    await journal.saw(() => journal.state()?.acknowledgedJournalseq === 501);
    expect(journal.state()!.sentRecords).toBe(1);
  });

  it("starts again from its cursor when it dies, and says so", async () => {
    const brokers = await sharedKafka();
    await using journal = await BridgeJournal.open(`${unique("died")}.`);
    const workers: Worker[] = [];
    const onWorker = (worker: Worker): void => void workers.push(worker);
    process.on("worker", onWorker);
    journal.start(quickSettings(brokers));
    await journal.fill(100);
    await journal.forwarded();
    await workers[0]!.terminate();
    await journal.fill(100);
    await journal.forwarded();
    expect(workers).toHaveLength(2);
    expect(journal.troubles.filter(({ what }) => what === "thread").map(({ code }) => code)).toEqual([
      "kafka_unavailable",
      null,
    ]);
    expect(journal.logged).toContainEqual(
      expect.objectContaining({ level: "error", text: "the forwarder's thread died" }),
    );
    process.off("worker", onWorker);
  });

  it("makes a topic again that was deleted under it, and loses nothing that was not confirmed", async () => {
    const brokers = await sharedKafka();
    await using journal = await BridgeJournal.open(`${unique("deleted")}.`);
    const topic = `${journal.prefix}logins`;
    journal.start(quickSettings(brokers, { partitions: 3 }));
    await journal.fill(100);
    await journal.forwarded();
    await deleteTopic(brokers, topic);
    await journal.fill(100);
    await journal.forwarded();
    const found = await readTopics(brokers, [topic], (records) => firstAppearances(records).length >= 100);
    const numbers = firstAppearances(found).map((id) => Number(id.slice(2)));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at + 101));
    const made = () =>
      journal.logged.filter(({ text }) => text === "topics created").map(({ fields }) => fields);
    // The thread's words come on their own, perhaps behind what it has had confirmed.
    await journal.saw(() => made().length > 1);
    expect(made().slice(1)).toEqual([{ topics: [topic] }]);
  });

  it("goes on with a topic that somebody made anew with fewer partitions", async () => {
    const brokers = await sharedKafka();
    await using journal = await BridgeJournal.open(`${unique("fewer")}.`);
    const topic = `${journal.prefix}logins`;
    await createTopic(brokers, topic, 6);
    journal.start(quickSettings(brokers, { createTopics: false }));
    await journal.fill(100);
    await journal.saw(() => (journal.state()?.sentRecords ?? 0) === 100);
    await deleteTopic(brokers, topic);
    await journal.fill(100);
    await createTopic(brokers, topic, 2);
    await journal.forwarded();
    const found = await readTopics(brokers, [topic], (records) => firstAppearances(records).length >= 100);
    for (const { key, partition } of found) expect(partition).toBe(partitionOf(key, 2));
  });

  it("tells of records that are damaged and forwards what lies behind them", async () => {
    const brokers = await sharedKafka();
    await using journal = await BridgeJournal.open(`${unique("damaged")}.`);
    await journal.fill(20);
    await damageLine(journal.dir, 5);
    journal.start(quickSettings(brokers));
    await journal.saw(() => journal.state()?.acknowledgedJournalseq === 20);
    expect(journal.losses.map(({ journalseq }) => journalseq)).toEqual([{ first: 5, last: 5 }]);
    expect(journal.state()!.sentRecords).toBe(19);
  });
});

describeWith(["kafka"], "the forwarder through failures of Kafka", () => {
  let host: KafkaHost;
  beforeAll(async () => {
    host = await startKafka();
  });

  it("forwards everything, in order for each key, over a frozen and a killed broker", async () => {
    const { brokers } = host;
    const [broker] = host.nodes;
    await using journal = await BridgeJournal.open(`${unique("failures")}.`);
    journal.start(quickSettings(brokers), { retryMaxMs: 500 });
    await journal.fill(500);
    await journal.saw(() => (journal.acked.at(-1) ?? 0) > 0);
    await journal.fill(2_000);
    await broker.pause();
    await journal.fill(2_000);
    await journal.saw(() => journal.state()?.connected === false);
    await broker.resume();
    await journal.saw(() => journal.state()?.connected === true);
    await journal.fill(2_000);
    await broker.kill();
    await journal.fill(2_000);
    await journal.saw(() => journal.state()?.connected === false);
    await broker.start();
    await journal.forwarded();
    await expectAll(brokers, journal);
    const said = journal.logged.map(({ text }) => text).filter((text) => text.startsWith("Kafka takes"));
    expect(said).toEqual([
      "Kafka takes nothing; events wait in the journal",
      "Kafka takes events again",
      "Kafka takes nothing; events wait in the journal",
      "Kafka takes events again",
    ]);
  }, 120_000);

  it("starts without Kafka and forwards when it comes", async () => {
    const { brokers } = host;
    await host.nodes[0].stop();
    await using journal = await BridgeJournal.open(`${unique("later")}.`);
    await journal.fill(300);
    journal.start(quickSettings(brokers), { retryMaxMs: 500 });
    await journal.saw(() => journal.state()?.connected === false);
    await host.nodes[0].start();
    await journal.forwarded();
    await expectAll(brokers, journal);
  }, 120_000);
});

describe("the forwarder's thread without Kafka", () => {
  it("is silent about the same trouble and stops at once", async () => {
    await using journal = await BridgeJournal.open("none.");
    await journal.fill(10);
    const forwarder = journal.start(quickSettings(["127.0.0.1:1"]), { retryMaxMs: 100 });
    await journal.saw(() => (journal.state()?.retries ?? 0) > 30);
    expect(journal.logged.map(({ text }) => text)).toEqual([
      "Kafka takes nothing; events wait in the journal",
    ]);
    expect(journal.troubles).toMatchObject([{ what: "kafka", code: "kafka_unavailable" }]);
    const since = performance.now();
    await forwarder.stop(20_000);
    expect(performance.now() - since).toBeLessThan(5_000);
  });
});

/** Every event is there, and the first appearances in each partition are in the order of the journal. */
async function expectAll(brokers: readonly string[], journal: BridgeJournal): Promise<void> {
  const topic = `${journal.prefix}logins`;
  const count = journal.keys.length;
  const seen = new Set<string>();
  const found = await readTopics(brokers, [topic], (records) => {
    seen.add(records.at(-1)!.headers.ce_id!);
    return seen.size >= count;
  });
  const byPartition = Map.groupBy(found, ({ partition }) => partition);
  for (const records of byPartition.values()) {
    const numbers = firstAppearances(records.sort(byOffset)).map((id) => Number(id.slice(2)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }
  expect(seen.size).toBe(count);
}

function byOffset(a: ReadRecord, b: ReadRecord): number {
  return a.offset - b.offset;
}

async function deleteTopic(brokers: readonly string[], topic: string): Promise<void> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  await deleteTopicBy(admin, topic);
  await admin.disconnect();
}

/** Overwrites a byte within the event of the n-th record. */
async function damageLine(dir: string, record: number): Promise<void> {
  const folder = path.join(dir, "journal");
  const [segment] = (await readdir(folder)).filter((name) => name.endsWith(".log")).sort();
  const file = path.join(folder, segment!);
  const lines = (await readFile(file, "latin1")).split("\n");
  lines[record] = lines[record]!.replace('"specversion"', '"specversIon"');
  await writeFile(file, lines.join("\n"), "latin1");
}
