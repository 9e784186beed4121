import { copyFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { onPath, run } from "./process.ts";

const POM = join(import.meta.dirname, "kafka-jars/pom.xml");
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

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

async function fromMaven(): Promise<Building> {
  return {
    name: "kafka",
    recipe: await readFile(POM, "utf8"),
    async build(folder) {
      await copyFile(POM, join(folder, "pom.xml"));
      const args = ["-q", "-B", "-ntp", COPY, "-DoutputDirectory=jars", "-DincludeScope=runtime"];
      await run({ program: "mvn", args, cwd: folder });
      await rm(join(folder, "pom.xml"));
    },
  };
}
