/** What a user may be called in events, now or before. */
import type { Settings } from "../config/settings.ts";
import { Names } from "../pseudonyms/names.ts";

/** The name, and its pseudonym where there is a key for it. */
export function namesOf(user: string, { events: { hmacKey } }: Settings): string[] {
  return hmacKey === undefined ? [user] : [user, new Names(hmacKey).user(user)];
}
