import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { sharedKafka } from "../hosts/shared.ts";
import type { TopicEvents } from "../hosts/topic-events.ts";
import { allArrived, allTold, expectGapless, gapsOf, ofType } from "./delivered.ts";
import { Load } from "./load.ts";
import { eventsOf, toKafka } from "./stack.ts";

vi.setConfig({ testTimeout: 120_000 });

async function underLoad(own: BridgeSettings = {}) {
  const settings = toKafka(await sharedKafka());
  const bridge = await startBridge({ ...settings, ...own });
  const topics = await eventsOf(bridge, settings);
  const load = new Load({ url: bridge.url });
  await load.more(500);
  return { bridge, topics, load };
}

/** Ids of ops that were recorded and not answered, or answered and not recorded. */
function differences(topics: TopicEvents, load: Load): string[] {
  const ops = topics.distinct.filter(({ event }) => event.op !== undefined);
  const recorded = new Set<string>(ops.map(({ event }) => event.id));
  return [...recorded.symmetricDifference(new Set(load.answeredIds))];
}

describeWith(["kafka"], "a bridge that is told to stop under load", () => {
  it("answers every call that it has taken, closes each connection with its answer, and has all on Kafka", async () => {
    const { bridge, topics, load } = await underLoad();
    await bridge.stop();
    await load.stop();
    await allArrived(topics, load);
    await allTold(topics);

    const closing = load.answers.filter(({ closes }) => closes);
    expect(closing).not.toEqual([]);
    const firstMs = Math.min(...closing.map(({ atMs }) => atMs));
    expect(load.answers.filter(({ closes, sentMs }) => sentMs > firstMs && !closes)).toEqual([]);
    expect(load.unanswered.filter(({ connected }) => connected)).toEqual([]);
    expect(differences(topics, load)).toEqual([]);
    expect(gapsOf(topics.distinct)).toEqual([]);
    expectGapless(topics.events);
  });

  it("says bridge.stopped as its last word, with the last number of each topic", async () => {
    const { bridge, topics, load } = await underLoad();
    await bridge.stop();
    await load.stop();
    const { event, topic } = await allTold(topics);
    expect(event.data.reason).toBe("SIGTERM");
    // Whatever was journaled behind it is sent by the next start.
    await bridge.start();
    const isNext = (e: { type: string; epoch: string }): boolean =>
      ofType("bridge.started")(e) && e.epoch !== event.epoch;
    const next = await topics.saw(isNext, "the next bridge.started");
    expect(next.event.data.previous).toEqual({ epoch: event.epoch, topics: event.data.topics });

    const ofEpoch = topics.distinct.filter((record) => record.event.epoch === event.epoch);
    expect(ofEpoch.filter((record) => record.topic === topic).at(-1)!.event.id).toBe(event.id);
    const last = Object.entries(Object.groupBy(ofEpoch, (record) => record.topic)).map(([name, records]) => [
      name,
      { first: 1, last: Math.max(...records!.map((record) => Number(record.event.sequence))) },
    ]);
    expect(event.data.topics).toEqual(Object.fromEntries(last));
  });

  it("ends at once at a second SIGTERM, and leaves a whole journal", async () => {
    const longMs = 600_000;
    const { bridge, topics, load } = await underLoad({ "stop.delayMs": longMs, "stop.drainMs": longMs });
    const first = bridge.stop();
    await load.saw(({ closes }) => closes, "that closes its connection");
    await bridge.log.saw(/a second signal ends it at once/);
    const second = bridge.stop();
    await Promise.all([first, second]);
    await bridge.log.saw(/"msg":"stopped"/, { timeoutMs: 1 });
    await load.stop();
    const from = bridge.log.lines.length;
    await bridge.start();
    await allArrived(topics, load);
    await topics.saw(ofType("bridge.stopped"), "bridge.stopped");
    expect(bridge.log.lines.slice(from).filter((line) => /journal: .*(tail|damaged)/.test(line))).toEqual([]);
    expect(gapsOf(topics.distinct)).toEqual([]);
    expectGapless(topics.events);
  });
});

/** A call whose bytes have left, to a bridge that may not have looked yet. */
async function called(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const body = '{"version":"0.1.0","op":"Ping","content":{"user":{"user":"alice"}}}';
  const head = `POST /handler HTTP/1.1\r\nHost: bridge\r\nContent-Length: ${body.length}\r\n\r\n`;
  await new Promise<void>((resolve) => socket.write(head + body, () => resolve()));
  return socket;
}

/** All that it answers until it closes the connection, or why it answers nothing. */
async function answerOn(socket: Socket): Promise<string> {
  let text = "";
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch (thrown) {
    text += String(thrown);
  }
  return text;
}

describe("a bridge that is told to stop", () => {
  it("answers also the calls whose connections it has not yet looked at", async () => {
    await using bridge = await startBridge();
    await bridge.pause();
    const port = Number(new URL(bridge.url).port);
    const sockets = await Promise.all(Array.from({ length: 60 }, () => called(port)));
    const answers = sockets.map(answerOn);
    await bridge.stop();
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n.*"unchange":true\}/is);
    }
  });
});

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

describe("the process", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("ends with exit code 0 at %s", async (signal) => {
    const folder = await temporaryFolder("process");
    const env = { ...process.env, SLUICE_HTTP_PORT: "0", SLUICE_ADMIN_PORT: "0" };
    const child = spawn(process.execPath, [main, "serve"], { cwd: folder.path, env, stdio: "pipe" });
    const release = keep("process", child.pid!);
    const exit = once(child, "exit");
    const log = new Log();
    createInterface({ input: child.stderr }).on("line", (line) => log.add(line));
    await log.saw(/sluice \S+ answers/);
    child.kill(signal);
    expect(await exit).toEqual([0, null]);
    release();
    await folder.remove();
  });
});
