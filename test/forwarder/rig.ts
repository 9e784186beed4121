import { streamNames } from "../../src/events/streams.ts";
import type { DeadLetter } from "../../src/forwarder/dead-letters.ts";
import type { Projection } from "../../src/forwarder/form.ts";
import { defaultLimits, type Limits } from "../../src/forwarder/limits.ts";
import { ForwarderLoop } from "../../src/forwarder/loop.ts";
import type { ForwarderState, Progress, Trouble } from "../../src/forwarder/report.ts";
import { partitionOf } from "../../src/kafka/partitioner.ts";
import { FakeClock } from "../fake-clock.ts";
import { MemoryBroker } from "./memory-broker.ts";
import { MemoryJournal } from "./memory-journal.ts";

export interface RigOptions {
  readonly limits?: Partial<Limits>;
  readonly partitions?: number;
  readonly journal?: MemoryJournal;
  readonly broker?: MemoryBroker;
  readonly random?: () => number;
  readonly deadLettersFile?: string;
  readonly projections?: readonly Projection[];
}

/** Twice as long as the event. */
const twice = (event: string): string =>
  JSON.stringify({ id: JSON.parse(event).id, before: event, after: event });

/** One that has every event, and one that has those of a type; neither can make anything of an event that says so. */
export const twoProjections: readonly Projection[] = [
  { topic: "all", has: () => true, render: (event) => readable(twice(event)) },
  {
    topic: "some",
    has: (type) => type === "sluice.session.ended",
    render: (event) => readable(twice(event)),
  },
];

function readable(text: string): string {
  if (text.includes("unprojectable")) throw new Error("it says so");
  return text;
}

/** The loop over a journal and a broker in memory, in a time that the test moves. */
export class Rig {
  readonly clock = new FakeClock();
  readonly broker: MemoryBroker;
  readonly journal: MemoryJournal;
  readonly loop: ForwarderLoop;
  readonly acked: number[] = [];
  readonly progress: Progress[] = [];
  readonly troubles: Trouble[] = [];
  readonly letters: DeadLetter[] = [];
  /** As it was told, one after the other. */
  readonly states: ForwarderState[] = [];
  readonly logged: string[] = [];
  /** What is done when the broker does not know a topic. */
  onTopicMissing = (): void => {};
  maxHeldBytes = 0;

  constructor(options: RigOptions = {}) {
    this.journal = options.journal ?? new MemoryJournal();
    this.broker = options.broker ?? new MemoryBroker();
    if (options.broker === undefined) {
      for (const stream of streamNames) this.broker.createTopic(`t.${stream}`, options.partitions ?? 3);
      for (const { topic } of options.projections ?? []) {
        this.broker.createTopic(`t.${topic}`, options.partitions ?? 3);
      }
      this.broker.createTopic("t.dead-letters", 1);
    }
    const log = (_: object, text: string) => void this.logged.push(text);
    this.loop = new ForwarderLoop({
      source: this.journal,
      durable: this.journal,
      marks: this.journal,
      broker: this.broker,
      partitionOf,
      streams: streamNames,
      projections: options.projections ?? [],
      topicPrefix: "t.",
      instance: "i-1",
      epoch: this.journal.epoch,
      deadLettersFile: options.deadLettersFile ?? "/nowhere/dead-letters.jsonl",
      limits: { ...defaultLimits, ...options.limits },
      clock: this.clock,
      random: options.random ?? (() => 0.5),
      log: { debug: log, info: log, warn: log, error: log },
      listener: {
        acked: (journalseq) => void this.acked.push(journalseq),
        progress: (progress) => void this.progress.push(progress),
        trouble: (trouble) => void this.troubles.push(trouble),
        deadLetter: (letter) => void this.letters.push(letter),
        state: (state) => void this.states.push(state),
      },
      onTopicMissing: () => this.onTopicMissing(),
    });
  }

  state(): ForwarderState {
    return this.loop.state();
  }

  /** Moves time on, a little at a turn, until `done`; fails when it never comes true. */
  async until(done: () => boolean, { stepMs = 50, maxMs = 3_600_000 } = {}): Promise<void> {
    for (let passedMs = 0; ; passedMs += stepMs) {
      await this.settle();
      if (done()) return;
      if (passedMs > maxMs) throw new Error(`not within ${maxMs} ms: ${JSON.stringify(this.state())}`);
      this.clock.advance(stepMs);
    }
  }

  /** Lets `ms` pass. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.clock.advance(Math.min(stepMs, ms - passedMs));
      await this.settle();
    }
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.maxHeldBytes = Math.max(this.maxHeldBytes, this.state().heldBytes);
    }
  }

  async stop(deadlineMs = 1_000): Promise<void> {
    let ended = false;
    const stopping = this.loop.stop(deadlineMs).then(() => {
      ended = true;
    });
    await this.until(() => ended);
    await stopping;
  }

  get caughtUp(): boolean {
    return this.state().acknowledgedJournalseq === this.journal.read();
  }
}

/** The first appearance of each event id in a partition, in order. */
export function firstAppearances(values: readonly { readonly value: string }[]): string[] {
  return [...new Set(values.map(({ value }) => JSON.parse(value).id as string))];
}
