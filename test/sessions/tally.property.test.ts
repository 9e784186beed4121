/** Counts, with and without what was given back the last time, beside plain numbers. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Count, Tally } from "../../src/sessions/tally.ts";

const names = ["alice", "bob", "carol"];

/** Whoever counts has kept what it was given back for each name, or has not; there are two of them. */
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({ name: fc.nat(2), who: fc.nat(1), keeps: fc.boolean(), up: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant("clear" as const) },
);

it("counts the same whatever of what it gave back is shown to it again", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const tally = new Tally();
      const kept: (Count | undefined)[][] = [[], []];
      const expected = [0, 0, 0];
      for (const one of steps) {
        if (one === "clear") {
          tally.clear();
          expected.fill(0);
          continue;
        }
        const { name, who, keeps, up } = one;
        // Nobody takes back what was not counted.
        const change = up || expected[name] === 0 ? 1 : -1;
        kept[who]![name] = tally.add(names[name]!, change, keeps ? kept[who]![name] : undefined);
        expected[name]! += change;
        expect(names.map((known) => tally.of(known))).toEqual(expected);
      }
    }),
  );
});
