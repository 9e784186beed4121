/** How a body is parsed when every number must keep its source text. `node test/bench/trial/parse.ts` */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { print, timeInTurns } from "./turns.ts";

const fixture = new URL("../../fixtures/frp/Login.user-metas.json", import.meta.url);
const login = (JSON.parse(readFileSync(fixture, "utf8")) as { rawBody: string }).rawBody;

/** A number of 16 digits or more, with a fraction or exponent, or -0; may also find one inside a string. */
const needsSource = /[:,[]\s*-?(?:\d{16}|\d+[.eE]|(?<=-)0[\s,}\]])/;
const keepSource = (_: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === "number" && String(value) !== context?.source
    ? JSON.rawJSON(context?.source ?? "0")
    : value;
const parse = JSON.parse as (text: string, reviver?: typeof keepSource) => unknown;
for (const number of ["12345678901234567890", "-0", "1.0", "1e3", "-1.50", "0.1E+2"]) {
  for (const text of [`{"a":${number}}`, `[ ${number} ]`, `[1,${number},2]`]) {
    assert.match(text, needsSource);
    assert.equal(JSON.stringify(parse(text, keepSource)), text.replaceAll(" ", ""));
  }
}
assert.doesNotMatch(login, needsSource);
print(
  "parsing a Login of 316 bytes, numbers with their source text",
  timeInTurns([
    { name: "JSON.parse (loses digits)", call: () => parse(login) },
    { name: "JSON.parse with a reviver", call: () => parse(login, keepSource) },
    {
      name: "reviver only if a pattern finds a number that needs it",
      call: () => (needsSource.test(login) ? parse(login, keepSource) : parse(login)),
    },
  ]),
);
