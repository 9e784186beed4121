/** Lets one fault befall a bridge under load, and has the judge look at what came of it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Load } from "../app/load.ts";
import { smallDisk } from "../app/small-disk.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { startRedis } from "../hosts/redis.ts";
import { randomFrom } from "../random.ts";
import type { Fault, Scene } from "./fault.ts";
import type { Ground } from "./ground.ts";
import { judge, type Verdict } from "./judge.ts";
import { Ruler } from "./ruler.ts";
import { FaultControl } from "./tools/control.ts";
import { TcpLink } from "./tools/tcp-link.ts";

export interface RunOptions {
  readonly seed: number;
  /** Multiplies how long and how often. */
  readonly scale: number;
  /** Calls a second. */
  readonly rate: number;
}

export interface Outcome extends Verdict {
  readonly fault: Fault;
  readonly seed: number;
  readonly ms: number;
  /** Why it could not be judged: the fault did not strike, or the rig broke. */
  readonly problem: string | null;
}

/** A healthy Redis and an idle machine take a few milliseconds; this leaves room for a busy one. */
const boundMs = 750;
/** Behind the last change of the rules: long enough to have answers that must follow it. */
const lastSeconds = (boundMs + 350) / 1000;
/** Only a lost record takes as long; a busy machine is slow to bring the last ones. */
const patience = { arriveMs: 45_000, settleMs: 30_000, quietMs: 1_000 };

export async function runFault(fault: Fault, ground: Ground, options: RunOptions): Promise<Outcome> {
  const startedMs = performance.now();
  await using stack = new AsyncDisposableStack();
  const { scene, load } = await setScene(fault, ground, options, stack);
  const struckMs = performance.now();
  const problem = await fault.strike(scene).then(
    () => null,
    (thrown: Error) => `${thrown.message}\n${lastWordsOf(scene.bridge)}`,
  );
  const healedMs = performance.now();
  await scene.ruler.rest();
  if (problem === null) {
    await scene.ruler.lastWords();
    await load.more(Math.round(options.rate * lastSeconds));
  }
  await load.stop();
  const instance = (await readFile(join(scene.bridge.dataDir, "instance"), "utf8")).trim();
  const verdict = (): Verdict => {
    const { seen, ledger } = ground.witness.of(instance);
    return judge({
      answers: load.answers,
      unanswered: load.unanswered,
      wasDown: scene.bridge.log.lines.filter((line) => /sluice \S+ answers/.test(line)).length > 1,
      struckMs,
      healedMs,
      seen,
      report: ledger.report(),
      rulings: scene.ruler.rulings,
      boundMs: { before: fault.boundMs ?? boundMs, healed: boundMs },
      causes: fault.causes ?? [],
      topicPrefix: ground.topicPrefix,
    });
  };
  const settled = (): boolean => {
    const { lost, findings } = verdict();
    return lost === 0 && findings.length === 0;
  };
  const { arriveMs, settleMs, quietMs } = patience;
  const caught = (): boolean => verdict().findings.some(({ crime }) => crime === fault.crime);
  // What is still on its way looks like lost until it has come, so there is some time for that.
  const arrived = async (): Promise<void> => {
    if (fault.crime === undefined) return void (await ground.witness.until(settled, arriveMs));
    await ground.witness.until(caught, arriveMs);
    await ground.witness.quiet(instance, quietMs);
  };
  if (problem === null) await arrived();
  await scene.bridge.stop();
  const { seen } = ground.witness.of(instance);
  const told = (type: string): boolean => seen.some((record) => record.type === `sluice.${type}`);
  // Of one that answers before it writes, the last words may be lost too.
  const wanted = fault.crime === undefined ? ["bridge.stopped", ...(fault.tells ?? [])] : [];
  if (problem === null && fault.crime === undefined) {
    await ground.witness.until(() => settled() && wanted.every(told), settleMs);
  }
  // The case of a bridge that is broken on purpose never gets better.
  if (problem === null && fault.crime !== undefined) await ground.witness.quiet(instance, quietMs);
  const untold = wanted.filter((type) => !told(type));
  const outcome = {
    ...verdict(),
    fault,
    seed: options.seed,
    ms: performance.now() - startedMs,
    problem:
      problem ?? (untold.length > 0 ? `not told: ${untold.join(", ")}\n${lastWordsOf(scene.bridge)}` : null),
  };
  ground.witness.forget(instance);
  return outcome;
}

async function setScene(
  fault: Fault,
  ground: Ground,
  { seed, scale, rate }: RunOptions,
  stack: AsyncDisposableStack,
): Promise<{ scene: Scene; load: Load }> {
  const redis = stack.use(await startRedis({ args: [...(fault.redisArgs ?? [])] }));
  const redisLink = stack.use(await TcpLink.open(redis.port));
  const kafkaDoor = stack.use(await TcpLink.open(ground.links[0]!.port));
  if (fault.kafkaDoorShut) await kafkaDoor.cut();
  const ruler = stack.use(await Ruler.of(redis.url));
  const control = stack.use(await FaultControl.make());
  const disk = fault.diskMegabytes === undefined ? null : stack.use(smallDisk(fault.diskMegabytes));
  const bridge = stack.use(
    await startBridge(
      {
        "redis.url": `redis://127.0.0.1:${fault.redisLinked ? redisLink.port : redis.port}`,
        "kafka.brokers": `127.0.0.1:${kafkaDoor.port}`,
        "kafka.topicPrefix": ground.topicPrefix,
        // Small enough that a short run has several.
        "journal.segmentBytes": 1024 * 1024,
        // So that ends are inferred, and closes come behind them.
        "sessions.endGraceMs": 200,
        ...(disk && { "data.dir": join(disk.path, "data") }),
        ...fault.settings,
      },
      { nodeArgs: [...control.nodeArgs(...(fault.inside ?? [])), ...brokenBy(fault)], env: control.env },
    ),
  );
  ruler.go();
  const load = stack.use(new Load({ url: bridge.url, perSecond: rate, seed }));
  const scene: Scene = {
    ground,
    bridge,
    load,
    ruler,
    redis,
    redisLink,
    kafkaDoor,
    control,
    disk,
    seed,
    random: randomFrom(seed),
    seconds: (count) => load.more(Math.max(1, Math.round(count * rate * scale))),
    times: (count) => Math.max(1, Math.round(count * scale)),
  };
  await scene.seconds(0.5);
  return { scene, load };
}

function lastWordsOf({ log }: BridgeHost): string {
  return log.lines
    .filter((line) => !line.includes('"msg":"refused"'))
    .slice(-10)
    .join("\n");
}

function brokenBy({ broken }: Fault): string[] {
  return broken === undefined ? [] : ["--import", new URL(`broken/${broken}.ts`, import.meta.url).href];
}
