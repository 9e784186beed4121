/**
 * Answers at 2,000 op/s while events catch up behind an outage of Kafka; and how far Kafka is behind at 5,000 op/s. For the
 * limit, those of the least program (part limit) while kafkajs alone sends as many events to the same Kafka.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KafkaHost } from "../../hosts/kafka.ts";
import { Log } from "../../hosts/log.ts";
import { Supervised } from "../../hosts/process.ts";
import type { KafkajsWork } from "../alone/kafkajs.ts";
import { madeBatches } from "../alone/made-batches.ts";
import type { Asking } from "../load/generator.ts";
import { lagIn, metricsOf } from "../metrics.ts";
import { most, runPart, say, type Tell, type Work } from "../part.ts";
import { rssMiB } from "../process-usage.ts";
import { eachVersion, kafka, lineOf, Stage, settled } from "../stage.ts";
import { median, quantile, ratios, rounded, shownSpread, spreadOf } from "../statistics.ts";

const perSecond = 2_000;
const steadyPerSecond = 5_000;
const open = { mode: "open", connections: 64, perSecond } as const;
/** What is under way in a second of the load is no backlog. */
const caughtUpRecords = perSecond;
const pollMs = 100;
const leastProgram = "least program";
const readyWithinMs = 60_000;

interface Cycle {
  readonly undisturbedMs: number;
  readonly catchingUpMs: number;
  readonly seconds: number;
  readonly events: number;
  readonly rssBeforeMiB: number;
  readonly rssMostMiB: number;
  readonly cpuUs: readonly [number, number];
}

async function catchUp(work: Work, tell: Tell): Promise<void> {
  await using host = await kafka();
  await using stage = await Stage.open(work);
  const settings = { "kafka.brokers": host.brokers.join(","), "journal.maxBytes": "64GiB" };
  await stage.sluice("sluice", { sync: "fsync", settings });
  const cycles = new Map([...stage.subjects.keys()].map((name) => [name, [] as Cycle[]]));
  const lags = new Map<string, readonly string[]>();
  for (const name of cycles.keys()) {
    await stage.ask(name, open);
    lags.set(name, await steadyLag(stage, name));
  }
  // A cycle is long by itself: few of them.
  for (let round = 0; round < Math.min(work.rounds, 3); round++)
    for (const [name, all] of cycles) all.push(await cycle(stage, host, name, round));
  const events = `${work.lengths.catchUpEvents.toLocaleString("en-US")} events`;
  for (const [name, version] of eachVersion("sluice", work.versions)) {
    const all = cycles.get(name)!;
    tell({
      kind: "measured",
      version,
      what: `p99 at 2,000 op/s while ${events} catch up, to the undisturbed`,
      how: `Open loop, fsync; Kafka is killed until ${events} wait, and asked for from its start until less than a second of the load is behind; the undisturbed just before.`,
      unit: "×",
      spread: spreadOf(
        ratios(
          all.map(({ catchingUpMs }) => catchingUpMs),
          all.map(({ undisturbedMs }) => undisturbedMs),
        ),
      ),
      required: most(2),
      sought: most(1.3),
      cpuUs: [median(all.map(({ cpuUs }) => cpuUs[0])), median(all.map(({ cpuUs }) => cpuUs[1]))],
    });
  }
  const middle = (all: readonly Cycle[], pick: (cycle: Cycle) => number): string =>
    shownSpread(spreadOf(all.map(pick)));
  tell({
    kind: "table",
    title: `Catching up after an outage of ${events}, at 2,000 op/s that go on`,
    columns: [
      "",
      "seconds",
      "journal → Kafka, events/s",
      "p99 before, ms",
      "p99 meanwhile, ms",
      "RSS before, MiB",
      "most RSS meanwhile, MiB",
    ],
    rows: [...cycles].map(([name, all]) => [
      name,
      middle(all, ({ seconds }) => seconds),
      middle(all, ({ events, seconds }) => events / seconds),
      middle(all, ({ undisturbedMs }) => undisturbedMs),
      middle(all, ({ catchingUpMs }) => catchingUpMs),
      middle(all, ({ rssBeforeMiB }) => rssBeforeMiB),
      middle(all, ({ rssMostMiB }) => rssMostMiB),
    ]),
  });
  const caughtUpPerSecond = median(cycles.get("sluice")!.map(({ events, seconds }) => events / seconds));
  tell({
    kind: "table",
    title: `The least program at 2,000 op/s, alone and while kafkajs alone is to send ${rounded(caughtUpPerSecond)} events/s to the same Kafka`,
    columns: ["", "p99 alone, ms", "p99 meanwhile, ms"],
    rows: [[leastProgram, ...(await leastBeside(stage, host, caughtUpPerSecond, work.rounds))]],
  });
  tell({
    kind: "table",
    title: "Behind the answer at a steady 5,000 op/s, open loop",
    columns: ["", "answers/s", "events behind, p50", "events behind, most", "oldest, s, most", "p99 ms"],
    rows: [...lags].map(([name, cells]) => [name, ...cells]),
  });
}

