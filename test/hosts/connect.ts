import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connectPlugins } from "./connect-program.ts";
import { ConnectRest } from "./connect-rest.ts";
import { temporaryFolder } from "./folder.ts";
import { kafkaJava } from "./kafka-classes.ts";
import { freePort } from "./ports.ts";
import { NativeServer } from "./server.ts";
import { unique } from "./unique.ts";

const READY_WITHIN_MS = 120_000;
const GRACE_MS = 15_000;

export interface ConnectOptions {
  brokers: readonly string[];
  /** What worker.properties says before what tests need, which wins. */
  properties?: string;
  /** What ${env:…} in a connector's configuration stands for. */
  env?: Record<string, string>;
  jvm?: readonly string[];
}

/** A Connect worker, alone in its group; its port and all it knows stay the same over a restart. */
export type ConnectHost = NativeServer & { rest: ConnectRest };

export async function startConnect(options: ConnectOptions): Promise<ConnectHost> {
  const { java, args } = await kafkaJava();
  const folder = await temporaryFolder("connect");
  const port = await freePort();
  const group = unique("connect");
  const ours = Object.entries({
    "bootstrap.servers": options.brokers.join(","),
    "group.id": group,
    ...Object.fromEntries(
      ["config", "offset", "status"].map((of) => [`${of}.storage.topic`, `${group}-${of}`]),
    ),
    "offset.storage.partitions": "1",
    "status.storage.partitions": "1",
    listeners: `http://127.0.0.1:${port}`,
    "plugin.path": await connectPlugins(),
    ...QUICK,
  }).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder.path, "worker.properties"), `${options.properties ?? ""}\n${ours.join("")}`);
  await writeFile(join(folder.path, "log4j2.properties"), LOG4J);
  const main = ["-Xmx256m", "org.apache.kafka.connect.cli.ConnectDistributed", "worker.properties"];
  const server = new NativeServer({
    command: {
      program: java,
      args: [...args, ...(options.jvm ?? []), ...main],
      cwd: folder.path,
      env: options.env ?? {},
    },
    ready: /Kafka Connect started/,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: GRACE_MS,
    folder,
  });
  await server.start();
  return Object.assign(server, { rest: new ConnectRest(`http://127.0.0.1:${port}`) });
}

/** A worker that was killed is missed, and its tasks begin anew, after some seconds instead of most of a minute. */
const QUICK = {
  "scheduled.rebalance.max.delay.ms": "0",
  "session.timeout.ms": "3000",
  "heartbeat.interval.ms": "500",
  "consumer.session.timeout.ms": "3000",
  "consumer.heartbeat.interval.ms": "500",
  "offset.flush.interval.ms": "1000",
};

/** Errors, and the line that says that it is ready. */
const LOG4J = `rootLogger.level=ERROR
rootLogger.appenderRef.console.ref=console
appender.console.name=console
appender.console.type=Console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{HH:mm:ss.SSS} %p %m (%c{1})%n
logger.connect.name=org.apache.kafka.connect.runtime.Connect
logger.connect.level=INFO
`;
