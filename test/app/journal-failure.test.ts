import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { Stream } from "../../src/events/streams.ts";
import { streamOfOp } from "../faults/filing.ts";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { sharedKafka } from "../hosts/shared.ts";
import type { TopicEvent, TopicEvents } from "../hosts/topic-events.ts";
import { isRefusable, longLogin, users } from "./call-mix.ts";
import {
  allArrived,
  allTold,
  expectGapless,
  expectInOrder,
  expectRuled,
  expectToldAsAnswered,
  gapsOf,
  ofType,
} from "./delivered.ts";
import { type Answer, idOf, Load } from "./load.ts";
import { noSmallDisk, smallDisk } from "./small-disk.ts";
import { eventsOf, ruledBy, toKafka } from "./stack.ts";

vi.setConfig({ testTimeout: 120_000 });

const perSecond = 300;
/** What the journal keeps in memory while it cannot write, and a little more. */
const beyondMemoryBytes = 68 * 1024 ** 2;
const longBytes = 900_000;
const why = noSmallDisk();

async function onSmallDisk(own: BridgeSettings) {
  const disk = smallDisk(160);
  const settings = toKafka(await sharedKafka());
  const bridge = await startBridge({
    ...settings,
    ...(await ruledBy({ "user:alice": "deny moved away" })),
    "data.dir": join(disk.path, "data"),
    ...own,
  });
  const topics = await eventsOf(bridge, settings);
  const load = new Load({ url: bridge.url, perSecond });
  await load.more(perSecond);
  return { disk, bridge, topics, load };
}

/** Answered ops of which no event came. */
function lostOf(load: Load, topics: TopicEvents): Answer[] {
  const delivered = new Set(topics.events.map(({ event }) => event.id));
  return load.answers.filter(({ call }) => !delivered.has(idOf(call)));
}

/** How many numbers of a stream all gaps together name. */
function namedOf(stream: Stream, events: readonly TopicEvent[]): number {
  const spans = gapsOf(events).flatMap(({ topics }) => Object.entries(topics));
  const own = spans.filter(([topic]) => topic.endsWith(`.${stream}`));
  return own.reduce((sum, [, { first, last }]) => sum + last! - first + 1, 0);
}

describeWith(["kafka"], "a bridge whose disk is full", () => {
  describe.skipIf(why !== null && !process.env.CI)(why ? `[${why}]` : "and then is not", () => {
    it("goes on answering with onFailure = answer, keeps what memory holds, and names the rest exactly", async () => {
      const { disk, bridge, topics, load } = await onSmallDisk({ "journal.onFailure": "answer" });
      await disk.fill();
      await bridge.log.saw(/journal: records wait in memory/);
      await load.more(perSecond);
      for (let at = 0; at < beyondMemoryBytes / longBytes; at++) {
        load.ask(longLogin("bob", `long-${at}`, longBytes));
      }
      await bridge.log.saw(/"queued":false/);
      await load.more(perSecond);
      await disk.free();
      await bridge.log.saw(/journal: records are written again/);
      await load.more(perSecond);
      await load.stop();
      await topics.saw(ofType("bridge.gap"), "bridge.gap");
      await bridge.stop();
      await allTold(topics);

      expectRuled(load.answers, { alice: "moved away" });
      expect(load.unanswered).toEqual([]);
      const lost = lostOf(load, topics);
      expect(lost.length).toBeGreaterThan(perSecond / 2);
      for (const [stream, answers] of Map.groupBy(lost, ({ call }) => streamOfOp[call.op])) {
        const named = namedOf(stream, topics.distinct);
        // Ends and confirmed logins are derived, so nobody was answered who could miss them.
        if (stream === "user-sessions" || stream === "logins")
          expect.soft(named).toBeGreaterThanOrEqual(answers.length);
        else expect.soft(named, stream).toBe(answers.length);
      }
      expectGapless(topics.events);
      expectInOrder(topics.distinct);
    });

    it("refuses with onFailure = refuse what can be refused, answers the rest, and tells it as it was answered", async () => {
      const { disk, bridge, topics, load } = await onSmallDisk({ "journal.onFailure": "refuse" });
      await disk.fill();
      await bridge.log.saw(/journal: records wait in memory/);
      const failingMs = performance.now();
      await load.more(perSecond);
      const freedMs = performance.now();
      await disk.free();
      await bridge.log.saw(/journal: records are written again/);
      await load.saw(({ call, refused }) => isRefusable(call) && refused === null, "that allows something");
      await load.stop();
      await allArrived(topics, load);
      await bridge.stop();
      await allTold(topics);

      const meanwhile = load.answers.filter(({ sentMs, atMs }) => sentMs > failingMs && atMs < freedMs);
      const unrecorded = Object.fromEntries(users.map((user) => [user, "could not be recorded"]));
      expectRuled(meanwhile, { ...unrecorded, alice: "moved away" });
      expect(load.unanswered).toEqual([]);
      expectToldAsAnswered(topics.distinct, load.answers);
      expect(gapsOf(topics.distinct)).toEqual([]);
      expectGapless(topics.events);
    });

    it("names what waited in memory when it was killed", async () => {
      const { disk, bridge, topics, load } = await onSmallDisk({ "journal.onFailure": "answer" });
      await disk.fill();
      await bridge.log.saw(/journal: records wait in memory/);
      await load.more(perSecond);
      await load.stop();
      await bridge.kill();
      await disk.free();
      await bridge.start();
      const { event } = await topics.saw(ofType("bridge.gap"), "bridge.gap");
      await bridge.stop();
      await allTold(topics);

      expect(event.data.cause).toBe("killed_while_failing");
      expect(lostOf(load, topics).length).toBeGreaterThan(perSecond / 2);
      const journalseqs = topics.distinct
        .filter((record) => record.event.epoch === event.data.epoch)
        .map((record) => Number(record.event.journalseq));
      expect(event.data.journalseq).toEqual({ first: Math.max(...journalseqs) + 1, last: null });
      expectGapless(topics.events);
    });
  });
});

