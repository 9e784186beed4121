/**
 * Requests of Kafka's protocol that kafkajs has no function for, over its own connections, with its TLS and SASL.
 *
 * This reaches into the package, whose version is pinned. Layouts are those of the protocol guide, in versions without
 * tagged fields.
 */
import { createRequire } from "node:module";
import type { Kafka } from "kafkajs";
import { SluiceError } from "../errors.ts";

export interface Writer {
  writeInt8(value: number): Writer;
  writeInt32(value: number): Writer;
  writeBoolean(value: boolean): Writer;
  writeString(value: string | null): Writer;
  writeArray(values: readonly Writer[]): Writer;
}

export interface Reader {
  readInt8(): number;
  readInt16(): number;
  readInt32(): number;
  readBoolean(): boolean;
  readString(): string | null;
  readArray<T>(read: (reader: Reader) => T): T[];
}

export interface RawRequest<T> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  readonly write: (writer: Writer) => Writer;
  readonly read: (reader: Reader) => T;
}

export interface RawBroker {
  /** By the number of an API, the versions of it that this broker speaks. */
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;
  /** Rejects with what kafkajs throws. */
  send<T>(request: RawRequest<T>): Promise<T>;
}

interface Cluster {
  connect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findControllerBroker(): Promise<{
    readonly versions: RawBroker["versions"];
    readonly connectionPool: { send(request: object): Promise<unknown> };
  }>;
  disconnect(): Promise<void>;
}

const require = createRequire(import.meta.url);

export const writer = (): Writer => new (require("kafkajs/src/protocol/encoder.js") as new () => Writer)();

const reader = (answer: Buffer): Reader =>
  new (require("kafkajs/src/protocol/decoder.js") as new (answer: Buffer) => Reader)(answer);

const errorOf = (code: number): Error =>
  (
    require("kafkajs/src/protocol/error.js") as { createErrorFromCode(code: number): Error }
  ).createErrorFromCode(code);

/** What kafkajs throws for an error code of the protocol; null for 0. */
export function protocolError(code: number, text: string | null): Error | null {
  if (code === 0) return null;
  const error = errorOf(code);
  return text === null ? error : Object.assign(error, { message: text });
}

/** The controller, where it can be asked; with KRaft any broker stands for it. */
export async function withRawBroker<T>(kafka: Kafka, work: (broker: RawBroker) => Promise<T>): Promise<T> {
  const cluster = clusterOf(kafka);
  await cluster.connect();
  try {
    await cluster.refreshMetadata();
    const { versions, connectionPool } = await cluster.findControllerBroker();
    return await work({
      versions,
      send: ({ apiKey, apiVersion, apiName, write, read }) =>
        connectionPool.send({
          request: { apiKey, apiVersion, apiName, encode: async () => write(writer()) },
          response: {
            decode: async (answer: Buffer) => answer,
            parse: async (answer: Buffer) => read(reader(answer)),
          },
        }) as Promise<never>,
    });
  } finally {
    cluster.disconnect().catch(() => {});
  }
}

function clusterOf(kafka: Kafka): Cluster {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === "private:Kafka:createCluster",
  );
  const create = key && (kafka as unknown as Record<symbol, (options: object) => Cluster>)[key];
  if (!create) throw new SluiceError("kafka_unavailable", "this version of kafkajs cannot send this request");
  return create({ allowAutoTopicCreation: false });
}
