import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { kafkaJava } from "./kafka-classes.ts";
import { LOG4J, type Place, serverProperties } from "./kafka-properties.ts";
import { freePort } from "./ports.ts";
import { run } from "./process.ts";
import { NativeServer, type Server } from "./server.ts";

/** A Kafka that asks for rights. Whoever comes to `broker` is User:ANONYMOUS, who has none. */
export type AuthorizedKafka = Server & {
  broker: string;
  /** Where its administrator comes, by SASL PLAIN. */
  admin: { broker: string; username: string; password: string };
};

const admin = { username: "admin", password: "of-tests" };
const plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
const login = `${plain} username="${admin.username}" password="${admin.password}"`;

/** For the brokers among themselves, and for the tools of Kafka. */
export const adminProperties: Readonly<Record<string, string>> = {
  "security.protocol": "SASL_PLAINTEXT",
  "sasl.mechanism": "PLAIN",
  "sasl.jaas.config": `${login};`,
};

/** One node, always a program of this machine: its administrator needs a port that no image publishes. */
export async function startAuthorizedKafka(): Promise<AuthorizedKafka> {
  const { java, args: jvm } = await kafkaJava();
  const folder = await temporaryFolder("kafka-authorized");
  const [clients, brokers, controllers] = [await freePort(), await freePort(), await freePort()];
  const at = (port: number) => ({ bind: `127.0.0.1:${port}`, name: `127.0.0.1:${port}` });
  const place: Place = {
    id: 1,
    clients: at(clients),
    brokers: at(brokers),
    controllers: at(controllers),
    data: join(folder.path, "data"),
  };
  const own = `${login} user_${admin.username}="${admin.password}";`;
  const properties = serverProperties(place, [place], {
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,BROKERS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "listener.name.brokers.plain.sasl.jaas.config": own,
    "listener.name.controller.plain.sasl.jaas.config": own,
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": `User:${admin.username}`,
  });
  await writeFile(join(folder.path, "server.properties"), properties);
  await writeFile(join(folder.path, "log4j2.properties"), LOG4J);
  const cluster = `A${randomBytes(16).toString("base64url").slice(1)}`;
  const format = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties"];
  await run({ program: java, args: [...jvm, ...format], cwd: folder.path });
  const server = new NativeServer({
    command: {
      program: java,
      args: [...jvm, "-Xmx512m", "kafka.Kafka", "server.properties"],
      cwd: folder.path,
    },
    ready: /Kafka Server started/,
    readyWithinMs: 120_000,
    graceMs: 15_000,
    folder,
  });
  await server.start();
  const ends = { broker: place.clients.name, admin: { broker: place.brokers.name, ...admin } };
  return Object.assign(server, ends);
}