/** No bridge has any part in it. */
async function leastBeside(
  stage: Stage,
  host: KafkaHost,
  perSecond: number,
  rounds: number,
): Promise<string[]> {
  await stage.least(leastProgram, "record");
  const batchesFrom = join(stage.folder.path, "batches");
  await writeFile(batchesFrom, await madeBatches(host.brokers));
  const found: { readonly alone: number[]; readonly meanwhile: number[] } = { alone: [], meanwhile: [] };
  for (let round = 0; round < rounds; round++) {
    const undisturbed = async (): Promise<void> => {
      found.alone.push((await stage.ask(leastProgram, open)).p99);
    };
    if (round % 2 === 0) await undisturbed();
    const log = new Log();
    const work = { brokers: host.brokers, batchesFrom, perSecond } satisfies KafkajsWork;
    const program = join(import.meta.dirname, "..", "alone", "kafkajs.ts");
    const args = ["--disable-warning=TimeoutNegativeWarning", "--expose-gc", program, JSON.stringify(work)];
    const sender = new Supervised({ program: process.execPath, args }, log);
    try {
      await log.saw(/^sends$/, { timeoutMs: readyWithinMs, unless: sender.exited });
      found.meanwhile.push((await stage.ask(leastProgram, open)).p99);
    } finally {
      await sender.end("SIGKILL", 1_000);
    }
    if (round % 2 === 1) await undisturbed();
  }
  say(
    `  least program            p99 ${found.alone.map(rounded)} ms alone, ${found.meanwhile.map(rounded)} meanwhile`,
  );
  return [found.alone, found.meanwhile].map((all) => shownSpread(spreadOf(all)));
}

async function steadyLag(stage: Stage, name: string): Promise<readonly string[]> {
  const subject = stage.of(name);
  const loading = begin(stage, name, { ...open, perSecond: steadyPerSecond });
  const untilMs = performance.now() + (stage.work.warmUpSeconds + 3 * stage.work.seconds) * 1000;
  const [records, seconds]: [number[], number[]] = [[], []];
  while (performance.now() < untilMs) {
    await Promise.race([delay(pollMs), loading.failed]);
    const metrics = await metricsOf(subject.adminPort);
    records.push(lagIn(metrics));
    seconds.push(metrics("sluice_kafka_lag_seconds"));
  }
  const figures = await loading.stop();
  await settled(subject);
  const cells = [
    figures.perSecond,
    quantile(records, 0.5),
    Math.max(...records),
    Math.max(...seconds),
    figures.p99,
  ];
  return cells.map(rounded);
}

async function cycle(stage: Stage, host: KafkaHost, name: string, round: number): Promise<Cycle> {
  const subject = stage.of(name);
  const { adminPort, pid } = subject;
  const undisturbed = await stage.ask(name, open);
  say(`  round ${round + 1}  undisturbed            ${lineOf(undisturbed)}`);
  await settled(subject);
  const rssBeforeMiB = rssMiB(pid);
  await host.nodes[0].kill();
  const filling = begin(stage, name, { mode: "closed", connections: 64 });
  const lastOf = async (): Promise<number> => (await metricsOf(adminPort))("sluice_journal_last_seq");
  const wanted = (await lastOf()) + stage.work.lengths.catchUpEvents;
  while ((await lastOf()) < wanted) await Promise.race([delay(pollMs), filling.failed]);
  await filling.stop();
  const lag = async (): Promise<number> => lagIn(await metricsOf(adminPort));
  const waiting = await lag();
  say(`  round ${round + 1}  ${rounded(waiting)} events wait; Kafka starts`);
  await host.nodes[0].start();
  const from = await lastOf();
  const fromMs = performance.now();
  const loading = begin(stage, name, open);
  let rssMostMiB = 0;
  for (;;) {
    await Promise.race([delay(pollMs), loading.failed]);
    rssMostMiB = Math.max(rssMostMiB, rssMiB(pid));
    if ((await lag()) <= caughtUpRecords) break;
  }
  const seconds = (performance.now() - fromMs) / 1000;
  const events = waiting + (await lastOf()) - from;
  // So that something is counted even where it was soon over.
  await delay(Math.max(0, stage.work.warmUpSeconds + stage.work.seconds / 2 - seconds) * 1000);
  const meanwhile = await loading.stop();
  say(`  round ${round + 1}  ${seconds.toFixed(1)} s to catch up    ${lineOf(meanwhile)}`);
  await settled(subject);
  const cpuUs = [meanwhile.cpuUs, undisturbed.cpuUs] as const;
  return {
    undisturbedMs: undisturbed.p99,
    catchingUpMs: meanwhile.p99,
    seconds,
    events,
    rssBeforeMiB,
    rssMostMiB,
    cpuUs,
  };
}

function begin(stage: Stage, name: string, ask: Pick<Asking, "mode" | "connections" | "perSecond">) {
  const { port, pid } = stage.of(name);
  // Nothing is left out here: what happens first counts.
  return stage.generator.begin({ ...ask, port, pid, warmUpMs: 100 });
}

await runPart(catchUp);
