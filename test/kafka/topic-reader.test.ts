import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { run } from "../hosts/process.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { clientOf, createTopic } from "./kafka-reading.ts";

const program = fileURLToPath(new URL("aborted-readings.ts", import.meta.url));

describeWith(["kafka"], "a reading of topics", () => {
  it("leaves nothing behind that goes on, whatever broker's answer it was aborted behind", async () => {
    const brokers = await sharedKafka();
    const topic = unique("aborted");
    await createTopic(brokers, topic, 1);
    const producer = clientOf(brokers).producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value: "one" }] });
    await producer.disconnect();
    const aborted = await run({ program: process.execPath, args: [program, brokers[0]!, topic] });
    // A consumer asks for the versions, its coordinator, to join, what is its share, and for records.
    expect(Number(aborted)).toBeGreaterThanOrEqual(5);
  });
});
