/**
 * What people write in the JSON of a rule, as schemas that say in plain words what is wrong.
 *
 * Each text is one that reads after the name of its field: `proxies.ports` … `must not be empty`.
 */
import { z } from "zod";
import { hint } from "../spelling.ts";

export const text = z.string({ error: "must be a text" });
export const flag = z.boolean({ error: "must be true or false" });
export const count = z.int("must be a whole number").nonnegative("must not be negative");

/** @param what names the items in the plural, with an example where their form is not plain */
export function listOf<Item extends z.ZodType>(item: Item, what: string, most: number): z.ZodArray<Item> {
  return z
    .array(item, { error: `must be a list of ${what}` })
    .min(1, "must not be empty")
    .max(most, `must not hold more than ${most} entries`);
}

/** An object of some of these fields, and nothing else. */
export function fieldsOf<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z
    .strictObject(shape, {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? takesNo(issue.keys[0]!, known)
          : `must be an object of ${known.join(", ")}`,
    })
    .refine((given) => Object.keys(given).length > 0, "must not be empty");
}

export function takesNo(name: string, known: readonly string[]): string {
  return `takes no ${printableName(name)}${hint(name, known)}`;
}

/** A name that anybody may have written. */
export function printableName(name: string): string {
  const printable = name.slice(0, 64).replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ");
  return printable.toWellFormed().trim() || "(a key without a name)";
}
