/**
 * What a start of Kafka would make anew each time, of which a run has dozens: its classes as a JVM has them once it has
 * loaded, parsed and verified them, which mapped from a file halve its work, and the files of a formatted folder.
 */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { built } from "./cache.ts";
import { type KafkaProgram, kafkaProgram } from "./kafka-program.ts";
import { LOG4J, type Place, serverProperties } from "./kafka-properties.ts";
import { Log } from "./log.ts";
import { freePort } from "./ports.ts";
import { run, Supervised } from "./process.ts";

const READY_WITHIN_MS = 60_000;
const GRACE_MS = 60_000;
const CHECKPOINT = "bootstrap.checkpoint";
const recipe = await readFile(import.meta.filename, "utf8");

/** Of every JVM for tests: it runs too shortly for more. */
export const JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
const FLAGS = [...JVM, "-Dlog4j2.configurationFile=log4j2.properties"];

export interface KafkaJava {
  java: string;
  /** A class of Kafka's and its arguments come behind these. */
  args: string[];
  /** For `formatted`. */
  checkpoint: string;
}

/** How a class of Kafka's is run. Builds what is needed. */
export async function kafkaJava(): Promise<KafkaJava> {
  const program = await kafkaProgram();
  const folder = await archived(program);
  const archive = `-XX:SharedArchiveFile=${join(folder, "classes.jsa")}`;
  const args = [...FLAGS, archive, "-cp", `${program.jars}/*`];
  return { java: program.java, args, checkpoint: join(folder, CHECKPOINT) };
}

/** Kafka's own words for a new id; it takes none that begins like an option. */
export function newId(): string {
  const id = randomBytes(16).toString("base64url");
  return id.startsWith("-") ? `A${id.slice(1)}` : id;
}

/** What `StorageTool format` makes of an empty folder for one node of a cluster. */
export async function formatted(
  data: string,
  { checkpoint }: KafkaJava,
  cluster: string,
  node: number,
): Promise<void> {
  await mkdir(data);
  await copyFile(checkpoint, join(data, CHECKPOINT));
  const about = { version: 1, "cluster.id": cluster, "node.id": node, "directory.id": newId() };
  const lines = Object.entries(about).map(([key, value]) => `${key}=${value}\n`);
  await writeFile(join(data, "meta.properties"), lines.join(""));
}

/** The folder, which fits one Java and one set of jars only: any other archive would be ignored by the JVM. */
async function archived({ java, jars }: KafkaProgram): Promise<string> {
  const version = await run({ program: java, args: ["-Xinternalversion"] });
  const names = (await readdir(jars)).sort();
  return built({
    name: "kafka-classes",
    recipe: [recipe, version, jars, ...names].join("\n"),
    async build(place) {
      await writeFile(join(place, "server.properties"), await onItsOwn(place));
      await writeFile(join(place, "log4j2.properties"), LOG4J);
      const common = [...FLAGS, "-cp", `${jars}/*`];
      const format = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAA"];
      const properties = "server.properties";
      await run({ program: java, args: [...common, ...format, "-c", properties], cwd: place });
      await copyFile(join(place, "data", CHECKPOINT), join(place, CHECKPOINT));
      const dump = "-XX:ArchiveClassesAtExit=classes.jsa";
      const log = new Log();
      const args = [dump, ...common, "kafka.Kafka", properties];
      const kafka = new Supervised({ program: java, args, cwd: place }, log);
      await log.saw(/Kafka Server started/, { timeoutMs: READY_WITHIN_MS, unless: kafka.exited });
      await kafka.end("SIGTERM", GRACE_MS);
      await rm(join(place, "data"), { recursive: true });
    },
  });
}

async function onItsOwn(folder: string): Promise<string> {
  const [clients, brokers, controllers] = [await freePort(), await freePort(), await freePort()];
  const at = (port: number) => ({ bind: `127.0.0.1:${port}`, name: `127.0.0.1:${port}` });
  const place: Place = {
    id: 1,
    clients: at(clients),
    brokers: at(brokers),
    controllers: at(controllers),
    data: join(folder, "data"),
  };
  return serverProperties(place, [place]);
}
