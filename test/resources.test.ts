import { describe, expect, it } from "vitest";
import { Resources } from "../src/resources.ts";
import { FakeClock } from "./fake-clock.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, isLevelEnabled: () => false };

function resources() {
  const clock = new FakeClock();
  const errors: object[] = [];
  const log = { ...silent, error: (fields: object) => void errors.push(fields) };
  return { clock, errors, held: new Resources(clock, log) };
}

describe("what was acquired", () => {
  it("is released in reverse, also when one of them fails", async () => {
    const { held, errors } = resources();
    const order: string[] = [];
    held.onRelease("first", 10, () => void order.push("first"));
    held.onRelease("second", 10, () => {
      throw new Error("stuck");
    });
    held.onRelease("third", 10, async () => void order.push("third"));
    await held.release();
    expect(order).toEqual(["third", "first"]);
    expect(errors).toEqual([{ resource: "second", problem: "stuck" }]);
  });

  it("and does not end in time is left, and said", async () => {
    const { held, errors, clock } = resources();
    const order: string[] = [];
    held.onRelease("first", 10, () => void order.push("first"));
    const asked = Promise.withResolvers<void>();
    held.onRelease("never ends", 500, () => {
      asked.resolve();
      return new Promise(() => {});
    });
    const released = held.release();
    await asked.promise;
    clock.advance(500);
    await released;
    expect(order).toEqual(["first"]);
    expect(errors).toEqual([{ resource: "never ends", problem: "still busy after 500 ms" }]);
  });
});
