/**
 * Reads a topic again and again, aborted behind the first answer of a broker, behind the second and so on until one
 * has all; prints how many were aborted. It ends by itself if nothing of any of them goes on.
 */
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { systemClock } from "../../src/clock.ts";
import { kafkaDefaults } from "../../src/kafka/settings.ts";
import { readTopics } from "../../src/kafka/topic-reader.ts";

const [broker, topic] = process.argv.slice(2) as [string, string];
const log = { debug() {}, info() {}, warn() {}, error() {} };

let onAnswer = (): void => {};
subscribe("net.client.socket", (message) => {
  (message as { socket: Socket }).socket.on("data", () => onAnswer());
});

for (let aborted = 0; ; aborted++) {
  const ending = new AbortController();
  let answers = 0;
  await readTopics(
    {
      topics: [topic],
      last: Number.MAX_SAFE_INTEGER,
      signal: ending.signal,
      follow: false,
      onStart() {
        onAnswer = () => void (++answers > aborted && ending.abort());
      },
      onRecord() {},
      onCaughtUp() {},
    },
    { ...kafkaDefaults, brokers: [broker] },
    systemClock,
    log,
  );
  onAnswer = () => {};
  if (!ending.signal.aborted) {
    process.stdout.write(String(aborted));
    break;
  }
}
