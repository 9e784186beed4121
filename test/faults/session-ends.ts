/** Which closes of user connections must have ended a session, by what was answered alone. */
import type { Gap } from "../../src/ledger/announcements.ts";
import { type Answer, idOf } from "../app/load.ts";
import { keyOf } from "./filing.ts";
import type { Evidence } from "./judge.ts";

/** Closes that were answered, and whose session's end is neither there nor may be named as lost. */
export function unendedOf(evidence: Evidence): Answer[] {
  const { seen, report, topicPrefix } = evidence;
  const there = new Set(seen.map(({ id }) => id));
  const closed = new Set(seen.map(({ closedBy }) => closedBy));
  const unended = owedBy(evidence).filter(({ call }) => there.has(idOf(call)) && !closed.has(idOf(call)));
  const named = report.gaps.reduce((sum, gap) => sum + numbersIn(gap, `${topicPrefix}user-sessions`), 0);
  return unended.slice(Math.min(unended.length, named));
}

/**
 * A close ends a session when of its key more starts had surely been let in than other closes can have taken. Of a
 * tcp connection, whose key is its own, a start ends the one before.
 */
function owedBy({ answers, unanswered }: Evidence): Answer[] {
  const ofOp = (op: string): Answer[] => answers.filter(({ call }) => call.op === op);
  const starts = Map.groupBy(
    ofOp("NewUserConn").filter(({ refused }) => refused === null),
    ({ call }) => keyOf(call),
  );
  const closes = Map.groupBy(ofOp("CloseUserConn"), ({ call }) => keyOf(call));
  const lost = unanswered.filter(({ call }) => call.op === "CloseUserConn").map(({ call }) => keyOf(call));
  return [...closes].flatMap(([key, own]) =>
    own.filter((close) => {
      const begun = (starts.get(key) ?? []).filter(({ atMs }) => atMs < close.sentMs).length;
      const open = JSON.parse(close.call.body).content.proxy_type === "tcp" ? Math.min(1, begun) : begun;
      const rivals = own.filter((other) => other !== close && other.sentMs < close.atMs).length;
      return open > rivals + lost.filter((one) => one === key).length;
    }),
  );
}

/** How many numbers of a topic a gap names or may mean; what was lost of a journal may have been sent before. */
function numbersIn({ topics, count }: Gap, topic: string): number {
  const spans = Object.entries(topics);
  if (spans.length === 0) return count ?? Number.POSITIVE_INFINITY;
  const own = topics[topic];
  if (own === undefined) return 0;
  return own.last === null ? Number.POSITIVE_INFINITY : own.last - own.first + 1;
}
