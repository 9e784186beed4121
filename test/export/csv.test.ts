import fc from "fast-check";
import { expect, it } from "vitest";
import { csvLine } from "../../src/export/csv.ts";

/** RFC 4180 read by its grammar; an empty cell without quotes is null. */
function cellsOf(line: string): (string | null)[] {
  const cells: (string | null)[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n$)/y;
  for (let at = 0; at < line.length; at = cell.lastIndex) {
    cell.lastIndex = at;
    const found = cell.exec(line);
    if (found === null) throw new Error(`no CSV at ${at} of ${JSON.stringify(line)}`);
    const [, quoted, bare] = found;
    cells.push(quoted === undefined ? bare || null : quoted.replaceAll('""', '"'));
  }
  return cells;
}

const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('"', ",", "\r", "\n", " ", "a", "=") }));
const cell = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));

it("comes back from RFC 4180 as it was, null told from the empty text", () => {
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1 }), (cells) => {
      expect(cellsOf(csvLine(cells))).toEqual(cells.map((one) => (one === null ? null : String(one))));
    }),
  );
});

it("with spreadsheet, no text begins as a formula does, and numbers stay numbers", () => {
  fc.assert(
    fc.property(fc.constantFrom("=", "+", "-", "@", "\t", "\r", "＝"), text, (first, rest) => {
      expect(cellsOf(csvLine([first + rest, -1, "a-b"], true))).toEqual([`'${first}${rest}`, "-1", "a-b"]);
    }),
  );
});
