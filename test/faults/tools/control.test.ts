import { expect, it, vi } from "vitest";
import { lastRecords } from "../../../src/journal/tail.ts";
import { ofType } from "../../app/delivered.ts";
import { Load } from "../../app/load.ts";
import { eventsOf, toKafka } from "../../app/stack.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../../hosts/bridge.ts";
import { describeWith } from "../../hosts/describe-with.ts";
import { closeWithFile } from "../../hosts/open.ts";
import { sharedKafka } from "../../hosts/shared.ts";
import { maxWaitTimeInMs } from "../../hosts/topic-events.ts";
import { clientOf, createTopic } from "../../kafka/kafka-reading.ts";
import { FaultControl, powerLoss } from "./control.ts";

vi.setConfig({ testTimeout: 60_000 });

const failing = /journal: records wait in memory/;
const well = /journal: records are written again/;
const hourMs = 3_600_000;

async function broken(inside: string, settings: BridgeSettings = {}) {
  const control = await FaultControl.make();
  closeWithFile(control);
  const nodeArgs = control.nodeArgs(inside);
  const bridge = await startBridge(settings, { nodeArgs, env: control.env });
  return { control, bridge };
}

/** Ids of all events that stand in the journal. */
async function kept({ dataDir }: BridgeHost): Promise<Set<string>> {
  const records = await lastRecords(dataDir, Number.POSITIVE_INFINITY);
  return new Set(records.map(({ event }) => (JSON.parse(event) as { id: string }).id));
}

async function missing(load: Load, bridge: BridgeHost): Promise<string[]> {
  const ids = await kept(bridge);
  return load.answeredIds.filter((id) => !ids.has(id));
}

it.each([
  { fault: "writes fail with EIO", disk: { write: "EIO" }, failure: "journal_io" },
  { fault: "writes fail with ENOSPC", disk: { write: "ENOSPC" }, failure: "journal_full" },
  { fault: "syncs fail with EIO", disk: { sync: "EIO" }, failure: "journal_io" },
  { fault: "syncs hang", disk: { syncDelayMs: hourMs }, failure: "journal_slow" },
  { fault: "writes hang", disk: { writeDelayMs: hourMs }, failure: "journal_slow" },
] as const)("a bridge whose $fault fails, and works when that is lifted", async ({ disk, failure }) => {
  const { control, bridge } = await broken("disk");
  const load = new Load({ url: bridge.url });
  await load.more(50);
  control.set({ disk });
  expect(await bridge.log.saw(failing)).toContain(`"failure":"${failure}"`);
  control.set({ disk: {} });
  await bridge.log.saw(well);
  await load.more(50);
  await load.stop();
  await bridge.stop();
  expect(load.unanswered).toEqual([]);
  expect(await missing(load, bridge)).toEqual([]);
});

it("breaks the gap file too, if told to", async () => {
  const { control, bridge } = await broken("disk");
  const load = new Load({ url: bridge.url });
  control.set({ disk: { write: "EIO", files: "all" } });
  await bridge.log.saw(/journal: the gap file cannot be written/);
  control.set({ disk: {} });
  await bridge.log.saw(well);
  await load.stop();
});

it("a power loss keeps all that was answered and drops what was not yet synced", async () => {
  const { control, bridge } = await broken("disk");
  let answered: readonly string[];
  {
    const load = new Load({ url: bridge.url });
    await load.more(200);
    control.set({ disk: { syncDelayMs: hourMs } });
    await bridge.log.saw(failing);
    await bridge.kill();
    await load.stop();
    // What was answered as usual; once it fails, others are answered too, and named as a gap.
    const standsThere = await kept(bridge);
    const loss = await powerLoss(control, bridge.dataDir);
    const isLeft = await kept(bridge);
    expect(loss).toMatchObject({ droppedFiles: [], restoredFiles: [] });
    expect(loss.droppedBytes).toBeGreaterThan(0);
    expect(isLeft.size).toBeLessThan(standsThere.size);
    answered = load.answeredIds.slice(0, 200);
    expect(answered.filter((id) => !isLeft.has(id))).toEqual([]);
  }
  control.set({ disk: {} });
  await bridge.start();
  const load = new Load({ url: bridge.url, seed: 2 });
  await load.more(100);
  await load.stop();
  await bridge.kill();
  await powerLoss(control, bridge.dataDir);
  expect(await missing(load, bridge)).toEqual([]);
  const all = await kept(bridge);
  expect(answered.filter((id) => !all.has(id))).toEqual([]);
});

