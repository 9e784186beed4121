/**
 * A Redis looked at for whether a bridge can work with it: each thing that a bridge does is done once, and nothing is
 * written. A right to write is tried by a SET that no Redis carries out, since its options exclude each other: rights
 * are judged before options are.
 */

import type { TLSSocket } from "node:tls";
import { type Redis, ReplyError } from "ioredis";
import { textOf } from "../errors.ts";
import { type RedisSettings, redisAddress } from "./redis-address.ts";
import {
  connect,
  cutConnection,
  onComplaint,
  redisConnection,
  redisError,
  signIn,
} from "./redis-connection.ts";
import { RedisKeys } from "./redis-keys.ts";

export interface RedisExamination {
  /** `host:port/db` */
  readonly address: string;
  /** `redis 8.0.2`; Valkey says valkey. */
  readonly server: string;
  /** standalone, cluster, sentinel. */
  readonly mode: string;
  /** master or replica. */
  readonly role: string;
  /** What our user may not do of what every bridge does, as Redis says it. */
  readonly denied: readonly string[];
  /** Why changes of keys would not be told; null: they are. */
  readonly trackingProblem: string | null;
  /** Why a ban could not be written; null: it could, or was not asked. */
  readonly writeProblem: string | null;
  /** null: our user may ask neither INFO nor CONFIG GET. */
  readonly memory: { readonly policy: string; readonly maxBytes: number } | null;
  /** Redis's clock less ours in milliseconds, and how exact that is; null: our user may not ask. */
  readonly clock: { readonly aheadMs: number; readonly exactMs: number } | null;
  /** When its certificate is valid; null without TLS. */
  readonly certificate: { readonly validFrom: string; readonly validTo: string } | null;
}

const answerWithinMs = 5_000;

/**
 * @param writesBans whether the bridge writes bans
 * @throws SluiceError redis_unavailable, redis_denied, redis_untrusted, config_invalid
 */
export async function examineRedis(
  settings: RedisSettings,
  writesBans: boolean,
  now: () => number,
): Promise<RedisExamination> {
  const address = redisAddress(settings);
  let complaint: unknown = null;
  const connections = [1, 2].map(() => {
    const connection = redisConnection({ address, connectWithinMs: answerWithinMs, answerWithinMs });
    onComplaint(connection, (told) => {
      complaint ??= told;
    });
    return connection;
  }) as [Redis, Redis];
  try {
    for (const connection of connections) {
      await connect(connection);
      await signIn(connection, address);
    }
    const [reading, subscribed] = connections;
    const server = await greeting(reading);
    const stream = reading.stream as TLSSocket;
    const peer = address.tls === null ? null : stream.getPeerCertificate();
    const denied: string[] = [];
    // A Sentinel has no keys, and a node of a Cluster only some.
    const isRedis = server.mode === "standalone";
    if (isRedis && address.db !== 0) await tried(reading.select(address.db), denied);
    if (isRedis) await tryReading(reading, settings.prefix, denied);
    return {
      address: address.text,
      ...server,
      trackingProblem: isRedis ? await tryTracking(reading, subscribed, settings.prefix, denied) : null,
      writeProblem: isRedis && writesBans ? await tryWriting(reading, settings.prefix) : null,
      denied,
      memory: await memoryOf(reading),
      clock: await clockOf(reading, now),
      certificate: peer && { validFrom: peer.valid_from, validTo: peer.valid_to },
    };
  } catch (thrown) {
    throw redisError(address, thrown instanceof ReplyError ? thrown : (complaint ?? thrown));
  } finally {
    for (const connection of connections) cutConnection(connection);
  }
}

/** HELLO needs no right. */
async function greeting(connection: Redis): Promise<Pick<RedisExamination, "server" | "mode" | "role">> {
  const answer = (await connection.call("HELLO", "2")) as unknown[];
  const of = (name: string): string => String(answer[answer.indexOf(name) + 1]);
  return { server: `${of("server")} ${of("version")}`, mode: of("mode"), role: of("role") };
}

async function tryReading(connection: Redis, prefix: string, denied: string[]): Promise<void> {
  const { prefixes, pattern } = new RedisKeys(prefix);
  await tried(connection.ping(), denied);
  await tried(connection.scan("0", "MATCH", pattern, "COUNT", 1), denied);
  for (const one of prefixes) {
    await tried(connection.get(`${one}default`), denied);
    await tried(connection.mget(`${one}default`), denied);
    await tried(connection.pttl(`${one}default`), denied);
  }
}

async function tryTracking(
  reading: Redis,
  subscribed: Redis,
  prefix: string,
  denied: string[],
): Promise<string | null> {
  const before = denied.length;
  const id = await tried(subscribed.client("ID"), denied);
  await tried(subscribed.subscribe("__redis__:invalidate"), denied);
  const wanted = new RedisKeys(prefix).prefixes.flatMap((one) => ["PREFIX", one]);
  const redirect = id === null ? [] : ["REDIRECT", String(id)];
  try {
    await tried(reading.call("CLIENT", "TRACKING", "ON", ...redirect, "BCAST", ...wanted), denied);
    return denied.length > before ? "its commands are not allowed" : null;
  } catch (thrown) {
    if (thrown instanceof ReplyError) return textOf(thrown);
    throw thrown;
  }
}

async function tryWriting(connection: Redis, prefix: string): Promise<string | null> {
  try {
    await connection.call("SET", `${prefix}ban:doctor`, "", "NX", "XX");
    return null;
  } catch (thrown) {
    if (!(thrown instanceof ReplyError)) throw thrown;
    const text = textOf(thrown);
    return /syntax error/i.test(text) ? null : text;
  }
}

/** null when there is no answer to it, as where our user may not; any other failure is thrown. */
async function tried<T>(answer: Promise<T>, denied: string[]): Promise<T | null> {
  try {
    return await answer;
  } catch (thrown) {
    const text = textOf(thrown);
    // Of a key that is no text; it may be asked for all the same.
    if (text.startsWith("WRONGTYPE")) return null;
    if (!text.startsWith("NOPERM")) throw thrown;
    if (!denied.includes(text)) denied.push(text);
    return null;
  }
}

async function memoryOf(connection: Redis): Promise<RedisExamination["memory"]> {
  const ignored: string[] = [];
  const info = await tried(connection.info("memory"), ignored).catch(() => null);
  const told = (name: string): string | null =>
    new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info ?? "")?.[1] ?? null;
  const [policy, maxBytes] = [told("maxmemory_policy"), told("maxmemory")];
  if (policy !== null && maxBytes !== null) return { policy, maxBytes: Number(maxBytes) };
  const config = await tried(connection.config("GET", "maxmemory*"), ignored).catch(() => null);
  const pairs = (config ?? []) as string[];
  const of = (name: string): string | undefined => pairs[pairs.indexOf(name) + 1];
  return pairs.includes("maxmemory-policy")
    ? { policy: of("maxmemory-policy") ?? "", maxBytes: Number(of("maxmemory")) }
    : null;
}

async function clockOf(connection: Redis, now: () => number): Promise<RedisExamination["clock"]> {
  const askedMs = now();
  const time = await tried(connection.time(), []).catch(() => null);
  if (time === null) return null;
  const answeredMs = now();
  const theirMs = Number(time[0]) * 1000 + Number(time[1]) / 1000;
  return { aheadMs: theirMs - (askedMs + answeredMs) / 2, exactMs: (answeredMs - askedMs) / 2 };
}
