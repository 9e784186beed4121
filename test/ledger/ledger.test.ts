import { describe, expect, it } from "vitest";
import { verdictLines } from "../../src/cli/verify-verdict.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { digits, judged, startMs, streamOf, TopicLog } from "./topic-log.ts";

const range = (topic: string, partition: number, low: number) => ({
  topic,
  partition,
  low: BigInt(low),
  high: 100_000n,
});

/** An epoch with so many logins, all confirmed. */
function logWith(logins: number): TopicLog {
  const log = new TopicLog();
  log.start("e-1");
  log.many("logins", logins);
  log.progress();
  return log;
}

describe("what bridges leave out", () => {
  it("is told by epoch as they told it last, and nothing is missing for it", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.bridge("started", { publish: { "heartbeat.allowed": 0.1, "workconn.allowed": 0 } });
    for (const count of [5, 9, 7]) {
      log.many("heartbeats", 2);
      log.bridge("progress", {
        journalseq: log.journalseq,
        topics: log.given,
        leftOut: { "heartbeat.allowed": count, "workconn.allowed": -1 },
      });
    }
    log.start("e-2");
    log.bridge("stopped", { topics: log.given, leftOut: { "heartbeat.allowed": 3 } });
    const report = judged(log.records);
    expect(report.ok).toBe(true);
    expect(report.leftOut).toEqual([
      {
        instance: "i-1",
        epoch: "e-1",
        shares: { "heartbeat.allowed": 0.1, "workconn.allowed": 0 },
        counts: { "heartbeat.allowed": 9, "workconn.allowed": 0 },
      },
      { instance: "i-1", epoch: "e-2", shares: {}, counts: { "heartbeat.allowed": 3 } },
    ]);
    expect(verdictLines(report, { topicPrefix: "" })).toContain(
      "LEFT OUT by events.publish, so far as bridge.progress and bridge.stopped tell: " +
        "12 heartbeat.allowed, 0 workconn.allowed",
    );
  });
});

describe("what is there", () => {
  it("is whole when every number up to what was given is", () => {
    const report = judged(logWith(5).records);
    expect(report).toMatchObject({ ok: true, records: 7, foreign: 0, gaps: [] });
    expect(streamOf(report, "logins", "e-1")).toMatchObject({
      instance: "i-1",
      first: 1,
      last: 5,
      records: 5,
      distinct: 5,
      missing: 0,
      lag: 0,
      firstTime: new Date(startMs + 2000).toISOString(),
      lastTime: new Date(startMs + 6000).toISOString(),
    });
  });

  it("counts a number that came again with the same id as repeated, which is no fault", () => {
    const { records } = logWith(5);
    const report = judged([...records, ...records.slice(2, 4)]);
    expect(report.ok).toBe(true);
    expect(streamOf(report, "logins", "e-1")).toMatchObject({
      records: 7,
      distinct: 5,
      repeated: 2,
      reused: 0,
    });
  });

  it("counts a number that came again with another id as reused, which is a fault, and names it", () => {
    const log = logWith(5);
    log.write("logins", { sequence: 3 });
    const report = judged(log.records);
    expect(report.ok).toBe(false);
    expect(streamOf(report, "logins", "e-1")).toMatchObject({ reused: 1, reusedNumbers: [3], repeated: 0 });
  });

  it("counts a first appearance behind a higher number of its partition, and no other, as disordered", () => {
    const log = new TopicLog();
    log.start("e-1");
    const [one, two, three, four] = log.many("logins", 4) as [object, object, object, object];
    const elsewhere = { ...log.many("logins", 1)[0]!, partition: 1 };
    const again = { ...one };
    const records = [elsewhere, one, three, again, two, four] as typeof log.records;
    expect(streamOf(judged(records), "logins", "e-1")).toMatchObject({
      disordered: 1,
      repeated: 1,
      missing: 0,
    });
  });

  it("is told apart by instance, epoch and topic", () => {
    const [a, b] = [new TopicLog("a"), new TopicLog("b")];
    for (const log of [a, b]) {
      log.start(`${log.instance}-1`);
      log.many("logins", 3);
      log.many("proxies", 2);
      log.start(`${log.instance}-2`);
      log.many("logins", 1);
      log.progress();
    }
    const report = judged([...a.records, ...b.records]);
    expect(report.ok).toBe(true);
    expect(report.streams.map(({ epoch, topic, last }) => `${epoch} ${topic} ${last}`)).toEqual([
      "a-1 bridge 1",
      "a-1 logins 3",
      "a-1 proxies 2",
      "a-2 bridge 2",
      "a-2 logins 1",
      "b-1 bridge 1",
      "b-1 logins 3",
      "b-1 proxies 2",
      "b-2 bridge 2",
      "b-2 logins 1",
    ]);
  });

  it("is judged anew by each report", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 2);
    const { journalseq } = log.lose("logins", 2);
    log.many("logins", 1);
    log.bridge("gap", { epoch: "e-1", cause: "journal_damaged", journalseq, topics: {}, count: 2 });
    log.progress();
    const ledger = new Ledger();
    for (const record of log.records) ledger.add(record);
    expect(ledger.report()).toEqual(ledger.report());
  });
});

