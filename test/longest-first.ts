import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * What takes longest; begun last, one of these would keep one worker busy while the other has nothing to do. Those
 * that tell the time stand behind those that would take the processor from them: the faults take as long as all before
 * the outage of Kafka do beside them.
 */
const longest = [
  "test/faults/faults.test.ts",
  "test/forwarder/thread.test.ts",
  "test/cli/verify.test.ts",
  "test/cli/replay.test.ts",
  "test/cli/start-errors.test.ts",
  "test/cli/tail.test.ts",
  "test/connectors/consumers.test.ts",
  "test/connectors/kafka-connect-postgresql.test.ts",
  "test/faults/tools/control.test.ts",
  "test/cli/explain.test.ts",
  "test/kafka/broker.test.ts",
  "test/hosts/kafka.test.ts",
  "test/cli/simulate.test.ts",
  "test/cli/policy.test.ts",
  "test/cli/policy-file.test.ts",
  "test/cli/export.test.ts",
  "test/app/kafka-outage.test.ts",
  "test/app/sessions.test.ts",
  "test/app/guarantees.test.ts",
  "test/app/redis-outage.test.ts",
  "test/app/journal-failure.test.ts",
  "test/app/kill.test.ts",
  "test/prox/kill.test.ts",
  "test/deploy/kafka-acl.test.ts",
  "test/deploy/compose.test.ts",
  "test/deploy/image.test.ts",
  "test/deploy/package.test.ts",
];

/** The order in which test files begin. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = longest.indexOf(relative(this.ctx.config.root, moduleId));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
