import type { Fault } from "./fault.ts";
import { diskFaults } from "./list/disk.ts";
import { httpFaults } from "./list/http.ts";
import { journalFaults } from "./list/journal.ts";
import { kafkaFaults } from "./list/kafka.ts";
import { processFaults } from "./list/process.ts";
import { redisFaults } from "./list/redis.ts";

/** All faults, in the order of the table. */
export const faults: readonly Fault[] = [
  ...processFaults,
  ...kafkaFaults,
  ...redisFaults,
  ...diskFaults,
  ...journalFaults,
  ...httpFaults,
];