describe("a hole", () => {
  it("in what bridge.progress says is confirmed is unannounced, with the times around it", () => {
    const { records } = logWith(200);
    const report = judged(
      records.filter(({ topic, sequence }) => topic !== "logins" || ![65, 66].includes(sequence)),
    );
    expect(report.ok).toBe(false);
    expect(streamOf(report, "logins", "e-1")).toMatchObject({
      missing: 2,
      counts: { announced: 0, expired: 0, unannounced: 2 },
      unannounced: [
        {
          first: 65,
          last: 66,
          after: new Date(startMs + 65_000).toISOString(),
          before: new Date(startMs + 68_000).toISOString(),
        },
      ],
    });
  });

  it("above that is pending, and no fault", () => {
    const log = logWith(6);
    log.many("logins", 4);
    const report = judged(log.records.filter(({ topic, sequence }) => topic !== "logins" || sequence !== 8));
    expect(report.ok).toBe(true);
    expect(streamOf(report, "logins", "e-1")).toMatchObject({ last: 10, missing: 0, pending: 1, lag: 4 });
  });

  it("at the end of what bridge.stopped says was given is pending until it is confirmed", () => {
    const log = logWith(3);
    log.many("logins", 2);
    log.bridge("stopped", { topics: log.given });
    const left = log.records.filter(({ topic, sequence }) => topic !== "logins" || sequence < 5);
    expect(streamOf(judged(left), "logins", "e-1")).toMatchObject({ last: 5, pending: 1, missing: 0 });
    log.start("e-2");
    log.progress();
    const later = log.records.filter(({ topic, sequence }) => topic !== "logins" || sequence < 5);
    expect(streamOf(judged(later), "logins", "e-1")).toMatchObject({
      pending: 0,
      unannounced: [{ first: 5, last: 5, before: null }],
    });
  });

  it("at the end of an epoch is a loss once a later epoch's beginning is confirmed, not before", () => {
    const confirmedTo = (beyond: number) => {
      const log = new TopicLog();
      log.start("e-1");
      log.many("logins", 5);
      const { journalseq } = log.start("e-2");
      log.progress({}, journalseq + beyond);
      const left = log.records.filter(({ topic, sequence }) => topic !== "logins" || sequence < 4);
      return streamOf(judged(left), "logins", "e-1");
    };
    expect(confirmedTo(-1)).toMatchObject({ last: 5, pending: 2, missing: 0 });
    expect(confirmedTo(0)).toMatchObject({ pending: 0, unannounced: [{ first: 4, last: 5 }] });
  });

  it("as large as the topic is found from what the bridge says of it", () => {
    const log = logWith(5);
    const report = judged(log.records.filter(({ topic }) => topic !== "logins"));
    expect(streamOf(report, "logins", "e-1")).toMatchObject({
      first: 0,
      last: 5,
      records: 0,
      unannounced: [{ first: 1, last: 5, after: null, before: null }],
    });
  });

  it("in a topic that was not read is nobody's", () => {
    const records = logWith(5).records.filter(({ topic }) => topic !== "logins");
    const report = judged(records, { topics: ["bridge"] });
    expect(report.ok).toBe(true);
    expect(report.streams.map(({ topic }) => topic)).toEqual(["bridge"]);
  });

  it("is not made by policy events that come before bridge.started", () => {
    const log = new TopicLog();
    log.epoch = "e-1";
    log.write("policy-changes");
    log.bridge("started", { previous: null });
    log.many("logins", 3);
    log.progress({}, log.journalseq);
    const left = log.records.filter(({ topic, sequence }) => topic !== "logins" || sequence !== 2);
    expect(streamOf(judged(left), "logins", "e-1")).toMatchObject({ pending: 1, missing: 0 });
  });
});

