/** What a part needs to have servers asked: they run beside each other and are asked in turns; all end with the stage. */
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { type KafkaHost, startKafka } from "../hosts/kafka.ts";
import { providerOf, type Service } from "../hosts/provider.ts";
import { type RedisHost, startRedis } from "../hosts/redis.ts";
import type { Step } from "./least/steps.ts";
import { type Asking, type Figures, Generator } from "./load/generator.ts";
import { lagIn, metricsOf } from "./metrics.ts";
import { Lacking, say, type Version, type Work } from "./part.ts";
import { rounded } from "./statistics.ts";
import {
  isInMemory,
  type SluiceOptions,
  type Subject,
  startFloor,
  startLeast,
  startSluice,
} from "./subject.ts";
import { type Rounds, roundsOf } from "./turns.ts";

const settleWithinMs = 600_000;
const pollMs = 50;
const fewRecords = 10;

type Ask = Omit<Asking, "port" | "pid" | "warmUpMs" | "countMs">;

export class Stage implements AsyncDisposable {
  readonly work: Work;
  readonly folder: Folder;
  readonly generator: Generator;
  readonly subjects = new Map<string, Subject>();
  #prefixes = 0;

  private constructor(work: Work, folder: Folder, generator: Generator) {
    this.work = work;
    this.folder = folder;
    this.generator = generator;
  }

  static async open(work: Work): Promise<Stage> {
    if (await isInMemory(tmpdir())) say(`${tmpdir()} lies in memory: a sync costs nothing there, set TMPDIR`);
    const folder = await temporaryFolder("bench-stage");
    const generator = await Generator.make(folder.path, work.mix, work.load);
    if (generator === undefined) throw new Lacking("no Go to build the load generator with");
    return new Stage(work, folder, generator);
  }

  async floor(): Promise<void> {
    this.subjects.set("floor", await startFloor());
  }

  async least(name: string, step: Step): Promise<void> {
    this.subjects.set(name, await startLeast(step));
  }

  /** One of each version; only this one's leaves a profile. */
  async sluice(name: string, options: Omit<SluiceOptions, "tree" | "profileTo">): Promise<void> {
    for (const [at, { tree, name: version }] of this.work.versions.entries()) {
      const profileTo = at === 0 ? this.work.profileTo : undefined;
      const settings = { "kafka.topicPrefix": `bench${this.#prefixes++}.`, ...options.settings };
      const subject = await startSluice({ ...options, settings, tree, profileTo });
      this.subjects.set(labelled(name, at === 0 ? null : version), subject);
    }
  }

  of(name: string): Subject {
    return this.subjects.get(name)!;
  }

  /** Asks all in turns. One with a Kafka has until its next turn to send what it holds, and so do the others. */
  rounds(ask: Ask, names: readonly string[] = [...this.subjects.keys()]): Promise<Rounds<Figures>> {
    const { rounds } = this.work;
    const measure = async (name: string, round: number): Promise<Figures> => {
      const figures = await this.ask(name, ask);
      const what = `${ask.mode} ${ask.connections}`.padEnd(12);
      say(`  ${round === 0 ? "warm-up" : `round ${round}`}  ${what} ${name.padEnd(24)} ${lineOf(figures)}`);
      await settled(this.of(name));
      return figures;
    };
    return roundsOf(names, measure, rounds);
  }

  ask(name: string, ask: Ask): Promise<Figures> {
    const { port, pid } = this.of(name);
    const { seconds, warmUpSeconds } = this.work;
    return this.generator.ask({ ...ask, port, pid, warmUpMs: warmUpSeconds * 1000, countMs: seconds * 1000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { verify } = this.work;
    const ends = await Promise.allSettled(
      [...this.subjects.values()].map((subject) => subject.end({ verify })),
    );
    await this.folder.remove();
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
  }
}

/** Of another version than this one with its revision. */
export function labelled(name: string, version: string | null): string {
  return version === null ? name : `${name} at ${version}`;
}

/** The names of this version and of those it is compared with, together with the version that each is of. */
export function eachVersion(name: string, versions: readonly Version[]): [string, string][] {
  return versions.map(({ name: version }, at) => [labelled(name, at === 0 ? null : version), version]);
}

/** Kafka has all that the bridge has recorded, to a few that it goes on telling of itself. At once without a Kafka. */
export async function settled({ adminPort }: Subject): Promise<void> {
  if (adminPort === 0) return;
  const untilMs = performance.now() + settleWithinMs;
  for (;;) {
    if (!(lagIn(await metricsOf(adminPort)) > fewRecords)) return;
    if (performance.now() > untilMs) throw new Error("Kafka does not get what the bridge has recorded");
    await delay(pollMs);
  }
}

export function lineOf({ perSecond, p50, p99, p999, cpuUs, generatorUs }: Figures): string {
  const cells = [
    `${rounded(perSecond).padStart(7)}/s`,
    `p50 ${rounded(p50)}`,
    `p99 ${rounded(p99)}`,
    `p99.9 ${rounded(p999)} ms`,
    `CPU ${rounded(cpuUs)} µs`,
    `load ${rounded(generatorUs)} µs`,
  ];
  return cells.join("  ");
}

export async function kafka(overrides?: Record<string, string>): Promise<KafkaHost> {
  await needs("kafka");
  say("  starting Kafka");
  return startKafka(overrides ? { overrides } : {});
}

export async function redis(): Promise<RedisHost> {
  await needs("redis");
  return startRedis();
}

async function needs(service: Service): Promise<void> {
  const provider = await providerOf(service);
  if (provider.way === "missing") throw new Lacking(`no ${service}: ${provider.why}`);
}
