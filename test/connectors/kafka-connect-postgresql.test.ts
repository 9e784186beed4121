/** connectors/kafka-connect-postgresql, run by a real Connect worker, with deploy/connect beside it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CompressionTypes, Partitioners } from "kafkajs";
import { beforeAll, expect, it } from "vitest";
import { endsCame } from "../app/ended-sessions.ts";
import { sluice } from "../cli/sluice.ts";
import { startBackend } from "../hosts/backend.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startFrpc } from "../hosts/frp.ts";
import { startEndingFrps } from "../hosts/frp-ends.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { keep } from "../hosts/keeper.ts";
import { Log } from "../hosts/log.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { clientOf, countOf, readTopics } from "../kafka/kafka-reading.ts";
import { randomFrom } from "../random.ts";
import {
  type ConnectorName,
  expectRowsAsTold,
  names,
  rowsOf,
  type SinkStack,
  settled,
  sqlFile,
  startSinkStack,
  visits,
} from "./kafka-connect-stack.ts";

const sessions = Number(process.env.SLUICE_TEST_SINK_SESSIONS ?? 150);
const downMs = Number(process.env.SLUICE_TEST_SINK_DOWN_MS ?? 1_000);
const tables = ["sluice_flat", "sluice_flat_sessions"] as const;
const timeoutMs = 60_000 + downMs + sessions * 30;

/** Starts the supervisor as a process; `end` tells its exit code. */
function supervise(args: readonly string[]) {
  const program = fileURLToPath(new URL("../../deploy/connect/supervise.mjs", import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const release = keep("process", child.pid!);
  const log = new Log();
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on("line", (line) => log.add(line));
  const ended = once(child, "close").then(([code]) => {
    release();
    return code as number | null;
  });
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  closeWithFile({ [Symbol.asyncDispose]: () => end("SIGKILL").then(() => {}) });
  return { log, ended, end };
}

describeWith(["kafka", "connect", "postgres", "frp", "frp-ends"], "Connect's JDBC sink", () => {
  let stack: SinkStack;
  beforeAll(async () => {
    stack = await startSinkStack();
  });

  /** The offset of the first. */
  const produce = async (name: ConnectorName, values: readonly string[]): Promise<number> => {
    const producer = clientOf(stack.brokers).producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = values.map((value) => ({ value }));
    const topic = stack.topicOf(name);
    const [kept] = await producer.send({ topic, compression: CompressionTypes.GZIP, messages });
    await producer.disconnect();
    return Number(kept?.baseOffset);
  };
  const valuesOf = async (name: ConnectorName): Promise<string[]> => {
    const topic = stack.topicOf(name);
    const count = await countOf(stack.brokers, topic);
    const records = await readTopics(stack.brokers, [topic], ({ length }) => length >= count);
    return records.map(({ value }) => value);
  };
  /** Of all rows, each by what stands in its columns. */
  const digestsOf = async (table: string, database?: string): Promise<string[]> => {
    const query = `SELECT md5(held::text) AS digest FROM ${table} AS held ORDER BY 1`;
    return (await rowsOf<{ digest: string }>(stack.postgres, query, database)).map(({ digest }) => digest);
  };

  it(
    `makes one row of each of ${sessions} sessions of a real frps, and what an export has of all the rest`,
    async () => {
      const { bridge, topics, postgres, settings } = stack;
      const { echoPort } = await startBackend();
      const remotePort = await freePort();
      await using frps = await startEndingFrps({ plugins: [{ addr: bridge.addr }] });
      await using _frpc = await startFrpc({
        frps,
        user: "alice",
        until: "all",
        proxies: [{ name: "ssh", type: "tcp", localPort: echoPort, remotePort }],
      });
      for (let left = sessions; left > 0; left -= 50) {
        const users = await Promise.all(
          Array.from({ length: Math.min(50, left) }, () => tcpUser(remotePort)),
        );
        expect(await Promise.all(users.map(({ served }) => served))).not.toContain(false);
        await Promise.all(users.map((user) => user.close()));
      }
      expect(await endsCame(topics, sessions, timeoutMs)).toHaveLength(sessions);
      expect(await frps.ended()).toHaveLength(sessions);
      await frps.close();
      await bridge.stop();
      await topics.saw(({ type }) => type === "sluice.bridge.stopped", "bridge.stopped");
      await postgres.until(
        `EXISTS (SELECT FROM sluice_flat WHERE event_type = 'sluice.bridge.stopped') AND
       (SELECT count(*) FROM sluice_flat_sessions WHERE state = 'ended') >= ${sessions}`,
        timeoutMs,
      );
      await expectRowsAsTold(stack);

      const own = { settings: { ...settings, "data.dir": bridge.dataDir } };
      const verdict = await sluice(["verify"], own);
      expect([verdict.code, verdict.stdout]).toEqual([0, expect.stringMatching(/^WHOLE: /m)]);

      for (const view of ["flat", "flat-sessions"]) {
        const output = join(bridge.folder, `${view}.csv`);
        await sluice(["export", "--format", "csv", "--as", view, "--output", output], own);
      }
      await postgres.psql(["-qc", "CREATE DATABASE exported"]);
      const files = ["tables", "views", "load"].flatMap((name) => ["-f", sqlFile(name)]);
      await postgres.psql(["-d", "exported", "-q", ...files], bridge.folder);
      for (const table of tables) expect(await digestsOf(table)).toEqual(await digestsOf(table, "exported"));
      for (const name of [
        "concurrency-over-time",
        "longest-sessions",
        "policy-changes-and-effect",
        "refused-by-reason-and-block",
        "sessions-per-user-and-day",
      ]) {
        const query = readFileSync(sqlFile(name), "utf8");
        expect(await rowsOf(postgres, query), name).toEqual(await rowsOf(postgres, query, "exported"));
      }
      await bridge.start();
    },
    timeoutMs,
  );

  it(
    "keeps a session's best row in whatever order its records come, and however often",
    async () => {
      const { bridge, settings, postgres } = stack;
      await visits(stack, 10);
      await settled(stack);
      const before = (await Promise.all(tables.map((table) => digestsOf(table)))).flat();
      const replay = ["replay", "--from", "journal", "--topic", "flat", "--topic", "flat-sessions"];
      const { code } = await sluice(replay, { settings: { ...settings, "data.dir": bridge.dataDir } });
      expect(code).toBe(0);
      const values = (await valuesOf("sluice-flat-sessions")).slice(-60);
      const random = randomFrom(3);
      const shuffled = values.toSorted(() => random() - 0.5);
      await produce("sluice-flat-sessions", [...values.toReversed(), ...shuffled]);

      const [open, ended] = ["open", "ended"].map((state) => {
        return JSON.parse(values.findLast((value) => value.includes(`"state":"${state}"`))!);
      });
      const inferred = { state: "ended_inferred", state_rank: 1 };
      const steps = [open, { ...ended, payload: { ...ended.payload, ...inferred } }, ended];
      const orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
        [0, 2, 0, 2, 1, 1],
      ];
      const made = orders.flatMap((order, at) =>
        order.map((step) => {
          const { schema, payload } = steps[step];
          return JSON.stringify({ schema, payload: { ...payload, session_id: `made-${at}` } });
        }),
      );
      await produce("sluice-flat-sessions", made);
      await settled(stack);
      const ofMade = "FROM sluice_flat_sessions WHERE session_id LIKE 'made-%'";
      const states = await rowsOf<{ state: string }>(postgres, `SELECT state ${ofMade}`);
      expect(states.map(({ state }) => state)).toEqual(orders.map(() => "ended"));
      await postgres.psql(["-qc", `DELETE ${ofMade}`]);
      const after = new Set((await Promise.all(tables.map((table) => digestsOf(table)))).flat());
      expect(before.filter((row) => !after.has(row))).toEqual([]);
      await expectRowsAsTold(stack);
    },
    timeoutMs,
  );

  it(
    "puts what is no row of Sluice's onto Connect's dead letters, with the reason, and goes on",
    async () => {
      const { deadLetters, brokers, postgres } = stack;
      await settled(stack);
      const row = JSON.parse((await valuesOf("sluice-flat-sessions"))[0]!);
      const poison = [
        "{bad json",
        '{"no":"schema"}',
        "\0",
        JSON.stringify({ ...row, payload: { ...row.payload, session_id: null } }),
      ];
      for (const name of names) await produce(name, poison);
      // A later release may add columns.
      const column = { field: "added", type: "string", optional: true };
      const schema = { ...row.schema, fields: [...row.schema.fields, column] };
      const payload = { ...row.payload, session_id: "made", added: "later" };
      await produce("sluice-flat-sessions", [JSON.stringify({ schema, payload })]);
      await settled(stack);
      const letters = await readTopics(brokers, [deadLetters], (records) => records.length >= 8);
      const told = letters.map(({ value, headers }) => [
        headers["__connect.errors.connector.name"],
        headers["__connect.errors.topic"],
        headers["__connect.errors.stage"],
        headers["__connect.errors.exception.class.name"]?.split(".").at(-1),
        value,
      ]);
      expect(told.sort()).toEqual(
        names
          .flatMap((name) =>
            poison.map((text) => [name, stack.topicOf(name), "VALUE_CONVERTER", "DataException", text]),
          )
          .sort(),
      );
      expect(
        await rowsOf(postgres, "SELECT added FROM sluice_flat_sessions WHERE session_id = 'made'"),
      ).toEqual([{ added: "later" }]);
      await postgres.psql(["-qc", "DELETE FROM sluice_flat_sessions WHERE session_id = 'made'"]);
      await expectRowsAsTold(stack);
    },
    timeoutMs,
  );

  it(
    "stands still before what only PostgreSQL refuses, and goes on behind it once that is skipped",
    async () => {
      const { rest } = stack.connect;
      const name = "sluice-flat-sessions";
      await settled(stack);
      const { schema, payload } = JSON.parse((await valuesOf(name))[0]!);
      const refused = JSON.stringify({ schema, payload: { ...payload, session_id: "made\0" } });
      const offset = await produce(name, [refused]);
      await visits(stack, 5);
      const { tasks } = await rest.sawFailed(name);
      expect(tasks[0]?.trace).toContain("invalid byte sequence for encoding");
      await rest.stop(name);
      await rest.moveTo(name, stack.topicOf(name), 0, offset + 1);
      await rest.resume(name);
      await settled(stack);
      await expectRowsAsTold(stack);
    },
    timeoutMs,
  );

  it(
    `has every row once after PostgreSQL was away for ${downMs} ms, when the supervisor runs`,
    async () => {
      const { postgres, connect } = stack;
      const quick = ["--every", "0.2", "--first-wait", "0.5", "--longest-wait", "2"];
      const supervisor = supervise(["--url", connect.rest.url, ...quick]);
      await settled(stack);
      await visits(stack, 20);
      const over = pause(downMs);
      await postgres.stop("SIGINT");
      await visits(stack, 20);
      for (const name of names)
        await supervisor.log.saw(new RegExp(`${name}: task 0 failed: .*Exception.*; restart 1`), {
          timeoutMs,
        });
      await over;
      await postgres.start();
      await visits(stack, 20);
      await settled(stack, timeoutMs);
      await expectRowsAsTold(stack);
      for (const name of names)
        await supervisor.log.saw(new RegExp(`${name}: runs again, \\d+ restart`), { timeoutMs });
      expect(await supervisor.end("SIGTERM")).toBe(0);
    },
    timeoutMs,
  );

  it(
    "has every row once after the worker was killed",
    async () => {
      const { connect } = stack;
      await visits(stack, 20);
      await connect.kill();
      await visits(stack, 20);
      await connect.start();
      await visits(stack, 20);
      await settled(stack);
      await expectRowsAsTold(stack);
    },
    timeoutMs,
  );
});
