import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newId, opId } from "../../src/events/ids.ts";
import { isWithin, leftOutText, volumeOf } from "../../src/events/volume.ts";

const ids = fc.oneof(
  fc.tuple(fc.string(), fc.string()).map(([node, reqid]) => opId(node, reqid, "Ping")),
  fc.constant(null).map(newId),
);
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("a share of the events of a type", () => {
  it("holds all that a smaller one holds; 1 holds every event, 0 none", () => {
    fc.assert(
      fc.property(ids, share, share, (id, a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        if (isWithin(less, id)) expect(isWithin(more, id)).toBe(true);
        expect([isWithin(1, id), isWithin(0, id)]).toEqual([true, false]);
      }),
    );
  });

  it.each([
    ["ids of ops", (n: number) => opId("frps", n.toString(16).padStart(16, "0"), "Ping")],
    ["ids that are new", newId],
  ])("is about that share of many %s", (_what, idOf) => {
    const made = Array.from({ length: 20_000 }, (_, n) => idOf(n));
    for (const of of [0.01, 0.1, 0.5]) {
      const found = made.filter((id) => isWithin(of, id)).length;
      // Six standard deviations: once in 500 million runs it is by chance.
      expect(Math.abs(found - made.length * of)).toBeLessThan(6 * Math.sqrt(made.length * of * (1 - of)));
    }
  });
});

it("a volume in which all is published is none", () => {
  expect(volumeOf({})).toBeNull();
  expect(volumeOf({ "heartbeat.allowed": 1 })).toBeNull();
  expect(volumeOf({ "heartbeat.allowed": 1, "workconn.allowed": 0.5 })?.shares).toEqual({
    "workconn.allowed": 0.5,
  });
});

it("people are told which types are left out, of those that they mean", () => {
  const publish = { "heartbeat.allowed": 0.01, "workconn.allowed": 0, "request.allowed": 1 };
  expect(leftOutText(publish)).toBe("heartbeat.allowed (all but 0.01), workconn.allowed");
  expect(leftOutText(publish, (type) => type.startsWith("heartbeat"))).toBe(
    "heartbeat.allowed (all but 0.01)",
  );
  expect(leftOutText(publish, (type) => type.startsWith("request"))).toBeNull();
});
