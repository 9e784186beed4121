import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { kafkaJava } from "./kafka-classes.ts";

/** Kafka's tools by the names of their scripts, and the classes that those run. */
const classes = {
  "kafka-acls": "org.apache.kafka.tools.AclCommand",
  "kafka-topics": "org.apache.kafka.tools.TopicCommand",
} as const;

/** The path of a script in `folder` that runs a tool of Kafka's against a broker that asks for no password. */
export async function kafkaTool(folder: string, name: keyof typeof classes, broker: string): Promise<string> {
  const { java, args } = await kafkaJava();
  const words = [java, ...args, classes[name], "--bootstrap-server", broker].map((word) => `'${word}'`);
  const script = join(folder, name);
  await writeFile(script, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  await chmod(script, 0o755);
  return script;
}
