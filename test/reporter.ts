import type { Reporter, TestModule, TestSuite, Vitest } from "vitest/node";

/**
 * Ends a run with the line `N passed, N failed`, and before it names loudly every test that was skipped; under CI a
 * skipped test fails the run, unless only a part was asked for with `-t`. What fails outside of a test (a hook, a
 * file, a stray rejection) counts as one failure.
 */
export default class CountingReporter implements Reporter {
  #isPartial = false;

  onInit(vitest: Vitest): void {
    this.#isPartial = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    const outside = modules.flatMap((module): (TestModule | TestSuite)[] => [
      module,
      ...module.children.allSuites(),
    ]);
    const broken = outside.filter((part) => part.errors().length > 0).length + errors.length;
    const skipped = tests.filter((test) => test.result().state === "skipped");
    if (skipped.length > 0 && !this.#isPartial) {
      const names = skipped.map((test) => `  - ${test.module.relativeModuleId}: ${test.fullName}`);
      print(`\nSKIPPED, so not proven by this run:\n${names.join("\n")}\n`);
      if (process.env.CI) {
        process.exitCode = 1;
        print("A skipped test fails the run under CI.");
      }
    }
    const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
    print(`${count("passed")} passed, ${count("failed") + broken} failed${tail}`);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
