/**
 * Brings to Kafka what plugin processes have journaled that are dead, each under the name of its own instance.
 *
 *   taken ──its journal opened, as a start of its bridge──▶ forwarding ──all confirmed, or stop()──▶ free again
 *
 * One slot after the other: there are few, and each has a thread of its own while it lasts. What is not confirmed by the
 * end of this process waits for the next one.
 */
import type { Metrics } from "../admin/metrics.ts";
import { Announcer } from "../announcer.ts";
import { textOf } from "../errors.ts";
import { newId } from "../events/ids.ts";
import type { EventData } from "../events/schema.ts";
import { instanceOf } from "../journal/identity.ts";
import type { Kept, Loss } from "../journal/journal.ts";
import { type Slot, takeDeadSlots } from "../prox/slots.ts";
import { Resources } from "../resources.ts";
import { version } from "../version.ts";
import { openForwarder } from "./forwarder.ts";
import { openJournal, topicOf } from "./journal.ts";
import type { WiringParts } from "./parts.ts";

const lookEveryMs = 250;

export class DeadSlots {
  readonly #parts: WiringParts;
  readonly #metrics: Metrics;
  readonly #policy: EventData<"bridge.started">["policy"];
  /** Who does it. */
  readonly #instance: string;
  readonly #running: Promise<void>;
  #stopping = false;
  #wake = (): void => {};

  /**
   * @param parts with the data directory of a living process
   * @param folder in which all slots lie
   */
  constructor(
    parts: WiringParts,
    folder: string,
    instance: string,
    metrics: Metrics,
    policy: EventData<"bridge.started">["policy"],
  ) {
    this.#parts = parts;
    this.#metrics = metrics;
    this.#policy = policy;
    this.#instance = instance;
    this.#running = this.#forwardAll(takeDeadSlots(folder));
  }

  /** What is under way gets the time that a forwarder has to end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
  }

  async #forwardAll(slots: readonly Slot[]): Promise<void> {
    const { clock, log } = this.#parts;
    for (const slot of slots) {
      const resources = new Resources(clock, log);
      try {
        if (!this.#stopping) await this.#forward({ ...this.#parts, dataDir: slot.dir, resources });
      } catch (thrown) {
        const fields = { dataDir: slot.dir, problem: textOf(thrown) };
        log.error(fields, "what a dead plugin process has journaled cannot be forwarded");
      }
      await resources.release();
      slot.release();
    }
  }

  async #forward(parts: WiringParts): Promise<void> {
    const { settings, clock, log, dataDir } = parts;
    const origin = { instance: await instanceOf(dataDir), epoch: newId() };
    const tell = async (loss: Loss): Promise<Kept> =>
      announcer.hasTold(loss) ? { ok: true } : announcer.gap(loss);
    const { journal, previous } = await openJournal(parts, origin, settings.prox.deadlineMs, tell);
    const announcer = new Announcer(journal, origin, clock, topicOf(settings, "bridge"));
    const { lastJournalseq, acknowledgedJournalseq } = journal.stats();
    if (acknowledgedJournalseq >= lastJournalseq) return;
    const records = lastJournalseq - acknowledgedJournalseq;
    log.info({ dataDir, ...origin, records }, "forwarding what a dead plugin process has left");
    await announcer.started(version, previous, this.#policy, true);
    const upTo = journal.stats().lastJournalseq;
    openForwarder(parts, origin, journal, announcer, this.#metrics, (loss) => void tell(loss));
    while (!this.#stopping && journal.stats().acknowledgedJournalseq < upTo) await this.#pause();
    await announcer.stopped(`forwarded by ${this.#instance}`);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#parts.clock.after(lookEveryMs, resolve);
    });
  }
}
