import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DockerServer } from "./docker.ts";
import { temporaryFolder } from "./folder.ts";
import { imageFor } from "./images.ts";
import { formatted, JVM, kafkaJava, newId } from "./kafka-classes.ts";
import { type ListenerOptions, LOG4J, type Place, serverProperties } from "./kafka-properties.ts";
import { dockerNetwork } from "./network.ts";
import { freePort } from "./ports.ts";
import { run } from "./process.ts";
import { wayOf } from "./provider.ts";
import { NativeServer, type Server } from "./server.ts";

const READY = /Kafka Server started/;
const READY_WITHIN_MS = 120_000;

export interface KafkaOptions {
  /** 1, or 3 with replication 3. */
  nodes?: 1 | 3;
  /** Of a single node; a free one without it. */
  port?: number;
  /** Of a single node that is a program of this machine: where its data lies, stays, and is found again. */
  data?: string;
  /** Added to every server.properties, such as `message.max.bytes`. */
  overrides?: Record<string, string>;
  /** Added to `StorageTool format`, such as `--add-scram`. */
  formatArgs?: string[];
  /** Puts something before each node: from the port that a node listens on to the one that clients are told. */
  front?: (port: number) => Promise<number>;
  /** Of a single node: listeners for clients beside the usual one, which speaks plain text. */
  listeners?: readonly ListenerOptions[];
}

/** A Kafka of one test's own. */
export interface KafkaHost extends AsyncDisposable {
  /** host:port of each node, in the order of `nodes`. */
  brokers: string[];
  /** Each to be stopped, killed or paused by itself; node ids count from 1. */
  nodes: [Server, ...Server[]];
  /** localhost:port of each further listener, by its name. */
  listeners: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaHost> {
  const ids = Array.from({ length: options.nodes ?? 1 }, (_, index) => index + 1);
  const ports = await Promise.all(ids.map(() => options.port ?? freePort()));
  const told = await Promise.all(ports.map((port) => options.front?.(port) ?? port));
  const listeners = await Promise.all(
    (options.listeners ?? []).map(async (listener) => ({ ...listener, port: await freePort() })),
  );
  const make = (await wayOf("kafka")) === "docker" ? contained : native;
  const nodes = await make(ids, ports, told, { ...options, listeners });
  await Promise.all(nodes.map((node) => node.start()));
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  return {
    brokers: told.map((port) => `127.0.0.1:${port}`),
    nodes: nodes as [Server, ...Server[]],
    listeners: Object.fromEntries(listeners.map(({ name, port }) => [name, `localhost:${port}`])),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface PlacedListener extends ListenerOptions {
  port: number;
}

type PlacedOptions = Omit<KafkaOptions, "listeners"> & { listeners: readonly PlacedListener[] };

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

const heapFor = (nodes: number): string => (nodes === 1 ? "-Xmx512m" : "-Xmx256m");

async function native(
  ids: number[],
  ports: number[],
  told: number[],
  options: PlacedOptions,
): Promise<Server[]> {
  const made = await kafkaJava();
  const { java, args: jvm } = made;
  const cluster = newId();
  const folders = await Promise.all(ids.map((id) => temporaryFolder(`kafka-${id}`)));
  const places = await Promise.all(
    ids.map((id, index) => {
      const data = options.data ?? join(folders[index]!.path, "data");
      return nativePlace(id, ports[index]!, told[index]!, data, options.listeners);
    }),
  );
  return Promise.all(
    folders.map(async (folder, index) => {
      const properties = serverProperties(places[index]!, places, options.overrides);
      await writeFile(join(folder.path, "server.properties"), properties);
      await writeFile(join(folder.path, "log4j2.properties"), LOG4J);
      if (options.formatArgs) {
        const format = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties"];
        await run({ program: java, args: [...jvm, ...format, ...options.formatArgs], cwd: folder.path });
      } else if (!existsSync(places[index]!.data)) {
        await formatted(places[index]!.data, made, cluster, ids[index]!);
      }
      const main = [...jvm, heapFor(ids.length), "kafka.Kafka", "server.properties"];
      return new NativeServer({
        command: { program: java, args: main, cwd: folder.path },
        ready: READY,
        readyWithinMs: READY_WITHIN_MS,
        graceMs: 15_000,
        folder,
      });
    }),
  );
}

async function nativePlace(
  id: number,
  port: number,
  told: number,
  data: string,
  listeners: readonly PlacedListener[],
): Promise<Place> {
  const at = (there: number, known = there) => ({ bind: `127.0.0.1:${there}`, name: `127.0.0.1:${known}` });
  return {
    id,
    clients: at(port, told),
    brokers: at(await freePort()),
    controllers: at(await freePort()),
    listeners: listeners.map((listener) => ({
      ...listener,
      bind: `127.0.0.1:${listener.port}`,
      advertised: `localhost:${listener.port}`,
    })),
    data,
  };
}

/** Inside, every node has the same ports; only the one for clients is published. */
async function contained(
  ids: number[],
  ports: number[],
  told: number[],
  options: PlacedOptions,
): Promise<Server[]> {
  const image = await imageFor("kafka");
  const network = ids.length > 1 ? await dockerNetwork() : undefined;
  const name = (id: number): string => (network ? `kafka-${id}` : "127.0.0.1");
  const cluster = newId();
  const places = ids.map(
    (id, index): Place => ({
      id,
      clients: { bind: "0.0.0.0:9092", name: `127.0.0.1:${told[index]}` },
      brokers: { bind: "0.0.0.0:9094", name: `${name(id)}:9094` },
      controllers: { bind: "0.0.0.0:9093", name: `${name(id)}:9093` },
      listeners: options.listeners.map((listener, at) => ({
        ...listener,
        bind: `0.0.0.0:${9100 + at}`,
        advertised: `localhost:${listener.port}`,
      })),
      data: "/tmp/data",
    }),
  );
  const jvm = `java ${JVM.join(" ")} -Dlog4j2.configurationFile=/tmp/log4j2.properties -cp '/opt/kafka/libs/*'`;
  const format = ["format", "--ignore-formatted", "-t", cluster, ...(options.formatArgs ?? [])].join(" ");
  const script = [
    `${jvm} kafka.tools.StorageTool ${format} -c /tmp/server.properties`,
    `exec ${jvm} ${heapFor(ids.length)} kafka.Kafka /tmp/server.properties`,
  ].join(" && ");
  return places.map(
    (place, index) =>
      new DockerServer({
        image,
        command: ["sh", "-c", script],
        publish: [
          { inside: 9092, port: ports[index]! },
          ...(place.listeners ?? []).map(({ bind, advertised }) => ({
            inside: portOf(bind),
            port: portOf(advertised),
          })),
        ],
        files: [
          { target: "/tmp/server.properties", content: serverProperties(place, places, options.overrides) },
          { target: "/tmp/log4j2.properties", content: LOG4J },
        ],
        ...(network ? { network: { network, alias: name(place.id) } } : {}),
        ready: READY,
        readyWithinMs: READY_WITHIN_MS,
      }),
  );
}
