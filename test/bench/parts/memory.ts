/** What memory an outage of Kafka takes at 1,000 op/s, and its end. */
import { setTimeout as delay } from "node:timers/promises";
import type { KafkaHost } from "../../hosts/kafka.ts";
import { lagIn, metricsOf } from "../metrics.ts";
import { most, runPart, say, type Tell, type Work } from "../part.ts";
import { rssMiB } from "../process-usage.ts";
import { eachVersion, kafka, Stage, settled } from "../stage.ts";
import { quantile, rounded, spreadOf } from "../statistics.ts";

const perSecond = 1_000;
const pollMs = 500;
/** Of the samples of a time, the last share of them says where it ended. */
const endShare = 0.2;

interface Outage {
  /** MiB, sampled while Kafka was there, while it was away, and while it got what had waited. */
  readonly there: readonly number[];
  readonly away: readonly number[];
  readonly back: readonly number[];
  readonly waited: number;
}

async function memory(work: Work, tell: Tell): Promise<void> {
  const { outageSeconds } = work.lengths;
  await using host = await kafka();
  await using stage = await Stage.open(work);
  const settings = { "kafka.brokers": host.brokers.join(","), "journal.maxBytes": "64GiB" };
  await stage.sluice("sluice", { sync: "fsync", settings });
  const found = new Map<string, Outage>();
  for (const name of stage.subjects.keys()) found.set(name, await outage(stage, host, name));
  for (const [name, version] of eachVersion("sluice", work.versions)) {
    const { there, away } = found.get(name)!;
    tell({
      kind: "measured",
      version,
      what: `RSS added by ${duration(outageSeconds)} of Kafka outage at 1,000 op/s`,
      how: `Open loop, ${duration(beforeSeconds(outageSeconds))} with Kafka before; what the last fifth of each time takes, the middle one of its samples.`,
      unit: "MiB",
      spread: spreadOf([end(away) - end(there)]),
      required: most(64),
      sought: most(16),
    });
  }
  tell({
    kind: "table",
    title: `RSS in MiB at 1,000 op/s, ${duration(outageSeconds)} without Kafka`,
    columns: [
      "",
      "with Kafka",
      "most",
      "outage, after a quarter",
      "half",
      "three quarters",
      "at its end",
      "most",
      "events waited",
      "catching up, most",
      "behind it",
    ],
    rows: [...found].map(([name, { there, away, back, waited }]) => [
      name,
      ...[end(there), Math.max(...there)].map(rounded),
      ...[0.25, 0.5, 0.75].map((share) => rounded(away[Math.floor(away.length * share)] ?? Number.NaN)),
      ...[end(away), Math.max(...away), waited, Math.max(...back), back.at(-1)!].map(rounded),
    ]),
  });
}

async function outage(stage: Stage, host: KafkaHost, name: string): Promise<Outage> {
  const subject = stage.of(name);
  const { port, pid, adminPort } = subject;
  const lag = async (): Promise<number> => lagIn(await metricsOf(adminPort));
  const loading = stage.generator.begin({ mode: "open", connections: 64, perSecond, port, pid, warmUpMs: 0 });
  const sampled = async (until: () => Promise<boolean>): Promise<number[]> => {
    const samples: number[] = [];
    do {
      await Promise.race([delay(pollMs), loading.failed]);
      samples.push(rssMiB(pid));
    } while (!(await until()));
    return samples;
  };
  const forSeconds = (seconds: number): (() => Promise<boolean>) => {
    const untilMs = performance.now() + seconds * 1000;
    return async () => performance.now() >= untilMs;
  };
  const { outageSeconds } = stage.work.lengths;
  const there = await sampled(forSeconds(beforeSeconds(outageSeconds)));
  say(`  ${name}: with Kafka ${rounded(end(there))} MiB`);
  await host.nodes[0].kill();
  const away = await sampled(forSeconds(outageSeconds));
  const waited = await lag();
  say(`  ${name}: without it ${rounded(end(away))} MiB, ${rounded(waited)} events wait`);
  await host.nodes[0].start();
  const back = await sampled(async () => (await lag()) <= perSecond);
  await loading.stop();
  await settled(subject);
  say(`  ${name}: catching up ${rounded(Math.max(...back))} MiB at most`);
  return { there, away, back, waited };
}

function end(samples: readonly number[]): number {
  return quantile(samples.slice(-Math.ceil(samples.length * endShare)), 0.5);
}

/** Its memory stays as it is long before. */
function beforeSeconds(outageSeconds: number): number {
  return Math.min(outageSeconds, 180);
}

function duration(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

await runPart(memory);
