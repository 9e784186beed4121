import { describe, expect, it } from "vitest";
import { countedOf } from "../../src/ledger/event.ts";
import type { LedgerOptions, LedgerRecord } from "../../src/ledger/ledger.ts";
import type { SessionFault, SessionsReport } from "../../src/ledger/report.ts";
import { SessionLedger } from "../../src/ledger/sessions.ts";
import { SessionLog } from "./session-log.ts";
import { judged, startMs, type Written } from "./topic-log.ts";

const idOf = SessionLog.idOf;

/** An epoch in which this is told, and all of it confirmed. */
function told(tell: (log: SessionLog) => void): SessionLog {
  const log = new SessionLog();
  log.start("e-1");
  tell(log);
  log.progress();
  return log;
}

function sessionsOf(records: Iterable<LedgerRecord>, options: LedgerOptions = {}): SessionsReport {
  const { sessions } = judged(records, options);
  expect(sessions).toHaveLength(1);
  return sessions[0]!;
}

const faultsOf = ({ findings }: SessionsReport): SessionFault[] => findings.map(({ fault }) => fault);
const without = (log: SessionLog, ...gone: readonly Written[]): Written[] =>
  log.records.filter((record) => !gone.includes(record));

describe("sessions", () => {
  it("are counted by what became of them", () => {
    const log = told((log) => {
      log.whole("a");
      log.started("b");
      log.started("c");
      log.inferred("c");
      log.started("d");
      log.inferred("d");
      log.closed("d");
      log.endedLate("d");
      log.refused("e");
      log.closed("f", null);
      log.started("g");
      log.refused("g", true);
      log.ended("g", null);
    });
    expect(judged(log.records).ok).toBe(true);
    expect(sessionsOf(log.records)).toEqual({
      instance: "i-1",
      started: 5,
      refused: 2,
      closed: 2,
      unpaired: 1,
      ended: 4,
      announced: 3,
      inferred: 2,
      superseded: 1,
      open: 1,
      pending: 0,
      explained: 0,
      unjudged: 0,
      findings: [],
    });
  });

  it("are none where no event tells of any", () => {
    const log = told((log) => log.many("logins", 3));
    expect(judged(log.records).sessions).toEqual([]);
  });

  it("of prox have no end, and lack none", () => {
    const log = told((log) => {
      log.admitted("a", false);
      log.admitted("b", true);
    });
    expect(judged(log.records).ok).toBe(true);
    expect(sessionsOf(log.records)).toMatchObject({ started: 0, refused: 1, open: 0, findings: [] });
  });

  it("are told apart by instance, also when two bridges were asked of the same connection", () => {
    const logs = ["i-1", "i-2"].map((instance) => {
      const log = new SessionLog(instance);
      log.start(`${instance}-e`);
      if (instance === "i-1") log.whole("a");
      else log.started("a");
      log.progress();
      return log;
    });
    const { ok, sessions } = judged(logs.flatMap(({ records }) => records));
    expect(ok).toBe(true);
    expect(sessions.map(({ instance, open, ended }) => ({ instance, open, ended }))).toEqual([
      { instance: "i-1", open: 0, ended: 1 },
      { instance: "i-2", open: 1, ended: 0 },
    ]);
  });

  it("go on from epoch to epoch", () => {
    const log = told((log) => log.started("a"));
    log.start("e-2");
    log.closed("a");
    log.start("e-3");
    log.ended("a");
    log.progress();
    expect(sessionsOf(log.records)).toMatchObject({ started: 1, ended: 1, open: 0, findings: [] });
  });

  it("are counted once when their records come again, also behind their end", () => {
    const log = told((log) => {
      log.whole("a");
      log.closed("b", null);
      log.refused("c");
    });
    const twice = sessionsOf([...log.records, ...log.records]);
    expect(twice).toEqual(sessionsOf(log.records));
  });

  it("that an frps asks about twice are one, under whatever numbers", () => {
    const log = told((log) => {
      log.started("a");
      log.started("a");
      log.closed("a");
      log.ended("a");
      // Derived anew from a journal that was damaged behind it.
      log.ended("a");
    });
    expect(sessionsOf(log.records)).toMatchObject({ started: 1, ended: 1, open: 0, findings: [] });
  });

  it("are told apart, however many there are", () => {
    const log = told((log) => {
      for (let at = 0; at < 5_000; at++) {
        log.started(`s${at}`);
        if (at % 3 === 0) {
          log.closed(`s${at}`);
          log.ended(`s${at}`);
        }
        if (at % 5 === 0 && at % 3 > 0) log.inferred(`s${at}`);
      }
    });
    expect(sessionsOf(log.records)).toMatchObject({
      started: 5_000,
      announced: 1_667,
      inferred: 666,
      open: 5_000 - 1_667 - 666,
      findings: [],
    });
  });

  it("of another writer, whose fields come in another order, are read too", () => {
    const log = told((log) => {
      log.whole("a");
      log.closed("b", null);
    });
    const turned = log.records.map((record) => {
      const { data, ...event } = JSON.parse(record.value);
      const value = JSON.stringify({ data: Object.fromEntries(Object.entries(data).reverse()), ...event });
      return { ...record, value };
    });
    expect(sessionsOf(turned)).toEqual(sessionsOf(log.records));
  });

  it("of which a record tells nothing that can be understood are passed over", () => {
    const log = told((log) => {
      log.started("a");
      for (const data of [
        {},
        null,
        "x",
        { session: 1 },
        { session: { id: 1 }, end: {} },
        { session: {}, end: 1 },
      ]) {
        for (const type of ["closed", "ended"])
          log.write(log.topic, { type: `sluice.session.${type}`, data });
      }
    });
    expect(sessionsOf(log.records)).toMatchObject({ started: 1, open: 1, ended: 0, findings: [] });
  });
});

