/** Answers as fast as they come, beside the bare floor: each mode of the journal, with and without a Kafka. */
import type { KafkaHost } from "../../hosts/kafka.ts";
import { answersTable, compared } from "../answers.ts";
import { Lacking, least, runPart, say, type Tell, type Work } from "../part.ts";
import { eachVersion, kafka, Stage } from "../stage.ts";

const targets = { 32: [0.55, 0.7], 256: [0.6, 0.75] } as Record<number, [number, number]>;
const connections = [1, 32, 256];

async function edge(work: Work, tell: Tell): Promise<void> {
  await using host = await kafkaIfAny();
  await using stage = await Stage.open(work);
  await stage.floor();
  for (const sync of ["fsync", "write"]) {
    await stage.sluice(sync, { sync });
    if (host) {
      const settings = { "kafka.brokers": host.brokers.join(","), "journal.maxBytes": "4GiB" };
      await stage.sluice(`${sync}, Kafka`, { sync, settings });
    }
  }
  for (const count of connections) {
    const rounds = await stage.rounds({ mode: "closed", connections: count });
    tell(answersTable(`${count} connections, each with one call under way`, rounds, "floor"));
    const target = targets[count];
    if (target === undefined) continue;
    for (const [name, version] of eachVersion("fsync", work.versions)) {
      tell(
        compared(rounds, name, "floor", {
          version,
          what: `answers/s, fsync before each answer, ${count} connections, to the bare \`node:http\` floor`,
          how: "Closed loop, the same calls in turns to both; no Kafka, no rule.",
          required: least(target[0]),
          sought: least(target[1]),
        }),
      );
    }
  }
}

async function kafkaIfAny(): Promise<KafkaHost | null> {
  try {
    return await kafka();
  } catch (thrown) {
    if (!(thrown instanceof Lacking)) throw thrown;
    say(`  ${thrown.message}`);
    return null;
  }
}

await runPart(edge);
