/** What `events.pseudonyms` may list. */
export const pseudonymKinds = ["user", "ip"] as const;
export type PseudonymKind = (typeof pseudonymKinds)[number];