describe("what cannot be true", () => {
  const cases: readonly [string, SessionFault, (log: SessionLog) => void][] = [
    ["an end without its start", "unstarted", (log) => log.inferred("a")],
    [
      "a refusal after all without its start",
      "unstarted",
      (log) => {
        log.refused("a", true);
        log.ended("a", null);
      },
    ],
    [
      "a close that names a session without its end",
      "unended",
      (log) => {
        log.started("a");
        log.closed("a");
        log.started("b");
      },
    ],
    [
      "a close behind an inferred end, without the announced one",
      "unended",
      (log) => {
        log.started("a");
        log.inferred("a");
        log.closed("a");
        log.started("b");
      },
    ],
    [
      "a refusal after all without the end",
      "unended",
      (log) => {
        log.started("a");
        log.refused("a", true);
        log.started("b");
      },
    ],
    [
      "an end by a close that is not there",
      "unclosed",
      (log) => {
        log.started("a");
        log.ended("a");
      },
    ],
    [
      "an end by a close that says it belongs to no session",
      "unclosed",
      (log) => {
        log.started("a");
        log.closed("a", null);
        log.ended("a");
      },
    ],
    [
      "an end that takes the place of an inferred one that is not there",
      "unfounded",
      (log) => {
        log.started("a");
        log.closed("a");
        log.endedLate("a");
      },
    ],
    [
      "an announced end beside an inferred one",
      "contradictory",
      (log) => {
        log.started("a");
        log.inferred("a");
        log.closed("a");
        log.ended("a");
      },
    ],
    [
      "two announced ends by different closes",
      "contradictory",
      (log) => {
        log.whole("a");
        log.closed("other", "a");
        log.ended("a", "other");
      },
    ],
    [
      "an end by another close than the one that names it",
      "contradictory",
      (log) => {
        log.started("a");
        log.closed("a");
        log.ended("a", "other");
      },
    ],
  ];

  it.each(cases)("%s is %s, and says of which session and where", (_, fault, tell) => {
    const log = told((log) => {
      log.whole("before");
      tell(log);
    });
    const report = judged(log.records);
    expect(report.ok).toBe(false);
    const [sessions] = report.sessions;
    expect(sessions).toMatchObject({ explained: 0, pending: 0, unjudged: 0 });
    expect(sessions!.findings).toMatchObject([
      { fault, epoch: "e-1", topic: "user-sessions", count: 1, examples: [{ session: idOf("a") }] },
    ]);
    const [example] = sessions!.findings[0]!.examples;
    const shown = log.records.find(({ journalseq }) => journalseq === example!.journalseq)!;
    expect(shown.value).toContain(idOf("a"));
    expect(example!.time).toBe(new Date(shown.ms).toISOString());
  });

  it("is found of each epoch by itself, in the order of their events, with some as examples", () => {
    const log = told((log) => {
      for (let at = 0; at < 25; at++) log.inferred(`a${at}`);
    });
    log.start("e-2");
    log.inferred("b");
    log.progress();
    const { findings } = sessionsOf(log.records);
    expect(findings.map(({ epoch, count }) => [epoch, count])).toEqual([
      ["e-1", 25],
      ["e-2", 1],
    ]);
    expect(findings[0]!.examples.map(({ session }) => session)).toEqual(
      Array.from({ length: 20 }, (_, at) => idOf(`a${at}`)),
    );
  });
});

