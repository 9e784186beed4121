/**
 * The main thread's hold on the forwarder.
 *
 *   running ──its thread dies──▶ waiting (1 s … 30 s) ──▶ running
 *      │ stop
 *      ▼
 *   stopping ──it has ended, or the deadline and a little more has passed──▶ stopped
 *
 * Guarantee: a thread that dies, of whatever cause, is logged, told, and started again from its cursor.
 */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import type { ProjectionName } from "../events/projections/names.ts";
import type { TopicNames } from "../events/topic-names.ts";
import type { Loss } from "../journal/journal.ts";
import type { KafkaSettings } from "../kafka/settings.ts";
import type { DeadLetter } from "./dead-letters.ts";
import { deadLettersRetentionMs, keptStreams } from "./kept-topics.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import type { ForwarderState, Progress, Trouble } from "./report.ts";

export interface ForwarderOptions extends TopicNames {
  readonly dataDir: string;
  readonly instance: string;
  /** This start's; progress is told of its events only. */
  readonly epoch: string;
  /** The journal's: its last durable journalseq. */
  readonly durable: SharedArrayBuffer;
  readonly kafka: KafkaSettings;
  /** What is published beside the events; none by default. */
  readonly projections?: readonly ProjectionName[];
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
  /** Every record up to this one is confirmed, or lies in the dead letters. */
  readonly onAcked: (journalseq: number) => void;
  readonly onProgress: (progress: Progress) => void;
  readonly onTrouble: (trouble: Trouble) => void;
  /** Records that were in the journal and cannot be read any more; told once by each start. */
  readonly onDamaged: (loss: Loss) => void;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  readonly onState?: (state: ForwarderState) => void;
}

export interface Forwarder {
  /** As it was last told, at most a second ago; null before the thread has said anything. */
  state(): ForwarderState | null;
  /** Sends what is durable as long as Kafka takes it and for at most `deadlineMs`, then ends the thread. */
  stop(deadlineMs: number): Promise<void>;
}

const restartFirstMs = 1_000;
const restartMaxMs = 30_000;
/** What saving the cursor and closing may take behind the deadline. */
const graceMs = 2_000;
/** More than it ever needs; a leak then ends the thread, which starts again, and not the program. */
const heapMiB = 256;

/** Beside this file, as .ts in the sources and as .js once built. */
const threadUrl = new URL(`./thread${extname(fileURLToPath(import.meta.url))}`, import.meta.url);

export function startForwarder(options: ForwarderOptions): Forwarder {
  const { clock, log } = options;
  let worker: Worker | null = null;
  let state: ForwarderState | null = null;
  let stopping = false;
  let deaths = 0;
  let cancelRestart = (): void => {};

  function start(): void {
    const started = new Worker(threadUrl, {
      name: "forwarder",
      workerData: threadDataOf(options),
      resourceLimits: { maxOldGenerationSizeMb: heapMiB },
    });
    worker = started;
    let problem = "it ended by itself";
    started.on("message", (message: FromThread) => receive(message));
    started.on("error", (thrown) => {
      problem = textOf(thrown);
    });
    started.on("exit", () => {
      worker = null;
      if (stopping) return;
      const lastError = {
        code: "kafka_unavailable",
        text: `the thread died: ${problem}`,
        atMs: clock.now(),
      } as const;
      if (state) state = { ...state, connected: false, lastError };
      restart(problem);
    });
  }

  function restart(problem: string): void {
    const waitMs = Math.min(restartMaxMs, restartFirstMs * 2 ** deaths);
    deaths += 1;
    log.error({ problem, restartInMs: waitMs }, "the forwarder's thread died");
    options.onTrouble({ what: "thread", code: "kafka_unavailable", text: `the thread died: ${problem}` });
    cancelRestart = clock.after(waitMs, start);
  }

  function receive(message: FromThread): void {
    if (message.kind === "log") log[message.level](message.fields, message.text);
    else if (message.kind === "progress") options.onProgress(message.progress);
    else if (message.kind === "trouble") options.onTrouble(message.trouble);
    else if (message.kind === "damaged") options.onDamaged(message.loss);
    else if (message.kind === "deadLetter") options.onDeadLetter(message.letter);
    else if (message.kind === "acked") {
      if (deaths > 0) options.onTrouble({ what: "thread", code: null, text: "the thread works again" });
      deaths = 0;
      options.onAcked(message.journalseq);
    } else {
      state = message.state;
      options.onState?.(state);
    }
  }

  start();
  return {
    state: () => state,
    async stop(deadlineMs) {
      stopping = true;
      cancelRestart();
      const ending = worker;
      if (ending === null) return;
      const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
      const cancel = clock.after(deadlineMs + graceMs, () => {
        log.error({ deadlineMs }, "the forwarder's thread did not end in time; ended by force");
        void ending.terminate();
      });
      ending.postMessage({ kind: "stop", deadlineMs } satisfies ToThread);
      await ended;
      cancel();
    },
  };
}

function threadDataOf(options: ForwarderOptions): ThreadData {
  const {
    dataDir,
    instance,
    epoch,
    durable,
    kafka,
    topicPrefix,
    topics = {},
    projections = [],
    limits,
  } = options;
  return {
    dataDir,
    instance,
    epoch,
    durable,
    kafka,
    topicPrefix,
    topics,
    streams: keptStreams,
    projections,
    deadLettersRetentionMs,
    limits: { ...defaultLimits, ...limits },
  };
}