describeWith(["kafka"], "a journal that was damaged while the bridge was down", () => {
  it("is delivered but for the damaged record, which is named; a torn tail is no loss", async () => {
    const data = await temporaryFolder("damaged");
    closeWithFile({ [Symbol.asyncDispose]: () => data.remove() });
    const settings = toKafka(await sharedKafka());
    const own = { "data.dir": data.path, "kafka.topicPrefix": settings["kafka.topicPrefix"] };
    await using before = await startBridge(own);
    await using load = new Load({ url: before.url, perSecond });
    await load.more(perSecond);
    await load.stop();
    await before.stop();

    const folder = join(data.path, "journal");
    const segments = (await readdir(folder)).filter((name) => name.endsWith(".log"));
    expect(segments).toHaveLength(1);
    const segment = join(folder, segments[0]!);
    const lines = (await readFile(segment, "latin1")).split("\n");
    // Of an op that nothing is derived from.
    const victim = lines.find((line, at) => at > lines.length / 2 && line.includes("\theartbeats\t"))!;
    const damaged = eventIn(victim);
    const flipped = victim.replace('"specversion":"1.0"', '"specversion":"1.1"');
    const torn = lines.at(-2)!.slice(0, 300);
    await writeFile(segment, lines.join("\n").replace(victim, flipped) + torn, "latin1");

    await using bridge = await startBridge({ ...own, ...settings });
    await using topics = await eventsOf(bridge, settings);
    const gap = await topics.saw(ofType("bridge.gap"), "bridge.gap");
    const { epoch } = gap.event;
    await topics.saw((event) => event.epoch === epoch && ofType("bridge.started")(event));
    await topics.until(() => lostOf(load, topics).length <= 1, "all but what was damaged");
    await bridge.stop();
    await allTold(topics, epoch);

    const numbers = (text: string) => ({ first: Number(text), last: Number(text) });
    const topic = settings["kafka.topicPrefix"] + victim.split("\t")[4];
    expect(gapsOf(topics.distinct)).toEqual([
      {
        epoch: damaged.epoch,
        cause: "journal_damaged",
        journalseq: numbers(damaged.journalseq),
        topics: { [topic]: numbers(damaged.sequence) },
        count: 1,
      },
    ]);
    expect(lostOf(load, topics).map(({ call }) => idOf(call))).toEqual([damaged.id]);
    expectGapless(topics.events);
  });
});

function eventIn(line: string): { id: string; epoch: string; journalseq: string; sequence: string } {
  return JSON.parse(line.split("\t").slice(6).join("\t"));
}