describe("a close whose end is not there", () => {
  it("is pending while Kafka has not confirmed what comes behind it", () => {
    const log = told((log) => log.started("a"));
    log.closed("a");
    log.started("b");
    expect(sessionsOf(log.records)).toMatchObject({ pending: 1, findings: [] });
    expect(judged(log.records).ok).toBe(true);
  });

  it("at the end of an epoch that was killed is pending until the next one has been asked something", () => {
    const log = told((log) => log.started("a"));
    log.closed("a");
    log.start("e-2");
    log.bridge("progress", { journalseq: log.journalseq, topics: {} });
    expect(sessionsOf(log.records)).toMatchObject({ pending: 1, findings: [] });
    log.started("b");
    expect(sessionsOf(log.records)).toMatchObject({ pending: 1, findings: [] });
    log.progress();
    expect(sessionsOf(log.records)).toMatchObject({ pending: 0, findings: [{ fault: "unended" }] });
  });

  it("is ended by the next epoch, which makes up for it", () => {
    const log = told((log) => log.started("a"));
    log.closed("a");
    log.start("e-2");
    log.ended("a");
    log.started("b");
    log.progress();
    expect(sessionsOf(log.records)).toMatchObject({ pending: 0, findings: [] });
  });
});

describe("what is missing explains", () => {
  it.each([
    ["a start", 0],
    ["a close", 1],
    ["an end", 2],
  ])("%s whose number nothing announces: that is a loss already, and no second fault", (_, at) => {
    const log = new SessionLog();
    log.start("e-1");
    log.whole("before");
    const gone = log.whole("a")[at]!;
    log.whole("behind");
    log.progress();
    const report = judged(without(log, gone));
    expect(report.ok).toBe(false);
    expect(report.streams.reduce((sum, { counts }) => sum + counts.unannounced, 0)).toBe(1);
    expect(report.sessions).toMatchObject([{ explained: 1, findings: [] }]);
  });

  it.each([
    ["names it", (gone: Written) => ({ "user-sessions": { first: gone.sequence, last: gone.sequence } })],
    ["could not place it", () => ({})],
  ])("an event that a gap announces, when the gap %s", (_, topics) => {
    const log = new SessionLog();
    log.start("e-1");
    const [gone] = log.whole("a");
    log.whole("b");
    const journalseq = { first: gone!.journalseq, last: gone!.journalseq };
    log.bridge("gap", { epoch: "e-1", cause: "journal_io", journalseq, topics: topics(gone!), count: 1 });
    log.progress();
    const report = judged(without(log, gone!));
    expect(report.ok).toBe(true);
    expect(report.sessions).toMatchObject([{ explained: 1, findings: [] }]);
  });

  it("an event that stands in the dead letters", () => {
    const log = told((log) => log.whole("a"));
    const gone = log.records.find(({ topic }) => topic === log.topic)!;
    const { epoch, topic, sequence } = gone;
    const letter = JSON.stringify({ instance: log.instance, data: { epoch, topic, sequence } });
    const records = [...without(log, gone), { topic: "dead", partition: 0, value: letter }];
    const report = judged(records, { deadLettersTopic: "dead" });
    expect(report.ok).toBe(true);
    expect(report.sessions).toMatchObject([{ explained: 1, findings: [] }]);
  });

  it("what the bridge forgot with a journal that was damaged behind what Kafka has", () => {
    const log = new SessionLog();
    log.start("e-1");
    log.started("a");
    const { journalseq, sequence } = log.inferred("a");
    log.start("e-2");
    const span = { first: sequence, last: sequence };
    log.bridge("gap", {
      epoch: "e-1",
      cause: "journal_damaged",
      journalseq: { first: journalseq, last: journalseq },
      topics: { "user-sessions": span },
      count: 1,
    });
    log.closed("a");
    log.ended("a");
    log.progress();
    expect(sessionsOf(log.records)).toMatchObject({ explained: 1, findings: [] });
  });

  it("an event that is on its way", () => {
    const log = told((log) => log.started("a"));
    const gone = log.started("b");
    log.inferred("b");
    const report = judged(without(log, gone));
    expect(report.ok).toBe(true);
    expect(report.sessions).toMatchObject([{ explained: 1, findings: [] }]);
  });

  it("as many as are missing, and no more", () => {
    const log = new SessionLog();
    log.start("e-1");
    log.lose(log.topic, 2);
    for (const name of ["a", "b", "c"]) log.inferred(name);
    log.progress();
    expect(sessionsOf(log.records)).toMatchObject({ explained: 2, findings: [{ count: 1 }] });
  });

  it("nothing on the wrong side of it", () => {
    const behind = told((log) => {
      log.many(log.topic, 100);
      log.inferred("a");
      log.many(log.topic, 100);
      log.lose(log.topic, 5);
      log.started("b");
    });
    expect(faultsOf(sessionsOf(behind.records))).toEqual(["unstarted"]);
    const before = told((log) => {
      log.started("a");
      log.lose(log.topic, 5);
      log.many(log.topic, 100);
      log.closed("a");
      log.started("b");
    });
    expect(faultsOf(sessionsOf(before.records))).toEqual(["unended"]);
  });

  it("nothing on another topic, or of another instance", () => {
    const log = told((log) => {
      log.lose("logins", 5);
      log.inferred("a");
    });
    const other = new SessionLog("i-2");
    other.start("i-2-e");
    other.lose(other.topic, 5);
    other.started("b");
    other.progress();
    const { sessions } = judged([...log.records, ...other.records]);
    expect(sessions.map(faultsOf)).toEqual([["unstarted"], []]);
  });
});

