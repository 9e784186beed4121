import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { kafkaMissing } from "./kafka-program.ts";
import { jarsOf } from "./maven.ts";
import { onPath } from "./process.ts";

const POM = join(import.meta.dirname, "connect-jars/pom.xml");

/** Why a Connect worker can't be run here; undefined if it can. */
export async function connectMissing(): Promise<string | undefined> {
  const kafka = await kafkaMissing();
  if (kafka) return kafka;
  if (isBuilt(await fromMaven()) || (await onPath("mvn"))) return undefined;
  return "no mvn on PATH to fetch Debezium's JDBC sink with";
}

/** A plugin.path with Debezium's JDBC sink. Connect itself is among Kafka's jars. */
export async function connectPlugins(): Promise<string> {
  return built(await fromMaven());
}

function fromMaven(): Promise<Building> {
  return jarsOf("connect-plugins", POM, "debezium-jdbc");
}
