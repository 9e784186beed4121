/** The families of events: each goes to one topic, `<topicPrefix><stream>`, and is numbered by itself. */
export const streams = {
  logins: { retentionDays: 30 },
  proxies: { retentionDays: 30 },
  heartbeats: { retentionDays: 1 },
  "work-conns": { retentionDays: 1 },
  "user-sessions": { retentionDays: 30 },
  "http-requests": { retentionDays: 7 },
  "policy-changes": { retentionDays: 90 },
  unknown: { retentionDays: 7 },
  bridge: { retentionDays: 30 },
} as const satisfies Record<string, { readonly retentionDays: number }>;

export type Stream = keyof typeof streams;
export const streamNames = Object.keys(streams) as Stream[];

/** The topic that the events of each stream go to; `prefix` is the bridge's kafka.topicPrefix. */
export function topics(prefix = "sluice."): Record<Stream, string> {
  return Object.fromEntries(streamNames.map((stream) => [stream, prefix + stream])) as Record<Stream, string>;
}
