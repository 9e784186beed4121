import { describe, expect, it } from "vitest";
import { endId } from "../../src/events/ids.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { type Call, callMix, isRefusable } from "../app/call-mix.ts";
import { type Answer, idOf, type Unanswered } from "../app/load.ts";
import { keyOf, streamOfOp } from "./filing.ts";
import { type Crime, type Evidence, judge } from "./judge.ts";
import { Rulings } from "./rulings.ts";
import type { Seen } from "./witness.ts";

const boundMs = 100;
const prefix = "t.";
const epoch = "01900000-0000-7000-8000-000000000001";

interface Record extends Seen {
  readonly data?: object;
}

interface Draft {
  answers: Answer[];
  seen: Record[];
  rulings: Rulings;
  unanswered: Unanswered[];
  healedMs: number;
}

/** A bridge that keeps its word: forty calls, all answered and published. */
function evidenceOf(change: (draft: Draft) => void): Evidence {
  const next = callMix(7);
  const answers = Array.from({ length: 40 }, (_, at) => answerTo(next(), at));
  const seen = publishedOf(answers.map(({ call }) => call));
  const draft: Draft = { answers, seen, rulings: new Rulings(), unanswered: [], healedMs: 0 };
  change(draft);
  const ledger = new Ledger();
  for (const { topic, id, type, sequence, journalseq, data = {} } of draft.seen) {
    const event = { specversion: "1.0", id, source: "/frp/frps", type, instance: "i", epoch };
    ledger.add({ topic, partition: 0, value: JSON.stringify({ ...event, sequence, journalseq, data }) });
  }
  return {
    wasDown: false,
    struckMs: 0,
    boundMs: { before: boundMs, healed: boundMs },
    causes: [],
    topicPrefix: prefix,
    ...draft,
    report: ledger.report(),
  };
}

/** What a bridge makes of these calls: an event for each, and behind a close the end of its session. */
function publishedOf(calls: readonly Call[]): Record[] {
  const counts = new Map<string, number>();
  const open = new Map<string, string[]>();
  let journalseq = 0;
  const next = (call: Call): Record => {
    const topic = prefix + streamOfOp[call.op];
    counts.set(topic, (counts.get(topic) ?? 0) + 1);
    journalseq += 1;
    return seenOf(call, topic, counts.get(topic)!, journalseq);
  };
  return calls.flatMap((call) => {
    const own = next(call);
    const { key, id } = own;
    if (call.op === "NewUserConn") {
      open.set(key, [...(open.get(key) ?? []), id]);
      return [{ ...own, type: "sluice.session.started" }];
    }
    if (call.op !== "CloseUserConn") return [own];
    const session = open.get(key)!.shift()!;
    const closed = { ...own, type: "sluice.session.closed", data: { session: { id: session, key } } };
    const end = { inferred: false, closedBy: id };
    const ended = {
      ...next(call),
      ...{
        id: endId(session, false),
        digest: session,
        type: "sluice.session.ended",
        isOp: false,
        op: undefined,
      },
      ...{ derivedFrom: session, closedBy: id, data: { session: { id: session, key }, end } },
    };
    return [closed, ended];
  });
}

function answerTo(call: Call, at: number): Answer {
  return {
    call,
    refused: null,
    closes: false,
    sentMs: performance.now() + at,
    atMs: performance.now() + at + 1,
  };
}

function seenOf(call: Call, topic: string, sequence: number, journalseq: number): Seen {
  return {
    topic,
    partition: 0,
    key: keyOf(call),
    op: call.op,
    user: call.user,
    leaks: false,
    id: idOf(call),
    type: "sluice.login.allowed",
    epoch,
    sequence: String(sequence).padStart(16, "0"),
    journalseq: String(journalseq).padStart(16, "0"),
    supersedes: undefined,
    refused: null,
    isOp: true,
    digest: idOf(call),
    standsFor: undefined,
    derivedFrom: undefined,
    closedBy: undefined,
  };
}

const nobody = { call: callMix(8)(), connected: true };

const crimesOf = (evidence: Evidence): Crime[] => judge(evidence).findings.map(({ crime }) => crime);

/** Two records of one key, the second behind the first. */
function twoOf(seen: readonly Seen[]): [number, number] {
  const isLike = (one: Seen) => (other: Seen) => other.topic === one.topic && other.key === one.key;
  const second = seen.findIndex((one, at) => seen.findIndex(isLike(one)) < at);
  return [seen.findIndex(isLike(seen[second]!)), second];
}

