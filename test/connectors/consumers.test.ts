/** The examples for consumers, as programs of their own beside a bridge that is asked as a frps asks. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Kafka, logLevel } from "kafkajs";
import { expect, it } from "vitest";
import { topics as topicsOf } from "../../src/events/index.ts";
import { eventsOf, type KafkaSettings, toKafka } from "../app/stack.ts";
import { call, environment, sluice } from "../cli/sluice.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { closeWithFile } from "../hosts/open.ts";
import { sharedKafka } from "../hosts/shared.ts";
import type { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";

const command = (example: string): [string, ...string[]] => [
  process.execPath,
  // kafkajs sets one timer to a time already past.
  "--disable-warning=TimeoutNegativeWarning",
  "--conditions=sluice-source",
  fileURLToPath(new URL(`../../connectors/consumers/${example}.ts`, import.meta.url)),
];

/** Starts an example; `out` has what it prints, `err` what it says. */
function run(example: string, args: readonly string[], kafka: KafkaSettings, group: string) {
  const [program, ...first] = command(example);
  const env = environment({
    env: {
      KAFKA_BROKERS: kafka["kafka.brokers"],
      TOPIC_PREFIX: kafka["kafka.topicPrefix"],
      GROUP_ID: group,
    },
  });
  const child = spawn(program, [...first, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const release = keep("process", child.pid!);
  const [out, err] = [new Log(), new Log()];
  createInterface({ input: child.stdout }).on("line", (line) => out.add(line));
  createInterface({ input: child.stderr }).on("line", (line) => err.add(line));
  const ended = once(child, "close").then(([code]) => {
    release();
    return code as number | null;
  });
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  closeWithFile({ [Symbol.asyncDispose]: () => end("SIGKILL").then(() => {}) });
  return { out, err, end };
}

const user = { user: "alice", metas: {}, run_id: "62ef7c0ce0eab426" };
const proxy = { user, proxy_name: "alice.ssh", proxy_type: "tcp" };

async function stack() {
  const kafka = toKafka(await sharedKafka());
  const bridge = await startBridge({ ...kafka, "sessions.endGraceMs": 200 });
  const topics = await eventsOf(bridge, kafka);
  const ask = (op: string, content: Record<string, unknown>): Promise<unknown> =>
    call(bridge.url, op, content);
  const visit = (op: string, port: number): Promise<unknown> =>
    ask(op, { ...proxy, remote_addr: `203.0.113.9:${port}` });
  await ask("Login", { user: "alice", client_address: "198.51.100.7:40000" });
  await ask("NewProxy", { ...proxy, remote_port: 6000 });
  return { kafka, bridge, topics, ask, visit };
}

/** Puts values on the topic of user sessions, on the partition of another record, as retries may. */
async function produce(kafka: KafkaSettings, partition: number, values: readonly unknown[]): Promise<void> {
  const client = new Kafka({ brokers: kafka["kafka.brokers"].split(","), logLevel: logLevel.NOTHING });
  const producer = client.producer();
  await producer.connect();
  const messages = values.map((value) => ({ partition, value: JSON.stringify(value) }));
  await producer.send({ topic: `${kafka["kafka.topicPrefix"]}user-sessions`, messages });
  await producer.disconnect();
}

const typeOf = (type: string) => ({
  type: `sluice.${type}`,
  dataschema: `urn:sluice:event:${type}:1`,
});

const sawSession = (topics: TopicEvents, type: string, port: number, inferred?: boolean) =>
  topics.saw(
    ({ type: own, data }) =>
      own === `sluice.${type}` && data.remote?.port === port && data.end?.inferred === inferred,
    `${type} of port ${port}`,
  );

it.each(["finished-sessions", "who-is-connected"])("%s explains itself", async (example) => {
  const { code, stdout, stderr } = await sluice(["--help"], { command: command(example) });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const name of ["KAFKA_BROKERS", "TOPIC_PREFIX", "GROUP_ID"]) expect(stdout).toContain(name);
});

describeWith(["kafka"], "with a bridge and Kafka", () => {
  it("the topics are those that the bridge makes", async () => {
    const { kafka } = await stack();
    const prefix = kafka["kafka.topicPrefix"];
    const client = new Kafka({ brokers: kafka["kafka.brokers"].split(","), logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    const made = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
    await admin.disconnect();
    expect(made.sort()).toEqual([...Object.values(topicsOf(prefix)), `${prefix}dead-letters`].sort());
  });

  it("finished-sessions prints each end once, corrects a guess, and goes on where it stopped", async () => {
    const { kafka, topics, ask, visit } = await stack();
    const group = unique("finished");
    const first = run("finished-sessions", [], kafka, group);

    await visit("NewUserConn", 50_001);
    await visit("CloseUserConn", 50_001);
    expect(await first.out.saw(/port 50001/)).toMatch(
      /^\d{4}-\S+Z {2}alice {2}from 203\.0\.113\.9 port 50001 {2}alice\.ssh {2}lasted \d+\.\d s {2}CloseUserConn said so$/,
    );

    await visit("NewUserConn", 50_002);
    await ask("CloseProxy", { user, proxy_name: "alice.ssh" });
    expect(await first.out.saw(/port 50002/)).toMatch(
      / {2}may still be open {2}guessed: its proxy was closed$/,
    );
    await visit("CloseUserConn", 50_002);
    expect(await first.out.saw(/^correction/)).toMatch(/port 50002 .* lasted .* CloseUserConn said so$/);

    const guess = await sawSession(topics, "session.ended", 50_002, true);
    const { event } = await sawSession(topics, "session.ended", 50_002, false);
    const last = { ...event, id: crypto.randomUUID(), supersedes: undefined };
    const data = { ...event.data, user: "eve\u001b[2J", remote: { ip: "203.0.113.9", port: 50_003 } };
    const newer = { ...event, ...typeOf("session.moved"), id: crypto.randomUUID() };
    await produce(kafka, guess.partition, [guess.event, event, newer, { no: "event" }, { ...last, data }]);
    expect(await first.out.saw(/port 50003/)).toContain("  eve?[2J  ");
    expect(first.out.lines.filter((line) => line.includes("port 50002"))).toHaveLength(2);
    expect(first.err.lines).toEqual([
      expect.stringMatching(/user-sessions \[\d\] at \d+: specversion is not 1\.0$/),
    ]);

    expect(await first.end("SIGTERM")).toBe(0);
    await visit("NewUserConn", 50_004);
    await visit("CloseUserConn", 50_004);
    const second = run("finished-sessions", [], kafka, group);
    await second.out.saw(/port 50004/);
    expect(second.out.lines).toHaveLength(1);
    expect(await second.end("SIGINT")).toBe(0);
  });

  it("who-is-connected shows the same table after kill -9", async () => {
    const { kafka, topics, ask, visit } = await stack();
    const group = unique("connected");
    const first = run("who-is-connected", ["--json"], kafka, group);
    /** Each row as `port state`, by port. */
    const rows = (line: string): string[] =>
      (JSON.parse(line) as { from: string; state: string }[])
        .map(({ from, state }) => `${from.split(" ").at(-1)} ${state}`)
        .sort();
    let seen = 0;
    /** Resolves with the next table that has these rows. */
    const sawRows = async (...wanted: string[]): Promise<string> => {
      for (;;) {
        const line = await first.out.saw(/^\[/, { from: seen });
        seen = first.out.lines.indexOf(line, seen) + 1;
        if (rows(line).join() === wanted.join()) return line;
      }
    };
    await sawRows();
    expect(first.err.lines).toContain("caught up");

    // Until a first end is told, nobody knows whether this frps tells any.
    await visit("NewUserConn", 50_001);
    await sawRows("50001 unknown");
    await visit("NewUserConn", 50_002);
    await visit("NewUserConn", 50_003);
    await visit("CloseUserConn", 50_001);
    await sawRows("50002 open", "50003 open");

    const { event, partition } = await sawSession(topics, "session.started", 50_002);
    const [stray, late] = [crypto.randomUUID(), crypto.randomUUID()];
    const remote = (port: number) => ({ ip: "203.0.113.9", port });
    const ended = (await sawSession(topics, "session.ended", 50_001, false)).event;
    await produce(kafka, partition, [
      // A start that came again; an end before its start; a start that was refused after all.
      event,
      {
        ...ended,
        id: crypto.randomUUID(),
        data: { ...ended.data, session: { id: late, key: event.data.session.key } },
      },
      { ...event, id: late, data: { ...event.data, remote: remote(50_004) } },
      { ...event, id: stray, data: { ...event.data, remote: remote(50_005) } },
      { ...event, ...typeOf("session.refused"), id: crypto.randomUUID(), supersedes: stray },
      { ...event, id: crypto.randomUUID(), data: { ...event.data, remote: remote(50_006) } },
    ]);
    const table = await sawRows("50002 open", "50003 open", "50006 open");

    expect(await first.end("SIGKILL")).toBe(null);
    const second = run("who-is-connected", ["--json"], kafka, group);
    expect(await second.out.saw(/^\[/)).toBe(table);
    expect(second.out.lines).toHaveLength(1);
    expect(await second.end("SIGTERM")).toBe(0);

    // Whether what its proxy had is still open, only frps knows, and it told nothing.
    const third = run("who-is-connected", [], kafka, group);
    await third.out.saw(/^open +alice +alice\.ssh +frps +\S+Z +203\.0\.113\.9 port 50003/);
    await ask("CloseProxy", { user, proxy_name: "alice.ssh" });
    await third.out.saw(/^unknown +alice +alice\.ssh .* port 50003/);
    await visit("CloseUserConn", 50_003);
    await third.out.saw(/^2 sessions$/);
    const left = third.out.lines.slice(third.out.lines.findLastIndex((line) => line.startsWith("STATE")));
    expect(left.join("\n")).not.toContain("port 50003");
    expect(await third.end("SIGINT")).toBe(0);
  });
});
