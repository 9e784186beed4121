/**
 * Kafka's classes as a JVM has them once it has loaded, parsed and verified them: mapped from a file, they halve the
 * work of a start, of which a run has dozens.
 */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { built } from "./cache.ts";
import { type KafkaProgram, kafkaProgram } from "./kafka-program.ts";
import { LOG4J, type Place, serverProperties } from "./kafka-properties.ts";
import { Log } from "./log.ts";
import { freePort } from "./ports.ts";
import { run, Supervised } from "./process.ts";

const READY_WITHIN_MS = 60_000;
const GRACE_MS = 60_000;
const recipe = await readFile(import.meta.filename, "utf8");

/** Of every JVM for tests: it runs too shortly for more. */
export const JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
const FLAGS = [...JVM, "-Dlog4j2.configurationFile=log4j2.properties"];

/** How a class of Kafka's is run: its name and arguments come behind these. Builds what is needed. */
export async function kafkaJava(): Promise<{ java: string; args: string[] }> {
  const program = await kafkaProgram();
  const archive = `-XX:SharedArchiveFile=${await archived(program)}`;
  return { java: program.java, args: [...FLAGS, archive, "-cp", `${program.jars}/*`] };
}

/** The file, which fits one Java and one set of jars only: any other would be ignored by the JVM. */
async function archived({ java, jars }: KafkaProgram): Promise<string> {
  const version = await run({ program: java, args: ["-Xinternalversion"] });
  const names = (await readdir(jars)).sort();
  const folder = await built({
    name: "kafka-classes",
    recipe: [recipe, version, jars, ...names].join("\n"),
    async build(place) {
      await writeFile(join(place, "server.properties"), await onItsOwn(place));
      await writeFile(join(place, "log4j2.properties"), LOG4J);
      const common = [...FLAGS, "-cp", `${jars}/*`];
      const format = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAA"];
      const properties = "server.properties";
      await run({ program: java, args: [...common, ...format, "-c", properties], cwd: place });
      const dump = "-XX:ArchiveClassesAtExit=classes.jsa";
      const log = new Log();
      const args = [dump, ...common, "kafka.Kafka", properties];
      const kafka = new Supervised({ program: java, args, cwd: place }, log);
      await log.saw(/Kafka Server started/, { timeoutMs: READY_WITHIN_MS, unless: kafka.exited });
      await kafka.end("SIGTERM", GRACE_MS);
      await rm(join(place, "data"), { recursive: true });
    },
  });
  return join(folder, "classes.jsa");
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
