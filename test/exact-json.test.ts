import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson, parseKeepingSource } from "../src/exact-json.ts";

describe("JSON with numbers that a double cannot hold", () => {
  it.each([
    '{"n":9223372036854775807}',
    '{"n":-9223372036854775808,"deep":[{"m":12345678901234567890}]}',
    '{"n":1.2345678901234567890123}',
    '{"n":1e400}',
    '{"n":1E+100}',
  ])("%s is written back as it came", (text) => {
    expect(JSON.stringify(parseJson(text))).toBe(text);
  });

  it("keeps usual numbers as numbers", () => {
    expect(parseJson('{"run_id":"1234567890123456","port":6000,"f":0.5,"e":1e3}')).toEqual({
      run_id: "1234567890123456",
      port: 6000,
      f: 0.5,
      e: 1000,
    });
  });

  it("finds such a number wherever it stands", () => {
    const wide = "9223372036854775807";
    const path = fc.array(fc.constantFrom("[", '{"a":', '{"__proto__":', '{"f":0.5,"b":'), {
      minLength: 1,
      maxLength: 100,
    });
    fc.assert(
      fc.property(path, (opens) => {
        const closes = opens.map((open) => (open === "[" ? "]" : "}")).reverse();
        const text = [...opens, wide, ...closes].join("");
        expect(JSON.stringify(parseJson(text))).toBe(text);
      }),
    );
  });

  it("keeps a fraction as it is where no number is too wide, whatever zeros it ends with", () => {
    expect(parseJson('{"f":1.10}')).toEqual({ f: 1.1 });
  });

  it("parses any JSON as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.parse(JSON.stringify(parseJson(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("gives every number back by its source text when asked to keep it", () => {
    const text = '{"a":1.0,"b":[1e3,-0,100000000000000000000],"c":"1.0"}';
    expect(JSON.stringify(parseKeepingSource(text))).toBe(text);
  });
});
