/**
 * What Sluice itself may publish: the schemas for consumers, with no field beside those that they name, at any depth.
 */
import { z } from "zod";
import { eventSchemas, type SluiceEvent } from "../../src/events/schema.ts";

const leaves = [
  z.ZodString,
  z.ZodUUID,
  z.ZodISODateTime,
  z.ZodNumber,
  z.ZodBoolean,
  z.ZodEnum,
  z.ZodLiteral,
  z.ZodUnknown,
];

/** @throws of a kind of schema that it has not been told of: it might hold objects */
function strictly(schema: z.core.$ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) {
    const shape = Object.entries<z.core.$ZodType>(schema.shape);
    return z.strictObject(Object.fromEntries(shape.map(([name, field]) => [name, strictly(field)])));
  }
  if (schema instanceof z.ZodNullable) return strictly(schema.unwrap()).nullable();
  if (schema instanceof z.ZodOptional) return strictly(schema.unwrap()).optional();
  if (schema instanceof z.ZodArray) return z.array(strictly(schema.element));
  if (schema instanceof z.ZodRecord) return z.record(schema.keyType, strictly(schema.valueType));
  if (leaves.some((leaf) => schema instanceof leaf)) return schema as z.ZodType;
  throw new Error(`strictly() does not know what to do with ${schema._zod.def.type}`);
}

type StrictEvent = z.ZodObject<{ readonly type: z.ZodLiteral }>;

/** A whole event of any type. */
export const anyEvent: z.ZodType<SluiceEvent> = z.discriminatedUnion(
  "type",
  Object.values(eventSchemas).map(strictly) as unknown as [StrictEvent],
) as unknown as z.ZodType<SluiceEvent>;
