/** Projections as topics of the forwarder: what holds for the events' own topics holds for theirs. */
import { type CloudEvent, Kafka } from "cloudevents";
import { expect, it } from "vitest";
import { SluiceError } from "../../src/errors.ts";
import { partitionOf } from "../../src/kafka/partitioner.ts";
import type { Fate } from "./memory-broker.ts";
import { eventText } from "./memory-journal.ts";
import { firstAppearances, Rig, type RigOptions, twoProjections } from "./rig.ts";

const keys = ["alice", "bob", "carol", "dave", "erin", "frank"];
const fails = (): Fate => ({
  kind: "fail",
  error: new SluiceError("kafka_unavailable", "away", { retryable: true }),
});
const ended = { type: "sluice.session.ended" };

function rigOf(options: RigOptions = {}): Rig {
  return new Rig({ projections: twoProjections, ...options });
}

it("each event stands on its topic and on those of its projections, under the same key, partition and id", async () => {
  const rig = rigOf();
  for (let n = 0; n < 30; n++) rig.journal.append("logins", keys[n % 6]!, n % 3 === 0 ? ended : {});
  await rig.loop.start();
  await rig.until(() => rig.caughtUp);
  const placed = (topic: string): string[] =>
    rig.broker.topics
      .get(topic)!
      .flatMap((records, partition) =>
        records.map(({ key, headers }) => `${partition} ${key} ${headers.ce_id}`),
      );
  expect(placed("t.logins")).toHaveLength(30);
  expect(placed("t.all")).toEqual(placed("t.logins"));
  const endedIds = new Set(
    rig.journal.records.filter((_, n) => n % 3 === 0).map(({ journalseq }) => `e-${journalseq}`),
  );
  expect(placed("t.some")).toEqual(placed("t.logins").filter((text) => endedIds.has(text.split(" ")[2]!)));
});

it("a projection is a CloudEvent whose data it is, without what was true of the event's own data", async () => {
  const rig = rigOf();
  const text = eventText("logins", "alice", 1, 1, "epoch-1");
  const event = text.replace('"datacontenttype"', '"dataschema":"urn:of-the-event","datacontenttype"');
  rig.journal.append("logins", "alice", { event });
  await rig.loop.start();
  await rig.until(() => rig.caughtUp);
  const [record] = rig.broker.stored("t.all");
  expect(record!.headers).toMatchObject({
    "content-type": "application/json",
    ce_id: "e-1",
    ce_partitionkey: "alice",
  });
  expect(rig.broker.stored("t.logins")[0]!.headers).toHaveProperty("ce_dataschema");
  expect(record!.headers).not.toHaveProperty("ce_dataschema");
  const read = Kafka.toEvent({ ...record!, body: record!.value, timestamp: "" } as never) as CloudEvent;
  expect(read.validate()).toBe(true);
  expect(read).toMatchObject({ id: "e-1", type: "sluice.login.allowed", data: { before: event } });
});

it("the cursor waits for a projection, and a restart sends only what that has not confirmed", async () => {
  const rig = rigOf();
  rig.broker.fate = ({ topic }) => (topic === "t.all" ? fails() : { kind: "ok" });
  for (let n = 0; n < 300; n++) rig.journal.append("logins", keys[n % 6]!);
  await rig.loop.start();
  await rig.until(() => rig.broker.stored("t.logins").length === 300);
  await rig.stop();
  expect(rig.acked).toEqual([]);
  expect(rig.journal.marks.journalseq).toBe(0);
  rig.broker.closed = false;
  rig.broker.fate = () => ({ kind: "ok" });
  const again = rigOf({ journal: rig.journal, broker: rig.broker });
  await again.loop.start();
  await again.until(() => again.caughtUp);
  expect(again.broker.stored("t.all")).toHaveLength(300);
  expect(again.broker.stored("t.logins")).toHaveLength(300);
});

