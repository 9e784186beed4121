import { randomBytes } from "node:crypto";

/** `name` with random digits behind, for a key prefix, a topic prefix, a group or a client id. */
export function unique(name: string): string {
  return `${name}-${randomBytes(5).toString("hex")}`;
}
