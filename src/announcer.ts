/** Events about the bridge itself and about its policy: made from what the parts report, and journaled. */
import type { Clock } from "./clock.ts";
import { type Draft, factDraft, type Origin } from "./events/draft.ts";
import type { EventData, EventType } from "./events/schema.ts";
import type { Volume } from "./events/volume.ts";
import type { Progress } from "./forwarder/report.ts";
import type { Journal, Kept, Loss, PreviousEpoch, Stamp } from "./journal/journal.ts";
import type { PolicyNote } from "./policy/policy.ts";
import { shownValue } from "./policy/shown-value.ts";
import type { Pseudonyms } from "./pseudonyms/pseudonyms.ts";

type Spans = EventData<"bridge.started">["topics"];

type PolicyEvent = Extract<EventType, `policy.${string}`>;

/** How late what was left out is told where nothing else brings a bridge.progress about. */
const leftOutEveryMs = 60_000;

export class Announcer {
  readonly #journal: Journal;
  readonly #origin: Origin;
  readonly #clock: Clock;
  /** Where the bridge's own events go. */
  readonly #topic: string;
  readonly #volume: Volume | null;
  readonly #pseudonyms: Pick<Pseudonyms, "note"> | null;
  readonly #toldLosses = new Set<string>();
  #stopped = false;
  #progress: Progress = { journalseq: 0, topics: {} };
  /** How many had been left out when it was last told. */
  #toldLeftOut = 0;

  /**
   * @param volume null where every event is published
   * @param pseudonyms null where events bear true names
   */
  constructor(
    journal: Journal,
    origin: Origin,
    clock: Clock,
    topic: string,
    volume: Volume | null = null,
    pseudonyms: Pick<Pseudonyms, "note"> | null = null,
  ) {
    this.#journal = journal;
    this.#origin = origin;
    this.#clock = clock;
    this.#topic = topic;
    this.#volume = volume;
    this.#pseudonyms = pseudonyms;
  }

  /** Journals what somebody else has drafted. */
  publish(draft: Draft): Promise<Kept> {
    return this.#journal.append(draft.stream, draft.key, draft.render);
  }

  started(
    version: string,
    previous: PreviousEpoch | null,
    policy: EventData<"bridge.started">["policy"],
    kafka: boolean,
  ): Promise<Kept> {
    this.#tellLeftOut();
    const before = previous && { epoch: previous.epoch, topics: spansTo(previous.topics) };
    return this.#bridge("bridge.started", (own) => ({
      version,
      previous: before,
      policy,
      kafka,
      topics: this.#givenWith(own),
      ...(this.#volume && { publish: this.#volume.shares }),
    }));
  }

  stopped(reason: string): Promise<Kept> {
    this.#stopped = true;
    return this.#bridge("bridge.stopped", (own) => ({
      reason,
      topics: this.#givenWith(own),
      ...this.#leftOut(),
    }));
  }

  /** Whether it has been told since the start: one may be found twice, on opening the journal and on reading it. */
  hasTold(loss: Loss): boolean {
    return this.#toldLosses.has(nameOf(loss));
  }

  async gap(loss: Loss): Promise<Kept> {
    const kept = await this.#bridge("bridge.gap", () => loss as EventData<"bridge.gap">);
    if (kept.ok) this.#toldLosses.add(nameOf(loss));
    return kept;
  }

  /** Nothing behind bridge.stopped, which is the last word. */
  progress(progress: Progress): void {
    if (this.#stopped) return;
    this.#progress = progress;
    this.#toldLeftOut = this.#volume?.total ?? 0;
    const { journalseq, topics } = progress;
    void this.#bridge("bridge.progress", () => ({ journalseq, topics: spansTo(topics), ...this.#leftOut() }));
  }

  policy(note: PolicyNote): Promise<Kept> {
    const shown = asShown(note);
    const { kind, ...data } = this.#pseudonyms === null ? shown : this.#pseudonyms.note(shown);
    const key = "key" in data ? data.key : "";
    return this.#policy(`policy.${kind}`, key, data as EventData<PolicyEvent>);
  }

  /** The progress as it was told last, or none, where more has been left out since. */
  #tellLeftOut(): void {
    const volume = this.#volume;
    if (volume === null) return;
    this.#clock.after(leftOutEveryMs, () => {
      if (this.#stopped) return;
      if (volume.total > this.#toldLeftOut) this.progress(this.#progress);
      this.#tellLeftOut();
    });
  }

  #leftOut(): { readonly leftOut?: Record<string, number> } {
    return this.#volume === null ? {} : { leftOut: this.#volume.leftOut() };
  }

  /** Numbers given in this epoch so far, per topic; that of the event which tells them included. */
  #givenWith(own: Stamp): Spans {
    return spansTo({ ...this.#journal.sequences(), [this.#topic]: own.sequence });
  }

  #bridge<T extends EventType>(type: T, dataOf: (own: Stamp) => EventData<T>): Promise<Kept> {
    const { instance } = this.#origin;
    const about = {
      source: `/bridge/${instance}`,
      subject: instance,
      key: instance,
      atMs: this.#clock.now(),
    };
    return this.publish(factDraft(type, about, this.#origin, dataOf));
  }

  #policy<T extends PolicyEvent>(type: T, key: string, data: EventData<T>): Promise<Kept> {
    const source = `/bridge/${this.#origin.instance}`;
    const about = { source, subject: key, key, atMs: this.#clock.now(), policyrev: data.revision.to };
    return this.publish(factDraft(type, about, this.#origin, () => data));
  }
}

function spansTo(last: Readonly<Record<string, number>>): Spans {
  return Object.fromEntries(
    Object.entries(last).map(([topic, sequence]) => [topic, { first: 1, last: sequence }]),
  );
}

function asShown(note: PolicyNote): PolicyNote {
  if (note.kind !== "changed") return note;
  const { key, before, after } = note;
  return {
    ...note,
    before: before === null ? null : shownValue(key, before),
    after: after === null ? null : shownValue(key, after),
  };
}

function nameOf({ epoch, cause, journalseq: { first, last } }: Loss): string {
  return `${epoch} ${cause} ${first} ${last}`;
}
