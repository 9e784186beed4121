import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { jarsOf } from "./maven.ts";
import { onPath } from "./process.ts";

const POM = join(import.meta.dirname, "kafka-jars/pom.xml");

/** Kafka is a class path and a Java to run it. */
export interface KafkaProgram {
  java: string;
  /** The folder of the jars. */
  jars: string;
}

/** Why Kafka can't be run as a program here; undefined if it can. */
export async function kafkaMissing(): Promise<string | undefined> {
  if (!(await onPath("java"))) return "no java on PATH";
  if (isBuilt(await fromMaven()) || (await onPath("mvn"))) return undefined;
  return "no mvn on PATH to fetch Kafka's jars with";
}

export async function kafkaProgram(): Promise<KafkaProgram> {
  return { java: (await onPath("java")) ?? "java", jars: join(await built(await fromMaven()), "jars") };
}

function fromMaven(): Promise<Building> {
  return jarsOf("kafka", POM, "jars");
}