describe("what has expired explains", () => {
  const dayMs = 24 * 3_600_000;
  const range = (low: number) => [{ topic: "user-sessions", partition: 0, low: BigInt(low), high: 1000n }];
  const { records } = told((log) => {
    // The instance has been there for longer.
    log.write("logins", { ms: startMs - 2 * dayMs });
    log.ended("a", "a", { startedMs: startMs - dayMs });
    log.inferred("b", { startedMs: startMs + 1500 });
  });

  it("a start from before the retention, where anything of its topic has gone", () => {
    const expiredBeforeMs = () => startMs - dayMs / 2;
    const report = sessionsOf(records, { ranges: range(7), expiredBeforeMs });
    expect(report.findings).toMatchObject([
      { fault: "unclosed", examples: [{ session: idOf("a") }] },
      { fault: "unstarted", examples: [{ session: idOf("b") }] },
    ]);
    expect(report.explained).toBe(1);
    const none = sessionsOf(records, { ranges: range(0), expiredBeforeMs });
    expect(none.findings.map(({ count }) => count)).toEqual([2, 1]);
  });

  it("any start, where the retention is not known", () => {
    expect(sessionsOf(records, { ranges: range(7) })).toMatchObject({ explained: 3, findings: [] });
  });

  it("a start from before anything that is left of its instance", () => {
    const log = told((log) => {
      log.inferred("a", { startedMs: startMs - 1 });
      log.inferred("b", { startedMs: startMs + 5000 });
    });
    expect(sessionsOf(log.records)).toMatchObject({
      explained: 1,
      findings: [{ fault: "unstarted", examples: [{ session: idOf("b") }] }],
    });
  });
});

describe("very many that lack something", () => {
  it("are counted, and those beyond a bound are not judged, unless it comes later", () => {
    const log = new SessionLog();
    log.start("e-1");
    const ledger = new SessionLedger(10);
    const add = ({ value, topic }: Written): void => ledger.add(countedOf(value)!, topic, value);
    for (let at = 0; at < 25; at++) add(log.inferred(`a${at}`));
    for (let at = 10; at < 22; at++) add(log.started(`a${at}`));
    const grounds = { absences: () => [], mayBeGone: () => false, isFollowed: () => true };
    const report = ledger.report("i-1", grounds);
    expect(report).toMatchObject({ unjudged: 3, findings: [{ fault: "unstarted", count: 10 }] });
  });
});
