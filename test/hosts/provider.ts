/**
 * Where a service for tests comes from: the first of these that works.
 *
 *   given by the environment ──▶ a Docker engine ──▶ a program of this machine ──▶ missing, with the reason
 *
 * SLUICE_TEST_PROVIDER=docker or native forces one way; frp's programs, which have no image, then stay programs.
 */
import { composeMissing, composeProgram } from "./compose-program.ts";
import { connectMissing, connectPlugins } from "./connect-program.ts";
import { engineAnswers } from "./docker.ts";
import { frpEndsMissing, frpEndsProgram } from "./frp-ends-program.ts";
import { frpMissing, frpPrograms } from "./frp-program.ts";
import { haproxyMissing, haproxyProgram } from "./haproxy-program.ts";
import { imageFor } from "./images.ts";
import { kafkaJava } from "./kafka-classes.ts";
import { kafkaMissing } from "./kafka-program.ts";
import { kubernetesMissing, kubernetesPrograms } from "./kubernetes-program.ts";
import { ownRootMissing, systemdMissing } from "./own-root.ts";
import { postgresMissing, postgresPrograms } from "./postgres-program.ts";
import { onPath } from "./process.ts";
import { prometheusMissing, prometheusPrograms } from "./prometheus-program.ts";
import { redisMissing, redisProgram } from "./redis-program.ts";
import { redpandaConnectMissing, redpandaConnectProgram } from "./redpanda-connect-program.ts";
import { rsyslogMissing, rsyslogProgram } from "./rsyslog-program.ts";

interface Native {
  /** Why it can't be had on this machine; undefined if it can. */
  missing(): Promise<string | undefined>;
  /** Fetches and builds all that starting it will need. */
  prepare(): Promise<unknown>;
}

/** What has an image too. */
const imaged = {
  redis: { missing: redisMissing, prepare: redisProgram },
  kafka: { missing: kafkaMissing, prepare: kafkaJava },
} satisfies Record<string, Native>;

type Imaged = keyof typeof imaged;

const natives = {
  ...imaged,
  frp: { missing: frpMissing, prepare: frpPrograms },
  "frp-ends": { missing: frpEndsMissing, prepare: frpEndsProgram },
  postgres: { missing: postgresMissing, prepare: postgresPrograms },
  connect: { missing: connectMissing, prepare: () => Promise.all([kafkaJava(), connectPlugins()]) },
  "redpanda-connect": { missing: redpandaConnectMissing, prepare: redpandaConnectProgram },
  rsyslog: { missing: rsyslogMissing, prepare: rsyslogProgram },
  haproxy: { missing: haproxyMissing, prepare: haproxyProgram },
  promtool: { missing: prometheusMissing, prepare: prometheusPrograms },
  kubernetes: { missing: kubernetesMissing, prepare: kubernetesPrograms },
  systemd: { missing: systemdMissing, prepare: async () => {} },
  "own-root": { missing: ownRootMissing, prepare: async () => {} },
  engine: { missing: engineMissing, prepare: async () => {} },
  compose: { missing: composeMissing, prepare: composeProgram },
} satisfies Record<string, Native>;

export type Service = keyof typeof natives;

export type Provider = { way: "docker" | "native" } | { way: "missing"; why: string };

/** Docker's own command line, on an engine. */
async function engineMissing(): Promise<string | undefined> {
  if (!(await engineAnswers())) return "no Docker engine answers";
  return (await onPath("docker")) ? undefined : "no docker on PATH";
}

function hasImage(service: Service): service is Imaged {
  return Object.hasOwn(imaged, service);
}

/** The address of a server that the environment names; it serves as the shared one and is never stopped. */
export function given(service: Service): string | undefined {
  const { SLUICE_TEST_PROVIDER, SLUICE_TEST_REDIS_URL, SLUICE_TEST_KAFKA_BROKERS } = process.env;
  if (SLUICE_TEST_PROVIDER) return undefined;
  if (!hasImage(service)) return undefined;
  return { redis: SLUICE_TEST_REDIS_URL, kafka: SLUICE_TEST_KAFKA_BROKERS }[service];
}

/** How each service is had in this run. */
export async function allProviders(): Promise<Record<Service, Provider>> {
  const services = Object.keys(natives) as Service[];
  const each = services.map(async (service) => [service, await providerOf(service)] as const);
  return Object.fromEntries(await Promise.all(each)) as Record<Service, Provider>;
}

/** How servers that a test may stop are started here. Fetches and builds nothing. */
export async function providerOf(service: Service): Promise<Provider> {
  const forced = process.env.SLUICE_TEST_PROVIDER;
  if (forced !== undefined && forced !== "docker" && forced !== "native")
    throw new Error(`SLUICE_TEST_PROVIDER is ${forced}; docker or native would be right`);
  if (hasImage(service) && forced !== "native") {
    if (await engineAnswers()) return { way: "docker" };
    if (forced === "docker") return { way: "missing", why: "no Docker engine answers" };
  }
  const why = await natives[service].missing();
  return why ? { way: "missing", why } : { way: "native" };
}

/** As `providerOf`, and from Docker only if its image can be had; throws when the service is missing. */
export async function wayOf(service: Imaged): Promise<"docker" | "native"> {
  const provider = await providerOf(service);
  if (provider.way === "missing") throw new Error(`no ${service} for tests: ${provider.why}`);
  if (provider.way === "native") return "native";
  try {
    await imageFor(service);
    return "docker";
  } catch (error) {
    if (process.env.SLUICE_TEST_PROVIDER === "docker" || (await natives[service].missing())) throw error;
    return "native";
  }
}

/** Fetches and builds all that starting the service will need; throws when it is missing. */
export async function prepare(service: Service): Promise<void> {
  if (given(service)) return;
  const provider = await providerOf(service);
  if (provider.way === "missing") throw new Error(`no ${service} for tests: ${provider.why}`);
  if (!hasImage(service) || (await wayOf(service)) === "native") await natives[service].prepare();
}
