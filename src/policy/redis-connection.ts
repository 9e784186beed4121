/** One plain connection to a Redis: how it is made and signed in, and what its errors are called. */
import { Redis } from "ioredis";
import { SluiceError } from "../errors.ts";
import { isTlsAlert, tlsTrouble, tlsWanted } from "../tls/trouble.ts";
import { type RedisAddress, tlsOptions } from "./redis-address.ts";

export interface ConnectionOptions {
  readonly address: RedisAddress;
  readonly connectWithinMs: number;
  /** Told of a new certificate that cannot be used, while the old one stays in force. */
  readonly warn?: (problem: string) => void;
  /** How long an answer may take; without it as long as it likes. */
  readonly answerWithinMs?: number;
}

/**
 * Not connected yet. It never connects again by itself, and queues nothing while it is not connected.
 * @throws SluiceError config_invalid when the files of redis.tls cannot be used
 */
export function redisConnection(options: ConnectionOptions): Redis {
  const { address, connectWithinMs, answerWithinMs, warn = () => {} } = options;
  return new Redis({
    host: address.host,
    port: address.port,
    ...(address.tls && { tls: tlsOptions(address, warn) }),
    ...(answerWithinMs !== undefined && { commandTimeout: answerWithinMs }),
    protocol: 2,
    lazyConnect: true,
    connectTimeout: connectWithinMs,
    retryStrategy: null,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  });
}

/** Rejects with what ioredis says. */
export function connect(connection: Redis): Promise<void> {
  // ioredis listens for one error of a socket. A second one, as of a connection that is reset after an alert of TLS, would
  // end the process. By then the socket is there, and nothing of it has been read yet.
  setImmediate(() => connection.stream?.on("error", () => {}));
  return connection.connect();
}

/** Throws what Redis or ioredis says, which may hold the password: for `redisError` alone. */
export async function signIn(connection: Redis, { user, password }: RedisAddress): Promise<void> {
  if (password === null) return;
  await connection.call("AUTH", ...(user === null ? [password] : [user, password]));
}

/** Ends it at once. */
export function cutConnection(connection: Redis): void {
  connection.disconnect();
  // disconnect() waits for the other side to close too, which a stopped server never does.
  connection.stream?.destroy();
}

/** Has what a socket complains of told at once, and what only its first bytes say: that the other side speaks TLS. */
export function onComplaint(connection: Redis, tell: (complaint: unknown) => void): void {
  connection.on("error", tell);
  connection.once("connect", () => {
    connection.stream?.once("data", (first: Buffer) => {
      if (isTlsAlert(first)) tell(Object.assign(new Error("an alert of TLS"), { code: tlsWanted }));
    });
  });
}

/** Nothing of ioredis's own error goes on but its text: it carries the command, and AUTH's arguments are the password. */
export function redisError(address: RedisAddress, thrown: unknown): SluiceError {
  const { code = "", message = String(thrown) } = thrown as NodeJS.ErrnoException;
  const where = `Redis at ${address.text}`;
  if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(message)) return redisDenied(address, message);
  const trouble = tlsTrouble(String(code), message, "redis.tls", "rediss:// or redis:// in redis.url");
  if (trouble)
    return new SluiceError(`redis_${trouble.kind}`, `${where}: ${trouble.text}`, { retryable: true });
  const hint = kindIn(message) ?? cutHint(address, message);
  const text = hint === null ? message : `${hint} (${message})`;
  return new SluiceError("redis_unavailable", `${where}: ${text}`, { retryable: true });
}

/** A Redis that is spoken to in the wrong way says nothing, and cuts the connection or waits for more. */
function cutHint({ tls }: RedisAddress, message: string): string | null {
  if (
    tls !== null &&
    /before secure TLS connection was established|ECONNRESET|EPIPE|no answer|ETIMEDOUT/.test(message)
  ) {
    return "does it speak TLS on this port (rediss:// in redis.url), and take our certificate (redis.tls.cert)?";
  }
  return tls === null && /ECONNRESET|EPIPE/.test(message)
    ? "does it want TLS on this port (rediss:// in redis.url)?"
    : null;
}

/** What else than a single Redis may answer, by what it says to a command that such a Redis understands. */
function kindIn(message: string): string | null {
  if (/^(MOVED|ASK|CROSSSLOT|CLUSTERDOWN) |not allowed in cluster mode/.test(message)) {
    return "it is a node of a Redis Cluster, which Sluice does not speak: name a single Redis in redis.url";
  }
  if (/^ERR unknown (sub)?command|^ERR Unknown subcommand/i.test(message)) {
    return "it does not know a command that Sluice needs: a Sentinel, or older than Redis 6? Name the Redis itself in redis.url";
  }
  return null;
}

export function redisDenied(address: RedisAddress, text: string): SluiceError {
  const remedy = text.startsWith("NOPERM")
    ? "does not allow our user what Sluice needs: give it the rights of deploy/redis/users.acl"
    : "refuses our user or password: see redis.user and redis.password (SLUICE_REDIS_PASSWORD_FILE), or those in redis.url (SLUICE_REDIS_URL)";
  return new SluiceError("redis_denied", `Redis at ${address.text} ${remedy}: ${text}`, { retryable: true });
}
