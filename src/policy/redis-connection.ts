/** One plain connection to a Redis: how it is made and signed in, and what its errors are called. */
import { Redis } from "ioredis";
import { SluiceError } from "../errors.ts";
import { type RedisAddress, tlsOptions } from "./redis-address.ts";

export interface ConnectionOptions {
  readonly address: RedisAddress;
  readonly connectWithinMs: number;
  /** How long an answer may take; without it as long as it likes. */
  readonly answerWithinMs?: number;
}

/** Not connected yet. It never connects again by itself, and queues nothing while it is not connected. */
export function redisConnection({ address, connectWithinMs, answerWithinMs }: ConnectionOptions): Redis {
  return new Redis({
    host: address.host,
    port: address.port,
    ...(address.tls && { tls: tlsOptions(address) }),
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

/** Nothing of ioredis's own error goes on but its text: it carries the command, and AUTH's arguments are the password. */
export function redisError(address: RedisAddress, text: string): SluiceError {
  if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(text)) return redisDenied(address, text);
  return new SluiceError("redis_unavailable", `Redis at ${address.text}: ${text}`, { retryable: true });
}

export function redisDenied(address: RedisAddress, text: string): SluiceError {
  return new SluiceError(
    "redis_denied",
    `Redis at ${address.text} refuses the user or password of redis.url (SLUICE_REDIS_URL), or a right is missing: ${text}`,
    { retryable: true },
  );
}
