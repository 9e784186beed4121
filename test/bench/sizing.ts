/**
 * What one bridge carries, and what its events take on disk and in Kafka: the figures of "Sizing" in the README.
 *
 *   a Kafka, a bridge ──▶ load ──▶ until Kafka has all ──▶ sizes         once for each choice of projections
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { temporaryFolder } from "../hosts/folder.ts";
import { startKafka } from "../hosts/kafka.ts";
import { Generator } from "./load/generator.ts";
import { lagIn, metricsOf } from "./metrics.ts";
import { startSluice } from "./subject.ts";

const help = `Measures what one bridge carries, with a real Kafka of one broker beside it on the same machine.

  npm run bench:sizing -- [--seconds 5] [--connections 32]

  --seconds      of load, as fast as the bridge answers
  --connections  keep-alive connections, each with one request under way`;

const tree = join(import.meta.dirname, "..", "..");
const pollMs = 20;
const choices = [[], ["flat"], ["ocsf", "ecs", "flat"]];

interface Sizes {
  readonly answersPerSecond: number;
  readonly cpuMicroseconds: number;
  /** What Kafka had not confirmed when the load ended, and how long that took then. */
  readonly behindEvents: number;
  readonly caughtUpMs: number;
  readonly journalBytes: number;
  readonly kafkaBytes: number;
  readonly rssMiB: number;
}

async function sizesOf(projections: readonly string[], seconds: number, connections: number): Promise<Sizes> {
  const folder = await temporaryFolder("sizing");
  try {
    return await sizesIn(folder.path, projections, seconds, connections);
  } finally {
    await folder.remove();
  }
}

async function sizesIn(
  folder: string,
  projections: readonly string[],
  seconds: number,
  connections: number,
): Promise<Sizes> {
  const data = join(folder, "kafka");
  await using kafka = await startKafka({ data });
  const bridge = await startSluice({
    tree,
    sync: "fsync",
    settings: { "kafka.brokers": kafka.brokers.join(","), "events.projections": projections.join(",") },
  });
  try {
    const { port, pid, adminPort } = bridge;
    const generator = (await Generator.make(folder, "closes"))!;
    const work = { port, pid, connections, warmUpMs: 1000, countMs: seconds * 1000 };
    const figures = await generator.ask({ mode: "closed", ...work });
    const beganMs = performance.now();
    const before = await metricsOf(adminPort);
    let now = before;
    while (lagIn(now) > 0) {
      await delay(pollMs);
      now = await metricsOf(adminPort);
    }
    const caughtUpMs = performance.now() - beganMs;
    const events = now("sluice_journal_last_seq");
    return {
      answersPerSecond: figures.perSecond,
      cpuMicroseconds: figures.cpuUs,
      behindEvents: lagIn(before),
      caughtUpMs,
      journalBytes: now("sluice_journal_bytes") / events,
      kafkaBytes: (await bytesOfTopics(data)) / events,
      rssMiB: now("process_resident_memory_bytes") / 2 ** 20,
    };
  } finally {
    await bridge.end();
  }
}

/** Of the segments of all topics that are Sluice's, one replica. */
async function bytesOfTopics(data: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(data, { recursive: true }))
    if (/^sluice\..*\.log$/.test(name)) bytes += (await stat(join(data, name))).size;
  return bytes;
}

const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h" },
    seconds: { type: "string", default: "5" },
    connections: { type: "string", default: "32" },
  },
});
if (values.help) process.stdout.write(`${help}\n`);
else {
  process.stdout.write(
    "projections      answers/s  CPU µs  behind, events  caught up, s  journal, bytes  Kafka, bytes  RSS, MiB\n",
  );
  for (const projections of choices) {
    const sizes = await sizesOf(projections, Number(values.seconds), Number(values.connections));
    const cells = [
      (projections.join(" ") || "none").padEnd(15),
      sizes.answersPerSecond.toFixed(0).padStart(10),
      sizes.cpuMicroseconds.toFixed(0).padStart(7),
      sizes.behindEvents.toFixed(0).padStart(14),
      (sizes.caughtUpMs / 1000).toFixed(1).padStart(13),
      sizes.journalBytes.toFixed(0).padStart(15),
      sizes.kafkaBytes.toFixed(0).padStart(13),
      sizes.rssMiB.toFixed(0).padStart(9),
    ];
    process.stdout.write(`${cells.join(" ")}\n`);
  }
}
