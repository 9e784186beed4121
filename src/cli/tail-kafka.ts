/** Kafka's topics as a source of events. */
import { systemClock } from "../clock.ts";
import type { Settings } from "../config/settings.ts";
import { type ErrorCode, SluiceError } from "../errors.ts";
import { streamNames } from "../events/streams.ts";
import { topicsNamed, topicsText } from "../events/topic-names.ts";
import { kafkaSettingsOf } from "../kafka/settings.ts";
import { readTopics } from "../kafka/topic-reader.ts";
import { createLog } from "../log.ts";
import { parseEvent } from "./event-row.ts";
import type { Reading } from "./reading.ts";

/** @throws SluiceError config_invalid without kafka.brokers; kafka_… */
export async function tailKafka(reading: Reading, { kafka, log }: Settings): Promise<void> {
  const { last, wanted, all, follow, signal, show, say } = reading;
  if (kafka.brokers.length === 0) {
    throw new SluiceError("config_invalid", "--kafka needs kafka.brokers (SLUICE_KAFKA_BROKERS)");
  }
  // Partitions come one after the other: what was there at the start is put into the order of its time.
  const early = new NewestByTime(last);
  let caughtUp = false;
  await readTopics(
    {
      topics: topicsNamed(kafka, streamNames),
      last: all ? last : Number.MAX_SAFE_INTEGER,
      signal,
      follow,
      onRecord: (event) => {
        if (!wanted(event)) return;
        if (caughtUp) show([event]);
        else early.add(event);
      },
      onCaughtUp: () => {
        caughtUp = true;
        const events = early.sorted();
        if (events.length === 0 && last > 0 && !follow)
          say(`no such events in the topics ${topicsText(kafka)}`);
        show(events);
      },
    },
    kafkaSettingsOf(kafka),
    systemClock,
    createLog(log),
  ).catch((thrown) => {
    throw placed(thrown, kafka.brokers);
  });
}

const placeless: ReadonlySet<ErrorCode> = new Set(["kafka_unavailable", "kafka_untrusted", "kafka_denied"]);

/** Says of what was out of reach where it was looked for. */
export function placed(thrown: unknown, brokers: readonly string[]): unknown {
  if (!(thrown instanceof SluiceError) || !placeless.has(thrown.code)) return thrown;
  const text = `Kafka at ${brokers.join(", ")} (kafka.brokers): ${thrown.message}`;
  return new SluiceError(thrown.code, text, { retryable: thrown.retryable, cause: thrown });
}

/** The newest events of those that are added, however many those are. */
class NewestByTime {
  readonly #count: number;
  #kept: { readonly event: string; readonly time: string }[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  add(event: string): void {
    this.#kept.push({ event, time: parseEvent(event)?.time ?? "" });
    if (this.#kept.length > 2 * this.#count + 1000) this.#trim();
  }

  sorted(): string[] {
    this.#trim();
    return this.#kept.map(({ event }) => event);
  }

  #trim(): void {
    this.#kept.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    this.#kept.splice(0, Math.max(0, this.#kept.length - this.#count));
  }
}
