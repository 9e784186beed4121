/** Events of every type with anything in them that their schemas allow. */
import fc from "fast-check";
import { z } from "zod";
import { eventSchemas, type SluiceEvent } from "../../src/events/schema.ts";

/** What sinks stumble over, what is nearly an address, and whatever UTF-16 there is. */
const text = fc.oneof(
  fc.constantFrom(
    "",
    "\0",
    "a\0b",
    "\ud800",
    "x\udc00y",
    "alice",
    "203.0.113.9",
    "999.1.1.1",
    "GET",
    "PROPFIND",
  ),
  fc.constantFrom(
    "2001:db8::1",
    "::ffff:203.0.113.9",
    "fe80::1%eth0",
    "127.0.0.1:80",
    "__proto__",
    "*.a.test",
  ),
  fc.ipV4(),
  fc.ipV6(),
  fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength: 12 }),
);
const moment = fc
  .date({ min: new Date("1970-01-01"), max: new Date("2999-12-31"), noInvalidDate: true })
  .map((date) => date.toISOString());
const whole = fc.oneof(fc.nat(70_000), fc.maxSafeNat());

/** @throws of a kind of schema that it has not been told of */
function arbitraryOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodObject) {
    const shape = Object.entries<z.core.$ZodType>(schema.shape);
    const requiredKeys = shape.filter(([, field]) => !(field instanceof z.ZodOptional)).map(([name]) => name);
    return fc.record(Object.fromEntries(shape.map(([name, field]) => [name, arbitraryOf(field)])), {
      requiredKeys,
    });
  }
  if (schema instanceof z.ZodNullable) return fc.option(arbitraryOf(schema.unwrap()));
  if (schema instanceof z.ZodOptional) return arbitraryOf(schema.unwrap());
  if (schema instanceof z.ZodArray) return fc.array(arbitraryOf(schema.element), { maxLength: 3 });
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(text, arbitraryOf(schema.valueType as z.ZodType), { maxKeys: 2 });
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodUUID) return fc.uuid();
  if (schema instanceof z.ZodISODateTime) return moment;
  if (schema instanceof z.ZodNumber)
    return schema.isInt ? whole : fc.oneof(whole, fc.double({ noNaN: true }));
  if (schema instanceof z.ZodUnknown) return fc.jsonValue();
  if (schema instanceof z.ZodString) return text;
  throw new Error(`no value for ${schema._zod.def.type}`);
}

const digits = fc.integer({ min: 1, max: 2 ** 50 }).map((number) => String(number).padStart(16, "0"));

/** Some strings have a form that only their own check knows. */
const attributes = { sequence: digits, journalseq: digits, source: text.map((name) => `/frp/${name}`) };

export const generatedEvent: fc.Arbitrary<SluiceEvent> = fc.oneof(
  ...Object.values(eventSchemas).map((schema) =>
    fc
      .tuple(arbitraryOf(schema), fc.record(attributes))
      .map(([event, own]) => ({ ...(event as object), ...own }) as unknown as SluiceEvent),
  ),
);