describe("an announced hole", () => {
  const gap = (journalseq: object, topics: object, count: number | null, epoch = "e-1") => ({
    epoch,
    cause: "journal_damaged",
    journalseq,
    topics,
    count,
  });

  it("is one that bridge.gap names, also where what is beside it is not", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 2);
    const { journalseq } = log.lose("logins", 4);
    log.many("logins", 2);
    log.bridge("gap", gap(journalseq, { logins: { first: 4, last: 5 } }, 2));
    log.progress();
    expect(streamOf(judged(log.records), "logins", "e-1")).toMatchObject({
      missing: 4,
      announced: [{ first: 4, last: 5, cause: "journal_damaged" }],
      unannounced: [
        { first: 3, last: 3 },
        { first: 6, last: 6 },
      ],
    });
  });

  it("goes to the end of the epoch where the gap says so, and is known though nothing is due there", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 2);
    log.lose("logins", 3);
    log.many("logins", 1);
    log.start("e-2");
    log.bridge("gap", gap({ first: 4, last: null }, { logins: { first: 3, last: null } }, null));
    const report = judged(log.records);
    expect(report.ok).toBe(true);
    expect(streamOf(report, "logins", "e-1")).toMatchObject({
      announced: [{ first: 3, last: 5 }],
      pending: 0,
    });
  });

  it("of another epoch, instance or topic does not count", () => {
    for (const [epoch, instance, topic] of [
      ["e-2", "i-1", "logins"],
      ["e-1", "i-2", "logins"],
      ["e-1", "i-1", "proxies"],
    ] as const) {
      const [log, other] = [new TopicLog(), new TopicLog(instance)];
      log.start("e-1");
      log.many("logins", 2);
      const { journalseq, numbers } = log.lose("logins", 1);
      log.many("logins", 2);
      log.progress();
      other.epoch = "e-9";
      other.bridge("gap", gap(journalseq, { [topic]: numbers }, 1, epoch));
      const records = [...log.records, ...other.records.map((record) => ({ ...record, topic: "elsewhere" }))];
      expect(streamOf(judged(records), "logins", "e-1").counts).toMatchObject({ unannounced: 1 });
    }
  });

  it("is one whose dead letter is there", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 2);
    log.lose("logins", 1);
    log.many("logins", 1);
    log.progress();
    const data = { topic: "logins", epoch: "e-1", sequence: 3 };
    const letter = (instance: string) => ({
      topic: "dead-letters",
      partition: 0,
      value: JSON.stringify({ id: "x", type: "sluice.dead-letter", instance, data }),
    });
    const options = { deadLettersTopic: "dead-letters" };
    const report = judged([letter("i-1"), ...log.records, letter("i-1")], options);
    expect(report).toMatchObject({ ok: true, deadLetters: 2, foreign: 0 });
    expect(streamOf(report, "logins", "e-1").announced).toEqual([
      { first: 3, last: 3, cause: "dead_letter" },
    ]);
    expect(judged([...log.records, letter("i-2")], options).ok).toBe(false);
  });

  it("is not made, nor mended, by the dead letter of a projection", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 2);
    const letter = (sequence: number) => ({
      topic: "dead-letters",
      partition: 0,
      value: JSON.stringify({
        id: "x",
        type: "sluice.dead-letter",
        instance: "i-1",
        data: { topic: "ocsf", projection: "ocsf", epoch: "e-1", sequence },
      }),
    });
    const options = { deadLettersTopic: "dead-letters" };
    expect(judged([...log.records, letter(2)], options)).toMatchObject({
      ok: true,
      deadLetters: 0,
      foreign: 0,
    });
    log.lose("logins", 1);
    log.many("logins", 1);
    log.progress();
    expect(judged([...log.records, letter(3)], options).ok).toBe(false);
  });

  describe("that the gap could not place", () => {
    /** Logins and proxies in turn, with a hole in both. */
    function damaged(gapOf: (at: number) => object) {
      const log = new TopicLog();
      log.start("e-1");
      for (let n = 0; n < 400; n++) log.many(n % 2 ? "proxies" : "logins", 1);
      const at = log.lose("logins", 2).journalseq.first;
      log.lose("proxies", 1);
      for (let n = 0; n < 400; n++) log.many(n % 2 ? "proxies" : "logins", 1);
      log.bridge("gap", gapOf(at));
      log.progress();
      return judged(log.records);
    }

    it("is told by its place in journalseq", () => {
      const report = damaged((at) => gap({ first: at, last: at + 2 }, {}, 3));
      expect(report.ok).toBe(true);
      expect(streamOf(report, "logins", "e-1").announced).toEqual([
        { first: 201, last: 202, cause: "journal_damaged" },
      ]);
      expect(streamOf(report, "proxies", "e-1").counts.announced).toBe(1);
    });

    it("excuses no more numbers than the gap counted, named ones included", () => {
      const counts = (report: ReturnType<typeof damaged>) =>
        report.streams.reduce((sum, stream) => sum + stream.counts.unannounced, 0);
      expect(counts(damaged((at) => gap({ first: at, last: at + 2 }, {}, 2)))).toBe(1);
      const named = { logins: { first: 201, last: 202 } };
      expect(counts(damaged((at) => gap({ first: at, last: at + 2 }, named, 3)))).toBe(0);
      expect(counts(damaged((at) => gap({ first: at, last: at + 2 }, named, 2)))).toBe(1);
    });

    it("excuses no more when the gap is told twice", () => {
      const log = new TopicLog();
      log.start("e-1");
      log.many("logins", 1);
      const { journalseq } = log.lose("logins", 2);
      log.many("logins", 1);
      for (let n = 0; n < 2; n++) log.bridge("gap", gap(journalseq, {}, 1));
      log.progress();
      expect(streamOf(judged(log.records), "logins", "e-1").counts).toMatchObject({
        announced: 1,
        unannounced: 1,
      });
    });

    it("is not told by a gap that lies elsewhere", () => {
      const report = damaged((at) => gap({ first: at + 150, last: at + 190 }, {}, 3));
      expect(streamOf(report, "logins", "e-1").counts).toMatchObject({ announced: 0, unannounced: 2 });
      const before = damaged((at) => gap({ first: 1, last: at - 150 }, {}, 3));
      expect(streamOf(before, "logins", "e-1").counts).toMatchObject({ announced: 0, unannounced: 2 });
    });

    it("is no longer than the span of a gap without a count", () => {
      const report = damaged((at) => gap({ first: at, last: at + 1 }, {}, null));
      expect(report.streams.reduce((sum, { counts }) => sum + counts.announced, 0)).toBe(2);
      expect(report.streams.reduce((sum, { counts }) => sum + counts.unannounced, 0)).toBe(1);
    });

    it("lies before the event that tells of a gap without an end, also when it is told again", () => {
      const log = new TopicLog();
      log.start("e-1");
      log.many("logins", 2);
      log.start("e-2");
      const open = gap({ first: 4, last: null }, {}, 2, "");
      log.bridge("gap", open);
      log.many("logins", 2);
      log.lose("logins", 2);
      log.many("logins", 1);
      log.bridge("gap", open);
      log.progress();
      const report = judged(log.records);
      expect(streamOf(report, "logins", "e-2")).toMatchObject({
        announced: [],
        unannounced: [{ first: 3, last: 4 }],
      });
      expect(report.gaps).toHaveLength(1);
      expect(report.gaps[0]!.journalseq).toEqual({ first: 4, last: null });
    });

    it("is excused whole where the gap knows neither count nor epoch", () => {
      const report = damaged((at) => gap({ first: at, last: null }, {}, null, ""));
      expect(report.ok).toBe(true);
    });
  });
});

