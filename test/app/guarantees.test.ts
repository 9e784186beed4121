/** What the README guarantees whoever asks, over both edges: what is answered, and what is kept of it. */
import { Redis } from "ioredis";
import { describe, expect, it, vi } from "vitest";
import { FaultControl } from "../faults/tools/control.ts";
import { TcpLink } from "../faults/tools/tcp-link.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { JournalEvents } from "../hosts/journal-events.ts";
import { closeWithFile } from "../hosts/open.ts";
import { sharedKafka, sharedRedis } from "../hosts/shared.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { readAll, recordsOf } from "../journal/harness.ts";
import { judged } from "../ledger/topic-log.ts";
import type { AnyEvent } from "../sessions/world.ts";
import { allTold } from "./delivered.ts";
import { type Answered, type Bridge, edges } from "./edges.ts";
import { ruledBy, toKafka } from "./stack.ts";

vi.setConfig({ testTimeout: 60_000 });

async function journalOf({ dir }: Bridge): Promise<AnyEvent[]> {
  return recordsOf(await readAll(dir)).map(({ event }) => JSON.parse(event));
}

/** Each answer has its event, and the last word of its events, where one takes the place of another, is what it said. */
function expectToldAsAnswered(events: readonly AnyEvent[], answers: readonly Answered[]): void {
  const superseding = new Map(events.map((event) => [event.supersedes, event]));
  const told = answers.map(({ isOf }) => {
    const own = events.filter((event) => isOf(event) && event.supersedes === undefined);
    const last = superseding.get(own[0]?.id) ?? own[0];
    return [own.length, last?.decision === "refused" ? last.data.decision.reason : null];
  });
  expect(told).toEqual(answers.map(({ refused }) => [1, refused]));
}

/** However slow the disk of a busy machine is. */
const patient = { "http.deadlineMs": 30_000, "prox.deadlineMs": 30_000 };

/** Met by each disk that hangs, and by none that is only slow. */
const brisk = { "http.deadlineMs": 3_000, "prox.deadlineMs": 3_000 };

const many = Array.from({ length: 40 }, (_, n) => n);

describe.each(edges)("over $name", ({ start, ruleOf }) => {
  const deniedAlice = () => ruledBy({ [ruleOf("alice")]: "deny moved away" });

  it("the decision is answered, and durable before the answer: what was answered survives kill -9", async () => {
    const bridge = await start({ ...(await deniedAlice()), ...patient });
    const answers = await Promise.all(
      many.map((n) => (n % 3 === 0 ? bridge.tell("alice") : bridge.ask(n % 3 === 1 ? "alice" : "bob"))),
    );
    await bridge.kill();
    expect(answers.map(({ refused }) => refused)).toEqual(
      many.map((n) => (n % 3 === 1 ? "moved away" : null)),
    );
    expectToldAsAnswered(await journalOf(bridge), answers);
  });

  it.each([
    ["answer", null],
    ["refuse", "could not be recorded"],
  ] as const)("a disk that fails, or hangs, is met by journal.onFailure = %s", async (onFailure, instead) => {
    const control = await FaultControl.make();
    closeWithFile(control);
    const settings = { ...(await deniedAlice()), "journal.onFailure": onFailure, ...brisk };
    const bridge = await start(settings, control);
    const answers: Answered[] = [];
    for (const disk of [{ sync: "EIO" }, { syncDelayMs: 3_600_000 }] as const) {
      answers.push(await bridge.ask("bob"));
      expect(answers.at(-1)!.refused).toBe(null);
      control.set({ disk });
      for (let n = 0; n < 3; n++) {
        const own = [await bridge.ask("bob"), await bridge.ask("alice"), await bridge.tell("alice")];
        expect(own.map(({ refused }) => refused)).toEqual([instead, "moved away", null]);
        answers.push(...own);
      }
      const from = bridge.log.lines.length;
      control.calm();
      await bridge.log.saw(/journal: records are written again/, { from });
    }
    answers.push(await bridge.ask("bob"));
    expect(answers.at(-1)!.refused).toBe(null);
    await bridge.stop();
    const events = await journalOf(bridge);
    expectToldAsAnswered(events, answers);
    // The first that met each failure was written down as allowed already.
    expect(events.filter(({ supersedes }) => supersedes !== undefined)).toHaveLength(
      instead === null ? 0 : 2,
    );
    expect(events.at(-1)).toMatchObject({ type: "sluice.bridge.stopped" });
  });
});

