/** What we may do with topics, as the broker itself says: Metadata with authorized operations (KIP-430, Kafka 2.3). */
import type { Kafka } from "kafkajs";
import { type RawBroker, type Reader, withRawBroker, writer } from "./raw-broker.ts";

/** Numbers of `AclOperation`. */
const operations = { write: 4, describe: 8, describeConfigs: 10 } as const;

export type Operation = keyof typeof operations;

export interface BrokerFacts {
  /** The newest Kafka whose requests it knows: `4.1 or newer`. */
  readonly version: string;
  /** By topic; one that is missing, or of which the broker does not tell, is not there. */
  readonly allowed: ReadonlyMap<string, ReadonlySet<Operation>>;
}

const metadata = { apiKey: 3, apiVersion: 8, apiName: "Metadata" } as const;
const fetchKey = 1;
/** The broker told nothing. */
const untold = -2_147_483_648;

export function brokerFacts(kafka: Kafka, topics: readonly string[]): Promise<BrokerFacts> {
  return withRawBroker(kafka, async (broker) => {
    const range = broker.versions[metadata.apiKey];
    const tells = range !== undefined && range.maxVersion >= 8 && range.minVersion <= 8;
    const allowed = tells ? await allowedOf(broker, topics) : new Map();
    return { version: versionOf(broker.versions), allowed };
  });
}

function allowedOf({ send }: RawBroker, topics: readonly string[]): Promise<BrokerFacts["allowed"]> {
  return send({
    ...metadata,
    write: (request) =>
      request
        .writeArray(topics.map((name) => writer().writeString(name)))
        .writeBoolean(false)
        .writeBoolean(false)
        .writeBoolean(true),
    read(answer) {
      answer.readInt32();
      answer.readArray(skipBroker);
      answer.readString();
      answer.readInt32();
      const told = answer.readArray(topicIn);
      return new Map(
        told.filter(({ bits }) => bits !== untold).map(({ name, bits }) => [name, operationsIn(bits)]),
      );
    },
  });
}

function skipBroker(one: Reader): void {
  one.readInt32();
  one.readString();
  one.readInt32();
  one.readString();
}

function topicIn(one: Reader): { readonly name: string; readonly bits: number } {
  one.readInt16();
  const name = one.readString() ?? "";
  one.readBoolean();
  one.readArray((partition) => {
    partition.readInt16();
    for (const _ of ["partition", "leader", "epoch"]) partition.readInt32();
    for (const _ of ["replicas", "in sync", "offline"]) partition.readArray((id) => id.readInt32());
  });
  return { name, bits: one.readInt32() };
}

function operationsIn(bits: number): Set<Operation> {
  const names = Object.keys(operations) as Operation[];
  return new Set(names.filter((name) => (bits & (1 << operations[name])) !== 0));
}

/** By the versions of Fetch: brokers tell their own version to nobody. */
const byFetch: readonly (readonly [maxVersion: number, version: string])[] = [
  [18, "4.1 or newer"],
  [17, "3.9 or 4.0"],
  [16, "3.7 or 3.8"],
  [15, "3.5 or 3.6"],
  [13, "3.1 to 3.4"],
  [12, "2.7 to 3.0"],
];

function versionOf(versions: RawBroker["versions"]): string {
  const fetch = versions[fetchKey]?.maxVersion ?? 0;
  return byFetch.find(([maxVersion]) => fetch >= maxVersion)?.[1] ?? "before 2.7";
}
