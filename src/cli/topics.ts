/** `sluice topics`: the topics as they are beside what they should be, and the way from the one to the other. */
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { systemClock } from "../clock.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { SluiceError } from "../errors.ts";
import { keptStreams, keptTopics } from "../forwarder/kept-topics.ts";
import { projectionsOf } from "../forwarder/projections.ts";
import { failureOf } from "../kafka/failures.ts";
import { kafkaSettingsOf } from "../kafka/settings.ts";
import { isNeeded } from "../kafka/topic-plan.ts";
import { applyPlan, planTopics, type TopicPlans } from "../kafka/topic-plans.ts";
import type { WantedTopic } from "../kafka/topic-shape.ts";
import { createLog } from "../log.ts";
import { placed } from "./tail-kafka.ts";
import { doneText, type Outcome, plansJson, planText, problemText } from "./topics-report.ts";

export interface TopicsOptions {
  readonly config?: string;
  readonly partitions?: boolean;
  readonly json?: boolean;
}

export interface PlanOptions extends TopicsOptions {
  readonly check?: boolean;
}

export interface ApplyOptions extends TopicsOptions {
  readonly yes?: boolean;
}

/** @throws SluiceError config_invalid; kafka_… */
export async function plan(options: PlanOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const planned = await plansFor(settings, options);
  process.stdout.write(options.json ? `${plansJson(planned, null)}\n` : planText(planned));
  const open = planned.plans.some(isNeeded);
  if (planned.unplanned.length > 0 || (options.check && open)) process.exitCode = 1;
}

/** @throws SluiceError config_invalid, also where nobody can be asked and --yes was not given; kafka_… */
export async function apply(options: ApplyOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  if (!options.yes && !process.stdin.isTTY) {
    throw new SluiceError("config_invalid", "topics apply needs --yes where nobody can be asked");
  }
  const planned = await plansFor(settings, options);
  const todo = planned.plans.filter(isNeeded);
  if (!options.json) process.stdout.write(planText(planned));
  if (planned.unplanned.length > 0) process.exitCode = 1;
  if (todo.length > 0 && !options.yes && !(await isWanted(todo.length))) {
    process.stderr.write("sluice: nothing was changed\n");
    process.exitCode = 1;
    return;
  }
  const outcomes: Outcome[] = [];
  const kafka = kafkaSettingsOf(settings.kafka);
  for (const one of todo) {
    const { name } = one;
    try {
      await applyPlan(one, kafka, systemClock, createLog(settings.log));
      outcomes.push({ name, problem: null });
      if (!options.json) process.stdout.write(`${doneText(one)}\n`);
    } catch (thrown) {
      const text = problemText({ name, problem: failureOf(thrown) });
      outcomes.push({ name, problem: text });
      if (!options.json) process.stderr.write(`sluice: ${text}\n`);
      process.exitCode = 1;
    }
  }
  if (options.json) process.stdout.write(`${plansJson(planned, outcomes)}\n`);
}

async function plansFor(settings: Settings, { partitions = false }: TopicsOptions): Promise<TopicPlans> {
  const { kafka, log } = settings;
  if (kafka.brokers.length === 0) {
    throw new SluiceError("config_invalid", "topics needs kafka.brokers (SLUICE_KAFKA_BROKERS)");
  }
  const wanted = await wantedTopics(settings);
  const planned = planTopics(wanted, kafkaSettingsOf(kafka), partitions, systemClock, createLog(log));
  return planned.catch((thrown) => {
    throw placed(thrown, kafka.brokers);
  });
}

/** Those that a bridge with these settings sends to. */
export async function wantedTopics({ kafka, events }: Settings): Promise<WantedTopic[]> {
  return keptTopics(kafka, keptStreams, await projectionsOf(events.projections));
}

async function isWanted(topics: number): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D leave the question open.
  const ended = once(asking, "close").then(() => "");
  asking.once("SIGINT", () => asking.close());
  const question = `Apply this to ${topics} ${topics === 1 ? "topic" : "topics"}? [y/N] `;
  const answer = await Promise.race([asking.question(question), ended]);
  asking.close();
  return /^y(es)?$/i.test(answer.trim());
}
