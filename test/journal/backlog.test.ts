import { describe, expect, it } from "vitest";
import { Backlog } from "../../src/journal/backlog.ts";
import { FakeClock } from "../fake-clock.ts";

describe("the backlog", () => {
  it("is as old as its oldest record, to a second", () => {
    const clock = new FakeClock();
    const backlog = new Backlog(clock, 0, 0);
    expect(backlog.ageMs).toBe(0);
    for (let seq = 1; seq <= 10; seq++) {
      backlog.durable(seq);
      clock.advance(1000);
    }
    expect(backlog.ageMs).toBe(10_000);
    backlog.acknowledged(4);
    expect(backlog.ageMs).toBe(6_000);
    backlog.acknowledged(10);
    expect(backlog.ageMs).toBe(0);
  });

  it("of an earlier epoch ages from the start on", () => {
    const clock = new FakeClock();
    const backlog = new Backlog(clock, 7, 3);
    clock.advance(5000);
    expect(backlog.ageMs).toBe(5000);
    backlog.acknowledged(7);
    expect(backlog.ageMs).toBe(0);
    expect(new Backlog(clock, 7, 7).ageMs).toBe(0);
  });

  it("never seems younger than it is, and takes little memory, however long it waits", () => {
    const clock = new FakeClock();
    const backlog = new Backlog(clock, 0, 0);
    const seconds = 20_000;
    for (let seq = 1; seq <= seconds; seq++) {
      backlog.durable(seq);
      clock.advance(1000);
    }
    expect(backlog.ageMs).toBe(seconds * 1000);
    for (let acknowledged = 0; acknowledged < seconds; acknowledged += 997) {
      backlog.acknowledged(acknowledged);
      const trueMs = (seconds - acknowledged) * 1000;
      expect(backlog.ageMs).toBeGreaterThanOrEqual(trueMs);
      // A mark spans at most what 512 of them leave of the whole wait.
      expect(backlog.ageMs).toBeLessThanOrEqual(trueMs + (seconds / 512) * 1000);
    }
    backlog.acknowledged(seconds);
    for (const seq of [1, 2, 3]) {
      backlog.durable(seconds + seq);
      clock.advance(1000);
    }
    backlog.acknowledged(seconds + 2);
    expect(backlog.ageMs).toBe(1000);
  });
});