const isEnd = ({ type }: Seen): boolean => type === "sluice.session.ended";

function refusable(answers: readonly Answer[]): number {
  return answers.findIndex(({ call }) => isRefusable(call));
}

describe("the judge", () => {
  it("finds nothing at a bridge that keeps its word", () => {
    const verdict = judge(evidenceOf(() => {}));
    expect(verdict).toMatchObject({
      answered: 40,
      delivered: 40,
      named: 0,
      duplicates: 0,
      lost: 0,
      phantom: 0,
    });
    expect(verdict.findings).toEqual([]);
  });

  it("takes a record that came twice, as it was, for a duplicate and no crime", () => {
    const verdict = judge(evidenceOf(({ seen }) => seen.push(seen[3]!)));
    expect(verdict).toMatchObject({ duplicates: 1, findings: [] });
  });

  const crimes: [Crime, Parameters<typeof evidenceOf>[0]][] = [
    [
      "lost",
      ({ seen }) =>
        seen.splice(
          seen.findLastIndex(({ op }) => op === "Ping"),
          1,
        ),
    ],
    ["phantom", ({ answers }) => answers.pop()],
    ["changed", ({ seen }) => seen.push({ ...seen[3]!, digest: "other" })],
    [
      "order",
      ({ seen }) => {
        const [a, b] = twoOf(seen);
        [seen[a], seen[b]] = [seen[b]!, seen[a]!];
      },
    ],
    [
      "sequence",
      ({ seen }) => {
        const [a, b] = twoOf(seen);
        seen[b] = { ...seen[b]!, sequence: seen[a]!.sequence };
      },
    ],
    [
      "stale",
      ({ answers, rulings }) => {
        const at = refusable(answers);
        const { call } = answers[at]!;
        rulings.writes(call.user, "moved away").confirmed();
        answers[at] = { ...answers[at]!, sentMs: performance.now() + 2 * boundMs, atMs: Infinity };
      },
    ],
    [
      "baseless",
      ({ answers, seen }) => {
        const at = refusable(answers);
        answers[at] = { ...answers[at]!, refused: "just so" };
        seen[at] = { ...seen[at]!, refused: "just so" };
      },
    ],
    [
      "contradiction",
      ({ seen, answers }) => {
        const at = refusable(answers);
        seen[at] = { ...seen[at]!, refused: "just so" };
      },
    ],
    ["misfiled", ({ seen }) => seen.push({ ...seen.pop()!, key: "another" })],
    ["misfiled", ({ seen }) => seen.push({ ...seen.pop()!, user: "mallory" })],
    ["misfiled", ({ seen }) => seen.push({ ...seen[twoOf(seen)[0]]!, partition: 1 })],
    ["leak", ({ seen }) => seen.push({ ...seen.pop()!, leaks: true })],
    [
      "phantom",
      ({ seen }) => {
        // Behind all others, so that only its id is wrong.
        const last = seen.at(-1)!;
        const sequence = String(Number(last.sequence) + 1).padStart(16, "0");
        seen.push({ ...last, id: "another", supersedes: last.id, sequence, journalseq: "0000000000000999" });
      },
    ],
    [
      "phantom",
      ({ seen }) => {
        const at = seen.findIndex(isEnd);
        seen[at] = { ...seen[at]!, id: endId("another", false) };
      },
    ],
    [
      "misfiled",
      ({ seen }) => {
        const at = seen.findIndex(isEnd);
        seen[at] = { ...seen[at]!, user: "mallory" };
      },
    ],
    [
      "silent",
      (draft) => {
        for (const reason of [null, "first", null]) draft.rulings.writes("nobody", reason).confirmed();
        draft.healedMs = performance.now();
      },
    ],
    ["unanswered", (draft) => draft.unanswered.push({ ...nobody, problem: "ECONNRESET" })],
  ];

  /** As if it had never been numbered. */
  const withoutEnd = (seen: Record[]): void => {
    const [end] = seen.splice(seen.findIndex(isEnd), 1);
    for (const [at, record] of seen.entries()) {
      if (record.topic !== end!.topic || record.sequence < end!.sequence) continue;
      seen[at] = { ...record, sequence: String(Number(record.sequence) - 1).padStart(16, "0") };
    }
  };

  it("finds a close that brought no end, by what was answered and by what was told", () => {
    expect(crimesOf(evidenceOf(({ seen }) => withoutEnd(seen)))).toEqual(["unended", "unpaired"]);
  });

  it("finds an end that is told of another session, and what that one lacks", () => {
    const change = ({ seen }: Draft): void => {
      const [one, other] = seen.filter(isEnd) as [Record, Record];
      const { session, end } = { ...one.data, ...other.data } as { session: object; end: object };
      const own = (one.data as { session: object }).session;
      expect(session).not.toEqual(own);
      seen[seen.indexOf(other)] = { ...other, data: { session: own, end } };
    };
    expect(crimesOf(evidenceOf(change))).toEqual(["unpaired"]);
  });

  const startOf = ({ answers, seen }: Draft): number => {
    const { derivedFrom } = seen.find(isEnd)!;
    return answers.findIndex(({ call }) => idOf(call) === derivedFrom);
  };
  const unpair = ({ seen }: Draft): void => {
    withoutEnd(seen);
    const at = seen.findIndex(({ type }) => type === "sluice.session.closed");
    seen[at] = { ...seen[at]!, data: { session: { id: null } } };
  };

  it.each<[string, (draft: Draft) => void]>([
    [
      "was refused",
      (draft) => {
        const at = startOf(draft);
        const { call } = draft.answers[at]!;
        const record = draft.seen.findIndex(({ id }) => id === idOf(call));
        draft.rulings.writes(call.user, "moved away");
        draft.answers[at] = { ...draft.answers[at]!, refused: "moved away", sentMs: -2, atMs: Infinity };
        draft.seen[record] = {
          ...draft.seen[record]!,
          refused: "moved away",
          type: "sluice.session.refused",
        };
      },
    ],
    [
      "got no answer",
      (draft) => {
        const [{ call }] = draft.answers.splice(startOf(draft), 1) as [Answer];
        Object.assign(draft, { wasDown: true });
        draft.unanswered.push({ call, problem: "ECONNRESET", connected: true });
      },
    ],
    [
      "was answered no sooner than the close was asked",
      (draft) => {
        const at = startOf(draft);
        draft.answers[at] = { ...draft.answers[at]!, atMs: Number.POSITIVE_INFINITY };
      },
    ],
    [
      "a gap may name",
      ({ seen }) => {
        const { topic } = seen.find(isEnd)!;
        const span = { first: 1, last: 1 };
        const data = {
          epoch,
          cause: "journal_damaged",
          journalseq: span,
          topics: { [topic]: span },
          count: 1,
        };
        const numbers = { sequence: "0000000000000001", journalseq: "0000000000000999" };
        const about = { type: "sluice.bridge.gap", id: "gap", isOp: false, key: "i", data, ...numbers };
        seen.push({ ...seen[0]!, ...about, digest: "gap", topic: `${prefix}bridge` });
      },
    ],
  ])("blames nobody for a close without an end whose start %s", (_, change) => {
    const evidence = evidenceOf((draft) => {
      change(draft);
      unpair(draft);
    });
    expect(crimesOf(evidence)).toEqual([]);
  });

  it.each(crimes)("finds what is %s", (crime, change) => {
    expect(crimesOf(evidenceOf(change))).toEqual([crime]);
  });
});

