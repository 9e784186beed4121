/** What each setting by itself may be, and not together with another. */
import { isIP } from "node:net";
import { streamNames } from "../events/streams.ts";
import { clashes } from "../events/topic-names.ts";
import type { Settings } from "./settings.ts";

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** What a command listens on. */
export type Port = "http" | "admin";

/** A sentence for each, with the remedy. What is not listened on is not judged. */
export function contradictions(settings: Settings, ports: readonly Port[]): string[] {
  const { http, redis, kafka } = settings;
  return [
    ...ofPorts(settings, ports),
    ...ofEvents(settings),
    ...ofPair("http.tls", http.tls),
    ...ofPair("redis.tls", redis.tls),
    ...ofPair("kafka.tls", kafka.tls),
    ...ofRedis(settings),
    ...ofKafkaTls(settings),
    ...ofSasl(settings),
    ...ofTopics(settings),
  ];
}

function ofPorts({ http, admin }: Settings, ports: readonly Port[]): string[] {
  const problems: string[] = [];
  const [frps, operators] = [ports.includes("http"), ports.includes("admin")];
  if (frps && !isLoopback(http.host) && http.auth === undefined) {
    problems.push(
      `http.host is "${http.host}", beyond loopback, and http.auth is not set: anybody could call; ` +
        "set http.auth (SLUICE_HTTP_AUTH) to user:password and put the same into frps's addr",
    );
  }
  if (operators && !isLoopback(admin.host) && admin.token === undefined) {
    problems.push(
      `admin.host is "${admin.host}", beyond loopback, and admin.token is not set: set admin.token (SLUICE_ADMIN_TOKEN)`,
    );
  }
  const together = frps && operators && http.host === admin.host;
  if (together && http.port !== 0 && http.port === admin.port) {
    problems.push(
      `http.port and admin.port are both ${http.port}, and http.host and admin.host the same: give them two ports`,
    );
  }
  return problems;
}

function ofEvents({ events, ban, redis, journal }: Settings): string[] {
  const problems: string[] = [];
  if (events.redact === "hmac" && events.hmacKey === undefined) {
    problems.push(
      "events.redact is hmac and events.hmacKey is not set: set events.hmacKey (SLUICE_EVENTS_HMAC_KEY)",
    );
  }
  if (events.pseudonyms.length > 0 && events.hmacKey === undefined) {
    problems.push(
      `events.pseudonyms is ${events.pseudonyms.join(",")} and events.hmacKey is not set: ` +
        "set SLUICE_EVENTS_HMAC_KEY, to the same in every bridge",
    );
  }
  if (ban.after > 0 && redis.url === undefined) {
    problems.push(
      `ban.after is ${ban.after} and redis.url is not set: bans are kept in Redis; set redis.url (SLUICE_REDIS_URL)`,
    );
  }
  if (journal.maxBytes < 2 * journal.segmentBytes) {
    problems.push(
      `journal.maxBytes is ${journal.maxBytes}: must be at least twice journal.segmentBytes, which is ${journal.segmentBytes}`,
    );
  }
  return problems;
}

function ofPair(
  group: string,
  { cert, key }: { readonly cert?: string | undefined; readonly key?: string | undefined },
): string[] {
  if ((cert === undefined) === (key === undefined)) return [];
  const [set, unset] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
  return [`${group}.${set} is set and ${group}.${unset} is not: set both, or neither`];
}

function ofRedis({ redis: { url, user, password, tls } }: Settings): string[] {
  const problems: string[] = [];
  const file = (["ca", "cert", "key"] as const).find((name) => tls[name] !== undefined);
  if (file !== undefined && url?.startsWith("redis://")) {
    problems.push(
      `redis.tls.${file} is set and redis.url begins with redis://: begin it with rediss:// for TLS`,
    );
  }
  if (user !== undefined && password === undefined && !/^rediss?:\/\/[^@/]*:[^@/]+@/.test(url ?? "")) {
    problems.push(
      "redis.user is set and no password is, in redis.url neither: set redis.password (SLUICE_REDIS_PASSWORD_FILE)",
    );
  }
  return problems;
}

function ofKafkaTls({ kafka: { tls } }: Settings): string[] {
  const named = (["ca", "cert", "key"] as const).filter((name) => tls[name] !== undefined);
  if (tls.enabled !== false || named.length === 0) return [];
  const names = named.map((name) => `kafka.tls.${name}`).join(", ");
  return [
    `kafka.tls.enabled is false and ${names} ${named.length === 1 ? "is" : "are"} set: take one of them away`,
  ];
}

const passwordFields = ["username", "password"] as const;
const clientFields = ["tokenEndpoint", "clientId", "clientSecret"] as const;
const tokenFields = [...clientFields, "scope", "tokenFile"] as const;

function ofSasl({ kafka: { sasl } }: Settings): string[] {
  const { mechanism, tokenFile, tokenEndpoint } = sasl;
  const names = (fields: readonly (keyof typeof sasl)[], isSet: boolean): string[] =>
    fields.filter((name) => (sasl[name] !== undefined) === isSet).map((name) => `kafka.sasl.${name}`);
  const listed = (fields: readonly string[]): string =>
    `${fields.join(", ")} ${fields.length === 1 ? "is" : "are"}`;

  if (mechanism === undefined) {
    const set = names([...passwordFields, ...tokenFields], true);
    const text = `${listed(set)} set and kafka.sasl.mechanism is not: set kafka.sasl.mechanism, such as to SCRAM-SHA-512`;
    return set.length === 0 ? [] : [text];
  }
  const problems: string[] = [];
  const isToken = mechanism === "OAUTHBEARER";
  const foreign = names(isToken ? passwordFields : tokenFields, true);
  if (foreign.length > 0) {
    const others = isToken ? "PLAIN and SCRAM" : "OAUTHBEARER";
    problems.push(
      `kafka.sasl.mechanism is ${mechanism} and ${listed(foreign)} set, for ${others}: take one of them away`,
    );
  }
  const lacks = names(isToken ? (tokenFile === undefined ? clientFields : []) : passwordFields, false);
  if (lacks.length > 0) {
    const or = isToken && lacks.length === clientFields.length ? "; or set kafka.sasl.tokenFile" : "";
    problems.push(
      `kafka.sasl.mechanism is ${mechanism} and ${listed(lacks)} not set: set ${lacks.length === 1 ? "it" : "them"}${or}`,
    );
  }
  if (tokenFile !== undefined && tokenEndpoint !== undefined) {
    problems.push("kafka.sasl.tokenFile and kafka.sasl.tokenEndpoint are both set: take one of them away");
  }
  if (tokenEndpoint?.startsWith("http:") && !isLoopback(new URL(tokenEndpoint).hostname)) {
    problems.push(
      "kafka.sasl.tokenEndpoint begins with http://: the secret would go unprotected; use https://",
    );
  }
  return problems;
}

function ofTopics({ kafka }: Settings): string[] {
  return clashes(kafka, streamNames).map(
    (clash) =>
      `kafka.topics: ${clash}, which only streams of events may share: name another topic for one of them`,
  );
}