describeWith(["redis"], "while Redis is away", () => {
  /** A line to Redis that is cut, keys of its own, and who writes them. */
  async function redisBehindDoor() {
    const [url, prefix] = [new URL(await sharedRedis()), `${unique("guarantees")}:`];
    const operator = new Redis(url.href);
    const door = await TcpLink.open(Number(url.port));
    closeWithFile(door);
    closeWithFile({ [Symbol.asyncDispose]: async () => operator.disconnect() });
    await door.cut();
    url.port = String(door.port);
    const settings = { "redis.url": url.href, "redis.prefix": prefix };
    const write = (rule: string, value: string) => operator.set(`${prefix}policy:${rule}`, value);
    return { door, settings, write };
  }

  const reasons = (answers: readonly Answered[]) => answers.map(({ refused }) => refused);

  // Most of it is waiting, which both can do at once.
  it.concurrent.each(edges)(
    "$name refuses until there has been a policy, and decides by the last that it had, also when started anew",
    async ({ start, ruleOf }) => {
      const { door, settings, write } = await redisBehindDoor();
      const bridge = await start(settings);
      const ask = async () => [await bridge.ask("alice"), await bridge.ask("bob"), await bridge.tell("bob")];
      const first = await ask();
      expect(reasons(first)).toEqual(["policy not available", "policy not available", null]);
      const notReady = "not ready: no policy has been loaded yet\n";
      expect(await bridge.readyz()).toEqual({ status: 503, text: notReady });
      await door.heal();
      await bridge.saw(/policy loaded/);
      await using journal = await JournalEvents.read(bridge.dir);
      await write(ruleOf("alice"), "deny moved away");
      await journal.saw(({ type }) => type === "sluice.policy.changed", "the rule");
      const answers = await ask();
      await door.cut();
      await bridge.saw(/the policy's source is away: (?!no policy yet)/);
      answers.push(...(await ask()));
      await bridge.stop();
      await bridge.start();
      expect(await bridge.readyz()).toEqual({ status: 200, text: "ready\n" });
      answers.push(...(await ask()));
      expect(reasons(answers)).toEqual(answers.map((_, n) => (n % 3 === 0 ? "moved away" : null)));
      await bridge.stop();
      expectToldAsAnswered(await journalOf(bridge), [...first, ...answers]);
    },
  );

  it.each(edges)(
    "$name refuses with policy.whenStale = deny once the policy is older than policy.maxStaleMs, until Redis is back",
    async ({ start }) => {
      const { door, settings } = await redisBehindDoor();
      await door.heal();
      const stale = { "policy.maxStaleMs": 3_000, "policy.whenStale": "deny" };
      const bridge = await start({ ...settings, ...stale });
      const ask = async () => reasons([await bridge.ask("bob"), await bridge.tell("bob")]);
      expect(await ask()).toEqual([null, null]);
      await door.cut();
      await bridge.saw(/the policy is stale: everything is refused/);
      expect(await ask()).toEqual(["policy is out of date", null]);
      await door.heal();
      await bridge.saw(/the policy's source is back/);
      expect(await ask()).toEqual([null, null]);
    },
  );
});

describeWith(["kafka"], "while Kafka is away", () => {
  it.concurrent.each(edges)(
    "$name answers, and delivers all of it later, also what was left by a kill",
    async ({ start, ruleOf }) => {
      const brokers = await sharedKafka();
      await using door = await TcpLink.open(Number(brokers[0]!.split(":")[1]));
      await door.cut();
      const settings = toKafka([`127.0.0.1:${door.port}`]);
      const bridge = await start({
        ...settings,
        ...(await ruledBy({ [ruleOf("alice")]: "deny moved away" })),
      });
      const ask = () => Promise.all([bridge.ask("alice"), bridge.ask("bob"), bridge.tell("bob")]);
      const answers = await ask();
      await bridge.kill();
      await bridge.start();
      answers.push(...(await ask()));
      await door.heal();
      await bridge.saw(/"(topics created|the topics are there)"/);
      answers.push(...(await ask()));
      expect(answers.map(({ refused }) => refused)).toEqual(
        answers.map((_, n) => (n % 3 === 0 ? "moved away" : null)),
      );
      await using topics = await TopicEvents.read(brokers, settings["kafka.topicPrefix"]);
      const arrived = (): boolean =>
        answers.every(({ isOf }) => topics.events.some(({ event }) => isOf(event)));
      await topics.until(arrived, "what was answered");
      await bridge.stop();
      await allTold(topics, (await journalOf(bridge)).at(-1)!.epoch);
      expectToldAsAnswered(
        topics.distinct.map(({ event }) => event),
        answers,
      );
      expect(judged(topics.events)).toMatchObject({ ok: true, gaps: [] });
    },
  );
});
