/** What an event says of a session. Most of its data is of no interest, so it is parsed only where it must be. */
import { bareType, type Counted, dataOf, fieldsOf } from "./event.ts";

export type SessionWord =
  | { readonly says: "started"; readonly session: string }
  /** `session` is null unless it was started before. */
  | { readonly says: "refused"; readonly session: string | null }
  /** `session` is null when it belongs to none that is known. */
  | { readonly says: "closed"; readonly session: string | null; readonly close: string }
  | Ended;

interface Ended {
  readonly says: "ended";
  readonly session: string;
  readonly inferred: boolean;
  /** The id of the close that announced it. */
  readonly close: string | null;
  /** Whether it takes the place of an inferred one. */
  readonly succeeds: boolean;
  /** As it is written. */
  readonly startedAt: string;
}

/** null when it tells of no session. */
export function sessionWordOf(event: Counted, value: string): SessionWord | null {
  switch (bareType(event)) {
    case "session.started":
      return { says: "started", session: event.id };
    case "session.refused":
      return { says: "refused", session: event.supersedes && isOfProx(value) ? null : event.supersedes };
    case "session.closed":
      return { says: "closed", session: closedIn(value), close: event.id };
    case "session.ended": {
      const ended = endedIn(value);
      return ended && { says: "ended", ...ended, succeeds: event.supersedes !== null };
    }
    default:
      return null;
  }
}

/** What prox let in has no end, also when it is refused after all. */
function isOfProx(value: string): boolean {
  return dataOf(value).protocol === "prox";
}

/** The session of a close. */
function closedIn(value: string): string | null {
  const found = sessionMark.exec(value);
  // Behind `content` anybody may have written it.
  if (found && found.index < value.indexOf(',"content":')) return found[1] ?? null;
  const { id } = fieldsOf(dataOf(value).session);
  return typeof id === "string" ? id : null;
}

function endedIn(value: string): Omit<Ended, "says" | "succeeds"> | null {
  const session = sessionMark.exec(value)?.[1];
  const startedAt = startMark.exec(value)?.[1];
  const end = endMark.exec(value);
  if (session !== undefined && startedAt !== undefined && end !== null) {
    return { session, inferred: end[1] === "true", close: end[2] ?? null, startedAt };
  }
  const { session: named, end: told, startedAt: at } = dataOf(value);
  const { id } = fieldsOf(named);
  const { inferred, closedBy } = fieldsOf(told);
  if (typeof id !== "string" || typeof inferred !== "boolean") return null;
  return {
    session: id,
    inferred,
    close: typeof closedBy === "string" ? closedBy : null,
    startedAt: String(at),
  };
}

// Within a JSON string each quote has a backslash before it, so none of these is found in there.
const sessionMark = /,"session":\{"id":(?:null|"([^"\\]+)"),"key":"/;
const startMark = /,"startedAt":"([^"\\]+)"/;
const endMark = /,"end":\{"reason":"[^"\\]+","inferred":(true|false),[^{}]*"closedBy":(?:null|"([^"\\]+)")\}/;
