import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import kafkajs, { type ISocketFactory, type Kafka as KafkaType, type LogEntry } from "kafkajs";
import type { Clock } from "../clock.ts";
import type { Log } from "../forwarder/log.ts";
import { isTlsAlert, tlsWanted } from "../tls/trouble.ts";
import { securityOf } from "./security.ts";
import type { KafkaSettings } from "./settings.ts";
import "./idle-queue.ts";

const { Kafka, logLevel } = kafkajs;

/** A kafkajs instance and every socket that it has open. */
export interface Client {
  readonly kafka: KafkaType;
  /** Cuts every connection and allows no new one; what waits for an answer fails at once. */
  destroy(): void;
}

/**
 * A client that tries each thing once. Retries are the caller's: kafkajs's own hide what went wrong, hold on to a
 * dead connection, and are counted differently while NODE_ENV is "test".
 *
 * `turn` says with which of the brokers to begin: kafkajs stays with a first broker that accepts connections and
 * then says nothing.
 *
 * @throws SluiceError config_invalid when the files of kafka.tls cannot be used
 */
export function createClient(settings: KafkaSettings, clock: Clock, log: Log, turn = 0): Client {
  const { clientId, connectTimeoutMs, requestTimeoutMs } = settings;
  const seeds = settings.brokers.map(seedOf);
  const first = turn % seeds.length;
  const { context, sasl } = securityOf(settings, clock, log);
  context();
  const sockets = new Set<Socket>();
  let destroyed = false;

  const socketFactory: ISocketFactory = ({ host: named, port, onConnect }) => {
    const host = seeds.find(({ alias }) => alias === named)?.host ?? named;
    // A send that was given up still reconnects when its client is closed; this is the end of it.
    if (destroyed) throw new Error("closed");
    const server = isIP(host) ? {} : { servername: host };
    const secureContext = context();
    const socket = secureContext
      ? connectTls({ host, port, ...server, secureContext }, onConnect)
      : noticingTls(connect({ host, port }, onConnect));
    // Small requests of several partitions share a connection: with Nagle one waits for the other's delayed ACK.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };

  const kafka = new Kafka({
    brokers: [...seeds.slice(first), ...seeds.slice(0, first)].map(({ alias, port }) => `${alias}:${port}`),
    clientId,
    ...(sasl && { sasl }),
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: { retries: 0, initialRetryTime: 100, maxRetryTime: 1_000, multiplier: 2, factor: 0.2 },
    socketFactory,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => passOn(entry, log),
  });

  return {
    kafka,
    destroy() {
      destroyed = true;
      // With an error, since kafkajs does not listen to `close` and would leave its requests waiting.
      for (const socket of sockets) socket.destroy(new Error("given up"));
    },
  };
}

/** kafkajs would take the alert for the length of an answer that never comes. */
function noticingTls(socket: Socket): Socket {
  return socket.once("data", (first: Buffer) => {
    if (isTlsAlert(first)) socket.destroy(Object.assign(new Error("an alert of TLS"), { code: tlsWanted }));
  });
}

/** kafkajs takes what stands before the first colon for the host, so an IPv6 address goes by another name there. */
export function seedOf(broker: string, index: number): { alias: string; host: string; port: string } {
  const colon = broker.lastIndexOf(":");
  const host = broker.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { alias: host.includes(":") ? `seed-${index}` : host, host, port: broker.slice(colon + 1) };
}

/**
 * kafkajs logs as errors what its caller is told anyway, each retry anew and with stack traces, so all it says is
 * debug here. Of its fields only these go on: others hold whole responses.
 */
function passOn({ namespace, log: { message, broker, error } }: LogEntry, log: Log): void {
  log.debug({ namespace, broker, error }, `kafkajs: ${message}`);
}