it("a projection whose topic is missing, or stuck, holds up none of the others", async () => {
  const rig = rigOf({
    limits: { memoryBytes: 200_000, laneBytes: 20_000, chunkBytes: 5_000, batchBytes: 10_000 },
  });
  rig.broker.topics.delete("t.all");
  const held = partitionOf("alice", 3);
  rig.broker.fate = ({ topic, partition }) =>
    topic === "t.some" && partition === held ? { kind: "hang" } : { kind: "ok" };
  for (let n = 0; n < 1_000; n++) rig.journal.append("logins", keys[n % 6]!, { ...ended, padBytes: 300 });
  const others = rig.journal.records.filter(({ key }) => partitionOf(key, 3) !== held).length;
  await rig.loop.start();
  await rig.until(() => rig.broker.stored("t.logins").length === 1_000);
  await rig.until(() => rig.broker.stored("t.some").length === others);
  expect(rig.state()).toMatchObject({ unknownTopics: ["t.all"], stuck: [`t.some [${held}]`] });
  expect(rig.acked).toEqual([]);
  rig.broker.createTopic("t.all", 3);
  rig.broker.fate = () => ({ kind: "ok" });
  rig.broker.releaseHanging();
  await rig.until(() => rig.caughtUp);
  expect(firstAppearances(rig.broker.stored("t.all"))).toHaveLength(1_000);
  expect(rig.broker.stored("t.some")).toHaveLength(1_000);
  expect(rig.maxHeldBytes).toBeLessThan(350_000);
  expect(rig.state().heldBytes).toBe(0);
});

it("what cannot be projected, or is too large for its topic, is a letter that says of which projection", async () => {
  const rig = rigOf({ partitions: 1 });
  rig.broker.maxBatchBytes = 10_000;
  rig.journal.append("logins", "alice", { type: "unprojectable" });
  rig.journal.append("logins", "alice", { padBytes: 6_000 });
  rig.journal.append("logins", "alice");
  await rig.loop.start();
  await rig.until(() => rig.caughtUp);
  expect(rig.letters.map(({ topic, projection, id, reason }) => [topic, projection, id, reason])).toEqual([
    ["t.all", "all", "e-1", "cannot be projected to all: it says so"],
    ["t.all", "all", "e-2", "too large (MESSAGE_TOO_LARGE)"],
  ]);
  expect(firstAppearances(rig.broker.stored("t.logins"))).toEqual(["e-1", "e-2", "e-3"]);
  expect(firstAppearances(rig.broker.stored("t.all"))).toEqual(["e-3"]);
});

it("progress names the topics of the events alone, and is silent when only the bridge spoke", async () => {
  const rig = rigOf();
  rig.broker.fate = ({ topic }) => (topic === "t.all" ? fails() : { kind: "ok" });
  rig.journal.append("logins", "alice");
  await rig.loop.start();
  await rig.until(() => rig.progress.length === 1);
  expect(rig.progress[0]).toEqual({ topics: { "t.logins": 1 }, journalseq: 0 });
  rig.broker.fate = () => ({ kind: "ok" });
  await rig.until(() => rig.progress.length === 2);
  expect(rig.progress[1]).toEqual({ topics: { "t.logins": 1 }, journalseq: 1 });
  for (let round = 0; round < 3; round++) {
    rig.journal.append("bridge", "i-1");
    await rig.pass(30_000);
  }
  expect(rig.caughtUp).toBe(true);
  expect(rig.progress).toHaveLength(2);
});

it("projections that are turned on later have what comes from then on, and what still waits", async () => {
  const rig = new Rig();
  rig.broker.createTopic("t.all", 3);
  rig.broker.createTopic("t.some", 3);
  for (let n = 0; n < 50; n++) rig.journal.append("logins", keys[n % 6]!);
  await rig.loop.start();
  await rig.until(() => rig.caughtUp);
  rig.broker.fate = fails;
  rig.journal.append("logins", "alice");
  await rig.stop();
  rig.broker.closed = false;
  rig.broker.fate = () => ({ kind: "ok" });
  const again = rigOf({ journal: rig.journal, broker: rig.broker });
  rig.journal.append("logins", "bob");
  await again.loop.start();
  await again.until(() => again.caughtUp);
  expect(new Set(firstAppearances(again.broker.stored("t.all")))).toEqual(new Set(["e-51", "e-52"]));
});

it("on stop everything durable is sent to the projections as well", async () => {
  const rig = rigOf();
  await rig.loop.start();
  for (let n = 0; n < 2_000; n++) rig.journal.append("logins", keys[n % 6]!, ended);
  await rig.stop();
  expect(rig.journal.marks.journalseq).toBe(2_000);
  for (const topic of ["t.logins", "t.all", "t.some"]) expect(rig.broker.stored(topic)).toHaveLength(2_000);
});
