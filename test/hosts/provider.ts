/**
 * Where a service for tests comes from: the first of these that works.
 *
 *   given by the environment ──▶ a Docker engine ──▶ a program of this machine ──▶ missing, with the reason
 *
 * SLUICE_TEST_PROVIDER=docker or native forces one way; frp's programs, which have no image, then stay programs.
 */
import { connectMissing, connectPlugins } from "./connect-program.ts";
import { engineAnswers } from "./docker.ts";
import { frpEndsMissing, frpEndsProgram } from "./frp-ends-program.ts";
import { frpMissing, frpPrograms } from "./frp-program.ts";
import { imageFor } from "./images.ts";
import { kafkaJava } from "./kafka-classes.ts";
import { kafkaMissing } from "./kafka-program.ts";
import { kubernetesMissing, kubernetesPrograms } from "./kubernetes-program.ts";
import { ownRootMissing, systemdMissing } from "./own-root.ts";
import { postgresMissing, postgresPrograms } from "./postgres-program.ts";
import { prometheusMissing, prometheusPrograms } from "./prometheus-program.ts";
import { redisMissing, redisProgram } from "./redis-program.ts";
import { rsyslogMissing, rsyslogProgram } from "./rsyslog-program.ts";

/** What has an image, and what is only ever a program. */
type Imaged = "redis" | "kafka";
type Imageless =
  | "frp"
  | "frp-ends"
  | "postgres"
  | "kubernetes"
  | "systemd"
  | "own-root"
  | "rsyslog"
  | "promtool";
import { redpandaConnectMissing, redpandaConnectProgram } from "./redpanda-connect-program.ts";

/** What has an image, and what is only ever a program. */
type Imaged = "redis" | "kafka";
type Imageless = "frp" | "frp-ends" | "postgres" | "redpanda-connect" | "connect";

export type Service = Imaged | Imageless;

export type Provider = { way: "docker" | "native" } | { way: "missing"; why: string };

const missing: Record<Service, () => Promise<string | undefined>> = {
  redis: redisMissing,
  kafka: kafkaMissing,
  frp: frpMissing,
  "frp-ends": frpEndsMissing,
  postgres: postgresMissing,
  kubernetes: kubernetesMissing,
  systemd: systemdMissing,
  "own-root": ownRootMissing,
  rsyslog: rsyslogMissing,
  promtool: prometheusMissing,
  "redpanda-connect": redpandaConnectMissing,
  connect: connectMissing,
};

function hasImage(service: Service): service is Imaged {
  return service === "redis" || service === "kafka";
}

/** The address of a server that the environment names; it serves as the shared one and is never stopped. */
export function given(service: Service): string | undefined {
  const { SLUICE_TEST_PROVIDER, SLUICE_TEST_REDIS_URL, SLUICE_TEST_KAFKA_BROKERS } = process.env;
  if (SLUICE_TEST_PROVIDER) return undefined;
  if (!hasImage(service)) return undefined;
  return { redis: SLUICE_TEST_REDIS_URL, kafka: SLUICE_TEST_KAFKA_BROKERS }[service];
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
  const why = await missing[service]();
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
    if (process.env.SLUICE_TEST_PROVIDER === "docker" || (await missing[service]())) throw error;
    return "native";
  }
}

async function nothingToFetch(): Promise<void> {}

const programs = {
  redis: redisProgram,
  kafka: kafkaJava,
  frp: frpPrograms,
  "frp-ends": frpEndsProgram,
  postgres: postgresPrograms,
  kubernetes: kubernetesPrograms,
  systemd: nothingToFetch,
  "own-root": nothingToFetch,
  rsyslog: rsyslogProgram,
  promtool: prometheusPrograms,
  "redpanda-connect": redpandaConnectProgram,
  connect: () => Promise.all([kafkaJava(), connectPlugins()]),
};

/** Fetches and builds all that starting the service will need; throws when it is missing. */
export async function prepare(service: Service): Promise<void> {
  if (given(service)) return;
  const provider = await providerOf(service);
  if (provider.way === "missing") throw new Error(`no ${service} for tests: ${provider.why}`);
  if (!hasImage(service) || (await wayOf(service)) === "native") await programs[service]();
}