describe("what an answer may say", () => {
  const ask = callMix(3);
  let call = ask();
  while (!isRefusable(call)) call = ask();
  const at = (sentMs: number, refused: string | null): Answer => ({
    call,
    refused,
    closes: false,
    sentMs,
    atMs: sentMs + 1,
  });

  it("is the old rule or the new one within the bound, and the new one alone behind it", () => {
    const rulings = new Rulings();
    rulings.writes(call.user, "new").confirmed();
    const writtenMs = performance.now();
    expect(rulings.faultOf(at(writtenMs + boundMs / 2, null), boundMs)).toBeNull();
    expect(rulings.faultOf(at(writtenMs + boundMs / 2, "new"), boundMs)).toBeNull();
    expect(rulings.faultOf(at(writtenMs + boundMs * 2, "new"), boundMs)).toBeNull();
    expect(rulings.faultOf(at(writtenMs + boundMs * 2, null), boundMs)).toBe("stale");
    expect(rulings.faultOf(at(writtenMs + boundMs * 2, "never said"), boundMs)).toBe("baseless");
  });

  it("is either while Redis has not confirmed what was written", () => {
    const rulings = new Rulings();
    rulings.writes(call.user, "new");
    const laterMs = performance.now() + 1000 * boundMs;
    expect(rulings.faultOf(at(laterMs, null), boundMs)).toBeNull();
    expect(rulings.faultOf(at(laterMs, "new"), boundMs)).toBeNull();
  });
});
