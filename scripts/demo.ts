/**
 * `npm run demo`: Sluice at work, before one's eyes: a real frps, frpc, Redis and Kafka, users who come and go, a rule
 * that is flipped, and the proof at the end that nothing was lost.
 *
 *   npm run demo
 *   npm run demo -- --seconds 20
 */
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { startSluice } from "./demo/commands.ts";
import { startEdge } from "./demo/edge.ts";
import { type Flipped, flip } from "./demo/flip.ts";
import { type DemoOptions, demoOptionsOf } from "./demo/options.ts";
import { Overhearing } from "./demo/overhearing.ts";
import { type Counts, count, crowd, isServed } from "./demo/users.ts";
import { prepareAll } from "./stack/progress.ts";
import { startStack } from "./stack/stack.ts";
import { type Program, runScript } from "./stack/until-told.ts";

const deny = "deny moved away";
const topicsWithinMs = 60_000;
/** Heartbeats and work connections would only push the rest off the screen. */
const shownTypes = ["login.*", "proxy.*", "session.*", "policy.*"];

const tell = (text: string): void => void process.stdout.write(`\n▶ ${text}\n`);
const inMs = (ms: number): string => `${ms.toFixed(1)} ms`;

async function run({ seconds }: DemoOptions, program: Program): Promise<number> {
  const { told, say } = program;
  await prepareAll(["frp"], say);
  const stack = await startStack({ data: null, ports: {}, settings: {} }, program);
  await stack.bridge.log.saw(/"(topics created|the topics are there)"/, { timeoutMs: topicsWithinMs });
  const redis = new Redis(stack.redis.url);
  program.atEnd(async () => redis.disconnect());
  await redis.set(
    "sluice:policy:proxy:bob.ssh",
    '{"effect":"deny","reason":"closed tonight","ops":["NewUserConn"]}',
  );

  tell("sluice tail --kafka --follow");
  const types = shownTypes.flatMap((type) => ["--type", type]);
  const tail = startSluice(["tail", "--kafka", "--follow", "--config", stack.config, "-n", "100", ...types]);
  program.atEnd(() => tail.end());
  const overhearing = await Overhearing.of(stack.pluginPort);
  program.atEnd(async () => overhearing.close());
  const edge = await startEdge(overhearing.addr);

  const counts: Counts = { served: 0, refused: 0 };
  const enough = new AbortController();
  const { alice, bob } = edge.ports;
  // The rule below is written at a moment of its own: somebody is to have been served before.
  count(counts, await isServed(alice));
  const crowded = crowd({ usual: alice, other: bob }, counts, AbortSignal.any([enough.signal, told]));
  // Awaited at the end; what goes wrong then is not lost, and before that ends nothing.
  void crowded.catch(() => {});
  const wait = (part: number): Promise<unknown> => pause(part * seconds * 1000, undefined, { signal: told });

  await wait(0.3);
  const connects = async (): Promise<boolean> => {
    const served = await isServed(alice);
    count(counts, served);
    return served;
  };
  tell(`redis-cli SET sluice:policy:user:alice '${deny}'`);
  const refused = await flip(redis, "alice", deny, overhearing, connects);
  tell(`alice is refused: ${flipText(refused)}`);
  await wait(0.2);
  tell("redis-cli DEL sluice:policy:user:alice");
  const served = await flip(redis, "alice", null, overhearing, connects);
  tell(`alice is served again: ${flipText(served)}`);
  await wait(0.5);
  enough.abort();
  await crowded;
  await edge.stop();
  await stack.stopBridge();
  await tail.end();

  tell(`${counts.served} users were served, ${counts.refused} were refused`);
  tell("sluice verify");
  return (await startSluice(["verify", "--config", stack.config]).ended) ?? 1;
}

function flipText({ writtenMs, answeredMs }: Flipped): string {
  return `Redis had it ${inMs(writtenMs)} after the write began, frps had its first answer by it after ${inMs(answeredMs)}`;
}

await runScript("demo", demoOptionsOf, run);
