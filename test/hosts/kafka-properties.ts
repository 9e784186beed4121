export interface ListenerOptions {
  /** In capitals, without `_`. */
  name: string;
  protocol: "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
  /** Its own settings, without `listener.name.<name>.`; a PEM may stand in them as it is. */
  properties: Readonly<Record<string, string>>;
}

/** Where one broker of a cluster is reached, by whom: `bind` is what it listens on, `name` what others call it by. */
export interface Place {
  id: number;
  clients: { bind: string; name: string };
  brokers: { bind: string; name: string };
  controllers: { bind: string; name: string };
  listeners?: readonly (ListenerOptions & { bind: string; advertised: string })[];
  data: string;
}

/**
 * Short enough for a test that kills a broker, long enough for a busy machine. A killed broker comes back only when its
 * session has run out.
 */
const QUICK_FAILOVER = {
  "broker.session.timeout.ms": "3000",
  "broker.heartbeat.interval.ms": "500",
  "controller.quorum.election.timeout.ms": "500",
  "controller.quorum.fetch.timeout.ms": "1000",
  "controller.socket.timeout.ms": "2000",
  "replica.socket.timeout.ms": "2000",
  "group.min.session.timeout.ms": "1000",
};

/** What an idle broker does all the time, and the threads and buffers of a busy one, would only slow the tests down. */
const MODEST = {
  "metadata.max.idle.interval.ms": "5000",
  "num.network.threads": "1",
  "num.io.threads": "2",
  "background.threads": "2",
  "group.coordinator.threads": "1",
  "log.cleaner.dedupe.buffer.size": "2097152",
};

/** The server.properties of the broker at `place` in the cluster of `places`; `overrides` win. */
export function serverProperties(
  place: Place,
  places: readonly Place[],
  overrides: Record<string, string> = {},
): string {
  const { listeners: further = [] } = place;
  const replicas = String(Math.min(3, places.length));
  const insync = String(Math.max(1, Math.min(3, places.length) - 1));
  const properties: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": String(place.id),
    "controller.quorum.voters": places.map(({ id, controllers }) => `${id}@${controllers.name}`).join(","),
    listeners: [
      `CLIENTS://${place.clients.bind},BROKERS://${place.brokers.bind},CONTROLLER://${place.controllers.bind}`,
      ...further.map(({ name, bind }) => `${name}://${bind}`),
    ].join(","),
    "advertised.listeners": [
      `CLIENTS://${place.clients.name},BROKERS://${place.brokers.name}`,
      ...further.map(({ name, advertised }) => `${name}://${advertised}`),
    ].join(","),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "BROKERS",
    "listener.security.protocol.map": [
      "CLIENTS:PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT",
      ...further.map(({ name, protocol }) => `${name}:${protocol}`),
    ].join(","),
    ...Object.fromEntries(
      further.flatMap(({ name, properties }) =>
        Object.entries(properties).map(([key, value]) => [
          `listener.name.${name.toLowerCase()}.${key}`,
          value,
        ]),
      ),
    ),
    "log.dirs": place.data,
    "default.replication.factor": replicas,
    "min.insync.replicas": insync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.min.isr": insync,
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    ...QUICK_FAILOVER,
    ...MODEST,
    ...overrides,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value.replaceAll("\n", "\\n")}\n`)
    .join("");
}

/** Warnings, and the one line that says that it is ready. */
export const LOG4J = `rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
appender.console.name=console
appender.console.type=Console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{HH:mm:ss.SSS} %p %m (%c{1})%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
`;
