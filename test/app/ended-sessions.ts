/** What a consumer of sluice.user-sessions can say of each session. */
import type { TopicEvent, TopicEvents } from "../hosts/topic-events.ts";

type Event = TopicEvent["event"];

const ofType =
  (type: string) =>
  ({ type: own }: Event): boolean =>
    own === `sluice.session.${type}`;

const distinct = (topics: TopicEvents, type: string): Event[] =>
  topics.distinct.map(({ event }) => event).filter(ofType(type));

export const startsOf = (topics: TopicEvents): Event[] => distinct(topics, "started");
export const closesOf = (topics: TopicEvents): Event[] => distinct(topics, "closed");
export const endsOf = (topics: TopicEvents): Event[] => distinct(topics, "ended");

/** Resolves when as many distinct ends as this have come. */
export async function endsCame(topics: TopicEvents, count: number, timeoutMs = 60_000): Promise<Event[]> {
  await topics.until(() => endsOf(topics).length >= count, `${count} ends`, timeoutMs);
  return endsOf(topics);
}

/** `203.0.113.9:50000`, as frps writes it. */
export function remoteOf({ data: { remote } }: Event): string {
  return remote.ip.includes(":") ? `[${remote.ip}]:${remote.port}` : `${remote.ip}:${remote.port}`;
}
