import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import type { PolicySource } from "../../src/policy/policy.ts";
import { FirstLoad } from "../../src/wiring/first-load.ts";
import { FakeClock } from "../fake-clock.ts";

/** A source whose starts end as the test says. */
function stage(kind: "file" | "redis") {
  const clock = new FakeClock();
  const starts: PromiseWithResolvers<void>[] = [];
  const problems: object[] = [];
  const source: PolicySource = {
    start() {
      starts.push(Promise.withResolvers<void>());
      return starts.at(-1)!.promise;
    },
    state: () => ({ kind, connected: false, ageMs: 0, lastError: null }),
    async close() {},
  };
  const log = { info() {}, warn() {}, error: (fields: object) => problems.push(fields) };
  const load = new FirstLoad(source, clock, log);
  return { clock, starts, problems, load };
}

async function isOver(work: Promise<void>): Promise<boolean> {
  let over = false;
  void work.then(() => {
    over = true;
  });
  await turn();
  return over;
}

it.each([
  ["file", false, 500],
  ["file", true, 500],
  ["redis", false, 100],
] as const)(
  "calls wait for a policy in a %s (rules known: %s) for %d ms at most",
  async (kind, known, ms) => {
    const { clock, load } = stage(kind);
    const awaited = load.awaited(known, 1000);
    clock.advance(ms - 1);
    expect(await isOver(awaited)).toBe(false);
    clock.advance(1);
    expect(await isOver(awaited)).toBe(true);
  },
);

it("calls never wait for Redis where the rules of an earlier process are known", async () => {
  expect(await isOver(stage("redis").load.awaited(true, 1000))).toBe(true);
});

it.each(["file", "redis"] as const)("calls wait for a %s no longer than it takes", async (kind) => {
  const ends = [
    ({ resolve }: PromiseWithResolvers<void>) => resolve(),
    ({ reject }: PromiseWithResolvers<void>) => reject(new Error("no JSON")),
  ];
  for (const end of ends) {
    const { starts, load } = stage(kind);
    const awaited = load.awaited(false, 1000);
    end(starts[0]!);
    expect(await isOver(awaited)).toBe(true);
    load.stop();
  }
});

it("what cannot be loaded is tried each second until it can, and each problem is told once", async () => {
  const { clock, starts, problems, load } = stage("file");
  for (const [n, problem] of ["no JSON", "no JSON", "no rights"].entries()) {
    starts[n]!.reject(new Error(problem));
    await turn();
    clock.advance(999);
    await turn();
    expect(starts).toHaveLength(n + 1);
    clock.advance(1);
    await turn();
  }
  starts[3]!.resolve();
  await load.done;
  expect(problems).toEqual([{ problem: "no JSON" }, { problem: "no rights" }]);
});

it("nothing is tried again once it is stopped", async () => {
  const { clock, starts, load } = stage("file");
  starts[0]!.reject(new Error("no JSON"));
  await turn();
  load.stop();
  await load.done;
  clock.advance(10_000);
  await turn();
  expect(starts).toHaveLength(1);
});