it("moves the clock of a bridge, and moves it again while it runs", async () => {
  const { control, bridge } = await broken("clock");
  const times = async (): Promise<number[]> => {
    const load = new Load({ url: bridge.url, seed: Math.floor(performance.now()) });
    await load.more(20);
    await load.stop();
    const ids = new Set(load.answeredIds);
    const events = (await lastRecords(bridge.dataDir, Number.POSITIVE_INFINITY)).map(
      ({ event }) => JSON.parse(event) as { id: string; time: string },
    );
    return events.filter(({ id }) => ids.has(id)).map(({ time }) => Date.parse(time) - Date.now());
  };
  for (const clockOffsetMs of [0, 5 * hourMs, -5 * hourMs]) {
    control.set({ clockOffsetMs });
    const offsets = await times();
    expect(offsets.length).toBeGreaterThanOrEqual(20);
    for (const offset of offsets) expect(Math.abs(offset - clockOffsetMs)).toBeLessThan(hourMs);
  }
});

it("holds the main thread for as long as it is told to", async () => {
  const { control, bridge } = await broken("block");
  const load = new Load({ url: bridge.url, perSecond: 100 });
  await load.more(20);
  const from = load.answers.length;
  control.block(1500);
  await bridge.log.saw(/fault: the main thread stands still/);
  const stoodMs = performance.now();
  await load.saw(({ sentMs }) => sentMs > stoodMs, "to a call that was made meanwhile");
  await load.stop();
  const slowest = Math.max(...load.answers.slice(from).map(({ sentMs, atMs }) => atMs - sentMs));
  expect(slowest).toBeGreaterThan(1000);
});

it("says that no process can be held when none has loaded the module", async () => {
  await using control = await FaultControl.make();
  expect(() => control.block(1)).toThrow("no process");
});

describeWith(["kafka"], "the forwarder's thread", () => {
  it("has the broken disk too: its cursor cannot be saved", async () => {
    const settings = toKafka(await sharedKafka());
    const { control, bridge } = await broken("disk", settings);
    const topics = await eventsOf(bridge, settings);
    await topics.saw(ofType("bridge.started"));
    // Whatever has just been answered has its cursor still to be saved.
    const load = new Load({ url: bridge.url });
    await load.more(10);
    control.set({ disk: { write: "EIO", files: "all" } });
    await bridge.log.saw(/EIO: made by a fault.*cursor|cursor.*EIO: made by a fault/);
    await load.stop();
  });

  it("has the moved clock too: records are stamped by it", async () => {
    const brokers = await sharedKafka();
    const settings = toKafka(brokers);
    // Of a topic that takes the sender's time; the bridge itself makes others.
    const config = { "message.timestamp.type": "CreateTime" };
    await createTopic(brokers, `${settings["kafka.topicPrefix"]}heartbeats`, 1, config);
    const { control, bridge } = await broken("clock", settings);
    control.set({ clockOffsetMs: -5 * hourMs });
    const load = new Load({ url: bridge.url });
    await load.more(10);
    const consumer = clientOf(brokers).consumer({ groupId: settings["kafka.topicPrefix"], maxWaitTimeInMs });
    closeWithFile({ [Symbol.asyncDispose]: () => consumer.disconnect() });
    await bridge.log.saw(/"(topics created|the topics are there)"/);
    await consumer.connect();
    await consumer.subscribe({ topic: `${settings["kafka.topicPrefix"]}heartbeats`, fromBeginning: true });
    const { promise, resolve } = Promise.withResolvers<number>();
    await consumer.run({
      eachMessage: async ({ message }) => {
        const offsetMs = Number(message.timestamp) - Date.now();
        if (offsetMs < -hourMs) resolve(offsetMs);
      },
    });
    expect(Math.abs((await promise) + 5 * hourMs)).toBeLessThan(hourMs);
    await load.stop();
  });
});