describe("an expired number", () => {
  const whenever = () => Number.POSITIVE_INFINITY;

  it("lies below the first of its stream in a partition that lost its beginning", () => {
    const log = new TopicLog();
    log.start("e-1");
    for (let n = 1; n <= 10; n++) log.write("logins", { partition: n % 2 });
    log.progress();
    // Numbers 2, 4 and 6 stood in partition 0.
    const left = log.records.filter(
      ({ topic, sequence }) => topic !== "logins" || ![2, 4, 6, 9].includes(sequence),
    );
    const ranges = [range("logins", 0, 3), range("logins", 1, 0), range("bridge", 0, 0)];
    expect(streamOf(judged(left, { ranges, expiredBeforeMs: whenever }), "logins", "e-1")).toMatchObject({
      missing: 4,
      expired: [
        { first: 2, last: 2 },
        { first: 4, last: 4 },
        { first: 6, last: 6 },
      ],
      unannounced: [{ first: 9, last: 9 }],
    });
  });

  it("cannot be where every partition still has its beginning, or none is known", () => {
    const { records } = logWith(5);
    const left = records.filter(({ topic, sequence }) => topic !== "logins" || sequence > 2);
    for (const ranges of [[range("logins", 0, 0)], [], [range("proxies", 0, 7)]]) {
      expect(judged(left, { ranges, expiredBeforeMs: whenever }).ok).toBe(false);
    }
    expect(judged(left, { ranges: [range("logins", 0, 2)], expiredBeforeMs: whenever }).ok).toBe(true);
  });

  it("is not above a seen number that is younger than the retention", () => {
    const log = new TopicLog();
    log.start("e-1");
    for (let n = 1; n <= 10; n++) log.write("logins", { partition: n % 2 });
    log.progress();
    const left = log.records.filter(
      ({ topic, sequence }) => topic !== "logins" || ![2, 4, 6].includes(sequence),
    );
    const ranges = [range("logins", 0, 3)];
    const young = left.find(({ topic, sequence }) => topic === "logins" && sequence === 5)!;
    const report = judged(left, { ranges, expiredBeforeMs: () => young.ms });
    expect(streamOf(report, "logins", "e-1")).toMatchObject({
      expired: [
        { first: 2, last: 2 },
        { first: 4, last: 4 },
      ],
      unannounced: [{ first: 6, last: 6 }],
    });
    const never = judged(left, { ranges, expiredBeforeMs: () => Number.NEGATIVE_INFINITY });
    expect(streamOf(never, "logins", "e-1").counts).toMatchObject({ expired: 0, unannounced: 3 });
  });

  describe("of a partition that has none of its stream left", () => {
    /** Epochs 1, 2 and 3; of epoch 2 the numbers in partition 1 are gone. */
    function withoutSecond(third: boolean, first: boolean) {
      const log = new TopicLog();
      log.start("e-1");
      const early = log.write("logins", { partition: 1 });
      log.start("e-2");
      for (let n = 1; n <= 4; n++) log.write("logins", { partition: n % 2 });
      log.start("e-3");
      const late = log.write("logins", { partition: 1 });
      log.progress();
      const left = log.records.filter((record) => {
        if (record === early) return first;
        if (record === late) return third;
        return record.topic !== "logins" || record.epoch !== "e-2" || record.sequence % 2 === 0;
      });
      return judged(left, { ranges: [range("logins", 1, 5)], expiredBeforeMs: whenever });
    }

    it("is any number, when only later epochs or none are left there", () => {
      for (const third of [true, false]) {
        expect(streamOf(withoutSecond(third, false), "logins", "e-2")).toMatchObject({
          counts: { expired: 2, unannounced: 0 },
        });
      }
    });

    it("is none, when a record of an earlier epoch is still there", () => {
      expect(streamOf(withoutSecond(true, true), "logins", "e-2").counts).toMatchObject({
        expired: 0,
        unannounced: 2,
      });
    });
  });

  it("is not below the first of an epoch that began behind what is left of an earlier one", () => {
    const log = new TopicLog();
    log.start("e-1");
    log.many("logins", 4);
    log.start("e-2");
    log.many("logins", 4);
    log.progress();
    const left = log.records.filter(
      ({ topic, epoch, sequence }) => topic !== "logins" || sequence > (epoch === "e-1" ? 3 : 2),
    );
    const report = judged(left, { ranges: [range("logins", 0, 3)], expiredBeforeMs: whenever });
    expect(streamOf(report, "logins", "e-1").counts).toMatchObject({ expired: 3, unannounced: 0 });
    expect(streamOf(report, "logins", "e-2")).toMatchObject({
      expired: [],
      unannounced: [{ first: 1, last: 2 }],
    });
  });

  it("is none of an epoch that began since then, and all may be of one that began before", () => {
    const log = new TopicLog();
    const { ms } = log.start("e-1");
    log.many("logins", 4);
    log.progress();
    for (const from of [3, 5]) {
      const left = log.records.filter(({ topic, sequence }) => topic !== "logins" || sequence >= from);
      const judgedAt = (beforeMs: number) =>
        streamOf(
          judged(left, { ranges: [range("logins", 0, 9)], expiredBeforeMs: () => beforeMs }),
          "logins",
          "e-1",
        );
      expect(judgedAt(ms).unannounced).toMatchObject([{ first: 1, last: from - 1 }]);
      expect(judgedAt(log.records.at(-1)!.ms).unannounced).toEqual([]);
    }
  });

  describe("may be one whose announcement has gone", () => {
    const bridgeDays = { "its-own": 30, rare: 90 } as Record<string, number>;
    const dayMs = 24 * 60 * 60_000;
    /** 40 days ago e-1 lost numbers; of its own words none is left, but of e-2, which lost some too. */
    function withoutWords(low: number, keptDays = bridgeDays) {
      const log = new TopicLog();
      const own = (written: ReturnType<TopicLog["start"]>) => ({ ...written, topic: "its-own" });
      log.start("e-1");
      log.many("rare", 3);
      log.lose("rare", 2);
      log.many("rare", 3);
      log.start("e-2");
      log.many("rare", 1);
      log.lose("rare", 1);
      log.many("rare", 1);
      log.progress();
      const left = log.records
        .filter(({ topic, epoch }) => topic !== "bridge" || epoch !== "e-1")
        .map((record) => (record.topic === "bridge" ? own(record) : record));
      const nowMs = startMs + 40 * dayMs;
      const expiredBeforeMs = (topic: string) => nowMs - keptDays[topic]! * dayMs;
      return judged(left, { ranges: [range("its-own", 0, low), range("rare", 0, 0)], expiredBeforeMs });
    }

    it("when it lies before all that is left of what the bridge said", () => {
      const report = withoutWords(7);
      expect(streamOf(report, "rare", "e-1")).toMatchObject({
        expired: [{ first: 4, last: 5 }],
        unannounced: [],
      });
      expect(streamOf(report, "rare", "e-2").unannounced).toMatchObject([{ first: 2, last: 2 }]);
    });

    it("but not when the bridge's topic still has its beginning, or keeps all", () => {
      for (const report of [
        withoutWords(0),
        withoutWords(7, { ...bridgeDays, "its-own": Number.POSITIVE_INFINITY }),
      ]) {
        expect(streamOf(report, "rare", "e-1").counts).toMatchObject({ expired: 0, unannounced: 2 });
      }
    });

    it("but not in an epoch whose first word is left, though something was lost before it", () => {
      const log = new TopicLog();
      log.start("e-1");
      log.epoch = "e-2";
      const early = [log.write("rare", { sequence: 1 }), log.write("rare", { sequence: 3 })];
      const first = log.bridge("started", { previous: null });
      log.progress({ rare: { first: 1, last: 3 } });
      // The words of e-2 are numbered from 1 like those of any epoch.
      const renumbered = log.records
        .filter(({ epoch, topic }) => topic === "bridge" && epoch === "e-2")
        .map((record) => ({
          ...record,
          value: record.value.replace(/"sequence":"\d+"/, `"sequence":"${digits(record.sequence - 1)}"`),
        }));
      expect(first.sequence).toBe(2);
      const report = judged([...renumbered, ...early], {
        ranges: [range("bridge", 0, 1), range("rare", 0, 0)],
        expiredBeforeMs: whenever,
      });
      expect(streamOf(report, "rare", "e-2").unannounced).toMatchObject([{ first: 2, last: 2 }]);
    });
  });

  it("may expire while the ledger reads", () => {
    const { records } = logWith(5);
    const ledger = new Ledger({ ranges: [range("logins", 0, 0)], expiredBeforeMs: whenever });
    for (const record of records.filter(({ topic, sequence }) => topic !== "logins" || sequence > 2))
      ledger.add(record);
    expect(ledger.report().ok).toBe(false);
    ledger.moved([range("logins", 0, 2)]);
    expect(ledger.report().ok).toBe(true);
  });
});
