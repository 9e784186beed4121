import fc from "fast-check";
import { expect, it } from "vitest";
import { SortedEvents } from "../../src/export/sorted-events.ts";
import { temporaryFolder } from "../hosts/folder.ts";

const number = fc.integer({ min: 1, max: 99 }).map((n) => String(n).padStart(16, "0"));
/** An id is that of one event; two of one number are of a journal that lost its disk. */
const event = fc
  .record({ instance: fc.constantFrom("i_a", "i_b"), journalseq: number, twin: fc.boolean() })
  .map(({ instance, journalseq, twin }) =>
    JSON.stringify({ id: `${instance} ${journalseq} ${twin}`, instance, journalseq, text: 'line\n"ends" ü' }),
  );

it("gives each event once, one bridge after the other, in the order of numbers, however small its parts are", async () => {
  const folder = await temporaryFolder("sorted");
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4000 }),
      async (events, bytes) => {
        const sorted = new SortedEvents(folder.path, bytes);
        for (const one of events) expect(sorted.add(one)).toBe(true);
        const distinct = [...new Set(events)];
        const keyOf = (one: string): string => JSON.parse(one).id;
        expect([...sorted.merged()]).toEqual(
          distinct.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
        );
        expect(sorted.repeated).toBe(events.length - distinct.length);
      },
    ),
  );
  await folder.remove();
});

it("takes nothing that has no number", async () => {
  const sorted = new SortedEvents("/nowhere");
  for (const text of ["", "{", "null", "[]", '{"id":"1","instance":"i"}'])
    expect(sorted.add(text)).toBe(false);
});
