/** Kafka's topics as recorded events. */
import { systemClock } from "../clock.ts";
import type { Settings } from "../config/settings.ts";
import { SluiceError } from "../errors.ts";
import type { Stream } from "../events/streams.ts";
import { topicsNamed } from "../events/topic-names.ts";
import { kafkaSettingsOf } from "../kafka/settings.ts";
import { readTopics } from "../kafka/topic-reader.ts";
import { createLog } from "../log.ts";
import { type RecordedEvents, timeOf } from "./recorded-events.ts";
import { placed } from "./tail-kafka.ts";

/** @throws SluiceError config_invalid without kafka.brokers; kafka_… */
export async function readKafka(
  events: RecordedEvents,
  { kafka, log }: Settings,
  streams: Iterable<Stream>,
): Promise<void> {
  const { fromMs, signal, bar, add, say } = events;
  if (kafka.brokers.length === 0) {
    throw new SluiceError("config_invalid", "--kafka needs kafka.brokers (SLUICE_KAFKA_BROKERS)");
  }
  const oldest = new Map<string, string>();
  await readTopics(
    {
      topics: topicsNamed(kafka, streams),
      last: Number.MAX_SAFE_INTEGER,
      signal,
      follow: false,
      onStart: (ranges) => bar.begin(ranges.reduce((sum, { low, high }) => sum + Number(high - low), 0)),
      onRecord: (event, topic) => {
        const time = timeOf(event);
        if (time < (oldest.get(topic) ?? "~")) oldest.set(topic, time);
        add(event, topic);
        bar.step();
      },
      onCaughtUp: () => {},
    },
    kafkaSettingsOf(kafka),
    systemClock,
    createLog(log),
  ).catch((thrown) => {
    throw placed(thrown, kafka.brokers);
  });
  bar.end();
  for (const [topic, time] of oldest) {
    if (fromMs !== null && Date.parse(time) > fromMs) say(`${topic} has records from ${time} on only`);
  }
}
