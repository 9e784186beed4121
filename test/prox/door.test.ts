import { expect, it } from "vitest";
import type { Answer, Op } from "../../src/op.ts";
import { Door } from "../../src/prox/door.ts";
import { FakeClock } from "../fake-clock.ts";

const named = (name: string) => ({ name }) as Op;

function stage() {
  const clock = new FakeClock();
  const seen: [string, number][] = [];
  const handle = async (op: Op, deadlineMs: number): Promise<Answer> => {
    seen.push([op.name, deadlineMs]);
    return { kind: "refuse", reason: op.name };
  };
  return { clock, seen, door: new Door(clock), handle };
}

it("holds calls until there is a bridge, and lets them in as they came, with what is left of their deadlines", async () => {
  const { clock, seen, door, handle } = stage();
  const first = door.handle(named("first"), 1000);
  clock.advance(300);
  const second = door.handle(named("second"), 1000);
  clock.advance(200);
  expect(seen).toEqual([]);
  door.open({ handle, malformed() {} });
  expect(await first).toEqual({ kind: "refuse", reason: "first" });
  expect(await second).toEqual({ kind: "refuse", reason: "second" });
  await door.handle(named("third"), 1000);
  expect(seen).toEqual([
    ["first", 500],
    ["second", 800],
    ["third", 1000],
  ]);
});

it("fails a call whose deadline passes while it waits, and never lets it in", async () => {
  const { clock, seen, door, handle } = stage();
  const early = door.handle(named("early"), 1000);
  clock.advance(1);
  const late = door.handle(named("late"), 1000);
  const failed = expect(early).rejects.toThrow("while the plugin began");
  clock.advance(999);
  await failed;
  door.open({ handle, malformed() {} });
  await late;
  expect(seen).toEqual([["late", 1]]);
});

it("keeps what is reported of malformed calls until somebody counts it", async () => {
  const { door, handle } = stage();
  const report = { node: "edge", reason: "too_large", peer: null, length: 1, sha256: "" } as const;
  const told: unknown[] = [];
  door.malformed(report);
  door.open({ handle, malformed: (one) => told.push(one) });
  door.malformed({ ...report, length: 2 });
  await Promise.resolve();
  expect(new Set(told)).toEqual(new Set([report, { ...report, length: 2 }]));
});
