/** A Kafka looked at for whether a bridge can work with it. Nothing is changed: topics are only said to be creatable. */
import { isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../clock.ts";
import type { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { withAdmin } from "./admin.ts";
import { seedOf } from "./client.ts";
import { failureOf } from "./failures.ts";
import { securityOf } from "./security.ts";
import type { KafkaSettings } from "./settings.ts";
import { createTopic, type FoundPartition, partitionsOf } from "./topic-admin.ts";
import type { TopicPlan } from "./topic-plan.ts";
import { planTopics, type TopicPlans } from "./topic-plans.ts";
import { brokerFacts, type Operation } from "./topic-rights.ts";
import type { WantedTopic } from "./topic-shape.ts";

export interface SeedExamination {
  /** As in kafka.brokers. */
  readonly address: string;
  readonly problem: SluiceError | null;
  /** When its certificate is valid; null without TLS, and where it shows none. */
  readonly certificate: { readonly validFrom: string; readonly validTo: string } | null;
}

export interface ClusterExamination extends TopicPlans {
  readonly brokers: number;
  /** Of Kafka, as far as its requests tell: `4.1 or newer`. */
  readonly version: string;
  /** Partitions that take no event now, such as `sluice.logins-3`. */
  readonly stuck: readonly string[];
  /** What our user may not do with a topic, where the broker says so. */
  readonly lacking: readonly { readonly name: string; readonly operation: Operation }[];
  /** Why missing topics could not be created. */
  readonly uncreatable: readonly SluiceError[];
}

/** Of a doctor that is waited for. */
const impatient = { connectTimeoutMs: 3_000, requestTimeoutMs: 3_000 } as const;

/** Each of kafka.brokers by itself: a client is content with one that answers. */
export function examineSeeds(settings: KafkaSettings, clock: Clock, log: Log): Promise<SeedExamination[]> {
  return Promise.all(
    settings.brokers.map(async (address) => {
      const one = { ...settings, ...impatient, brokers: [address] };
      const [problem, certificate] = await Promise.all([
        withAdmin(one, clock, log, 0, (admin) => admin.describeCluster()).then(() => null, failureOf),
        certificateOf(address, one, clock, log),
      ]);
      return { address, problem, certificate };
    }),
  );
}

/** Rejects with kafka_unavailable and its kin. */
export async function examineCluster(
  wanted: readonly WantedTopic[],
  patient: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<ClusterExamination> {
  const settings = { ...patient, ...impatient };
  const planned = await planTopics(wanted, settings, false, clock, log);
  const there = planned.plans.filter(({ found }) => found !== null);
  const missing = settings.createTopics ? planned.plans.filter(({ found }) => found === null) : [];
  return withAdmin(settings, clock, log, 0, async (admin, kafka) => {
    const { brokers } = await admin.describeCluster();
    const names = there.map(({ name }) => name);
    const { version, allowed } = await brokerFacts(kafka, names);
    const stuck: string[] = [];
    for (const plan of there) stuck.push(...stuckIn(plan, (await partitionsOf(admin, plan.name)) ?? []));
    const uncreatable: SluiceError[] = [];
    for (const { name, wanted: shape } of missing) {
      await createTopic(admin, name, shape, settings.requestTimeoutMs, true).catch((thrown) =>
        uncreatable.push(failureOf(thrown)),
      );
    }
    return {
      ...planned,
      brokers: brokers.length,
      version,
      stuck,
      lacking: lackingIn(names, allowed),
      uncreatable,
    };
  });
}

function stuckIn({ name, found }: TopicPlan, partitions: readonly FoundPartition[]): string[] {
  const needed = Number(found?.config?.["min.insync.replicas"] ?? 1);
  return partitions
    .filter(({ leader, isr }) => leader < 0 || isr.length < needed)
    .map(({ partitionId }) => `${name}-${partitionId}`);
}

function lackingIn(
  names: readonly string[],
  allowed: ReadonlyMap<string, ReadonlySet<Operation>>,
): { name: string; operation: Operation }[] {
  return names.flatMap((name) => {
    const may = allowed.get(name);
    const needed: readonly Operation[] = may === undefined ? [] : ["write", "describeConfigs"];
    return needed.filter((operation) => !may?.has(operation)).map((operation) => ({ name, operation }));
  });
}

/** Also of one that we do not trust, such as an expired one. */
function certificateOf(
  address: string,
  settings: KafkaSettings,
  clock: Clock,
  log: Log,
): Promise<SeedExamination["certificate"]> {
  const { host, port } = seedOf(address, 0);
  return new Promise((resolve) => {
    try {
      const secureContext = securityOf(settings, clock, log).context();
      if (secureContext === null) return resolve(null);
      const server = isIP(host) ? {} : { servername: host };
      const socket = connectTls({
        host,
        port: Number(port),
        ...server,
        secureContext,
        rejectUnauthorized: false,
      });
      const end = (found: SeedExamination["certificate"]): void => {
        cancel();
        socket.destroy();
        resolve(found);
      };
      const cancel = clock.after(settings.connectTimeoutMs, () => end(null));
      socket.once("error", () => end(null));
      socket.once("secureConnect", () => {
        const { valid_from: validFrom, valid_to: validTo } = socket.getPeerCertificate();
        end(validTo === undefined ? null : { validFrom, validTo });
      });
    } catch {
      // Files that cannot be used are a matter of the settings.
      resolve(null);
    }
  });
}
