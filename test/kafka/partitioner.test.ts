import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { murmur2, partitionOf } from "../../src/kafka/partitioner.ts";

const kafkajsMurmur2 = createRequire(import.meta.url)(
  "kafkajs/src/producer/partitioners/default/murmur2.js",
) as (key: string) => number;

/** From Kafka's own UtilsTest.testMurmur2. */
const javaHashes: Readonly<Record<string, number>> = {
  "21": -973932308,
  foobar: -790332482,
  "a-little-bit-long-string": -985981536,
  "a-little-bit-longer-string": -1486304829,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
  abc: 479470107,
};

describe("the partitioner", () => {
  it.each(Object.entries(javaHashes))("hashes %s as Kafka's Java client does", (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  it("agrees with kafkajs on any key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (key) => {
        expect(murmur2(Buffer.from(key))).toBe(kafkajsMurmur2(key));
      }),
      { numRuns: 1_000 },
    );
  });

  it("names one of the partitions there are", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1_000 }), (key, partitions) => {
        const partition = partitionOf(key, partitions);
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true);
      }),
    );
  });
});
