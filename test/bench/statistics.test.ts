import { describe, expect, it } from "vitest";
import { FakeClock } from "../fake-clock.ts";
import { Latencies } from "./load/latencies.ts";
import { OpenLoop } from "./load/open-loop.ts";
import { differences, median, quantile, ratios, shownSpread, spreadOf } from "./statistics.ts";
import { inTurns, roundsOf } from "./turns.ts";

describe("what many figures come to", () => {
  it("lies between two figures in proportion", () => {
    expect(quantile([40, 10, 30, 20], 0.5)).toBe(25);
    expect(quantile([10, 20, 30, 40, 50], 0.25)).toBe(20);
    expect([quantile([3, 1, 2], 0), quantile([3, 1, 2], 1)]).toEqual([1, 3]);
  });

  it("is no figure where there are none", () => {
    expect(median([])).toBeNaN();
  });

  it("is told with how far the figures lie apart", () => {
    const spread = spreadOf([0.5, 0.7, 0.6]);
    expect(spread).toMatchObject({ median: 0.6, min: 0.5, max: 0.7, count: 3 });
    expect(spread.low).toBeCloseTo(0.55);
    expect(spread.high).toBeCloseTo(0.65);
    expect(shownSpread(spread)).toBe("0.60 (0.50–0.70)");
    expect(shownSpread(spreadOf([1234.5]))).toBe("1,235");
  });

  it("compares figures of the same round, so that a slow round tells nothing", () => {
    expect(ratios([50, 5], [100, 10])).toEqual([0.5, 0.5]);
    expect(differences([12, 22], [10, 20])).toEqual([2, 2]);
  });
});

describe("variants that take turns", () => {
  it("are measured A B A B, and the first round of each is not counted", async () => {
    const asked: string[] = [];
    const measure = async (name: string, round: number): Promise<number> => {
      asked.push(`${name}${round}`);
      return round;
    };
    const rounds = await roundsOf(["a", "b"], measure, 2);
    expect(asked).toEqual(["a0", "b0", "a1", "b1", "a2", "b2"]);
    expect(rounds.get("b")).toEqual([1, 2]);
  });

  it("are compared with the first of them, round by round", async () => {
    const times = { floor: [9, 10, 20, 30], other: [9, 20, 40, 90] };
    let turn = 0;
    const measure = async (name: string) => ({ ms: times[name as keyof typeof times][turn++ >> 1]! });
    const [, other] = await inTurns(["floor", "other"], measure, "ms", 3);
    expect(other).toEqual({ name: "other", figures: { ms: 40 }, ratio: 2 });
  });
});

describe("latencies", () => {
  it("are told as the end of the step within which a share of them lies", () => {
    const latencies = new Latencies();
    for (let n = 0; n < 99; n++) latencies.add(0.0105);
    latencies.add(250.004);
    expect(latencies.within(0.5)).toBeCloseTo(0.011, 6);
    expect(latencies.within(0.99)).toBeCloseTo(0.011, 6);
    expect(latencies.within(0.999)).toBeCloseTo(250.01, 6);
    expect(latencies.within(1)).toBeCloseTo(250.01, 6);
  });

  it("of minutes are counted too", () => {
    const latencies = new Latencies();
    latencies.add(61_000);
    latencies.add(1e9);
    expect([latencies.within(0.5), latencies.within(1)]).toEqual([61_001, 100_000]);
  });
});

describe("an open loop", () => {
  /** A gap of exactly a millisecond, by the law of the gaps turned round. */
  const even = (): number => 1 - Math.exp(-1);

  it("counts the time from when a call was due, though the server stalled until it could be sent", () => {
    const clock = new FakeClock();
    const loop = new OpenLoop(1000, clock.monotonic(), even);
    const latencies = new Latencies();
    // One connection: the first call is answered after 50 ms, the others at once.
    clock.advance(1);
    const first = loop.take(clock.monotonic())!;
    clock.advance(50);
    latencies.add(clock.monotonic() - first);
    for (;;) {
      const dueMs = loop.take(clock.monotonic());
      if (dueMs === undefined) break;
      latencies.add(clock.monotonic() - dueMs);
    }
    expect(latencies.total).toBe(51);
    // All that came due during the stall waited for it, from 49 ms down to nothing.
    expect(latencies.within(0.5)).toBeGreaterThan(24);
    expect(latencies.within(1)).toBeGreaterThan(49.9);
  });

  it("gives no call before it is due, and says what waits", () => {
    const loop = new OpenLoop(1000, 0, even);
    expect(loop.take(0.9)).toBeUndefined();
    expect(loop.take(3.5)).toBeCloseTo(1);
    expect(loop.waiting).toHaveLength(2);
    expect(loop.nextMs).toBeCloseTo(4);
  });
});
