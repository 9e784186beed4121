/** Values that no rule may be read from, each by how it is made. */
import fc from "fast-check";

const fieldNames = ["effect", "ops", "tokens", "limits", "hours", "proxies", "groups", "set", "expiresAt"];

/** Neither a short form nor an object. */
const text = fc
  .string({ unit: "binary", maxLength: 60 })
  .filter((value) => !/^\s*(allow\s*$|deny\s*$|deny\s|\{)/.test(value));
const nearMiss = fc.constantFrom(
  "Allow",
  "ALLOW",
  "allow!",
  "allowed",
  "allow all",
  '"allow"',
  "'allow'",
  "denyall",
  "Deny",
  "true",
  "1",
  "",
  " \n",
  "[]",
  '["allow"]',
  "null",
  "{",
  '{"effect":"allow"',
  '{"effect":"allow"}}',
  "{effect:allow}",
  '{"effect":"Allow"}',
  '{"effect":["allow"]}',
  '{"effect":null}',
  '{"Effect":"allow"}',
  '{"__proto__":{"effect":"allow"}}',
  '{"effect":"deny","limits":{"connections":1}}',
  '{"effect":"allow","tokens":[]}',
  '{"effect":"allow","enforce":"no"}',
  '{"effect":"allow","notBefore":"2027-01-01T00:00:00Z","expiresAt":"2026-01-01T00:00:00Z"}',
);
/** An allow, with a field that nobody knows. */
const unknownField = fc
  .tuple(fc.string({ minLength: 1 }), fc.jsonValue())
  .filter(
    ([name]) =>
      !["reason", "notBefore", "by", "note", "enforce", "clientFrom", "visitorFrom", ...fieldNames].includes(
        name,
      ),
  )
  .map(([name, value]) => `{"effect":"allow",${JSON.stringify(name)}:${JSON.stringify(value)}}`);
/** An allow, with a field whose value has a wrong type: none of them takes a number or a text of this kind. */
const wrongField = fc
  .tuple(
    fc.constantFrom(...fieldNames),
    fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant("☃"), fc.constant(true)),
  )
  .map(([name, value]) => JSON.stringify({ note: "x", [name]: value }));
const brokenUtf8 = fc.constantFrom("allow", "deny", '{"effect":"allow"}').map((value) => `${value}\ufffd`);
const tooLong = fc.constantFrom("allow".padEnd(70_000), `{"effect":"allow","note":"${"x".repeat(70_000)}"}`);

export const rubbish = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 4, arbitrary: nearMiss },
  { weight: 6, arbitrary: unknownField },
  { weight: 4, arbitrary: wrongField },
  { weight: 1, arbitrary: brokenUtf8 },
  { weight: 1, arbitrary: tooLong },
);
