import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hoursSchema, withinHours } from "../../src/policy/conditions/hours.ts";
import { facts, ping } from "./cases.ts";

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/Sao_Paulo",
  "Africa/Casablanca",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Kiritimati",
];
const offsets = new Map(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" }),
  ]),
);
const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const hourMs = 3_600_000;

/** The clock's changes in Berlin, New York and Lord Howe Island, where it is half an hour. */
const changes = [
  "2026-03-29T01:00:00Z",
  "2026-10-25T01:00:00Z",
  "2026-03-08T07:00:00Z",
  "2026-11-01T06:00:00Z",
  "2026-04-04T15:00:00Z",
  "2026-10-03T15:30:00Z",
];
const anyInstant = fc.oneof(
  fc.integer({ min: Date.UTC(2010, 0), max: Date.UTC(2040, 0) }),
  fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -3 * hourMs, max: 3 * hourMs }))
    .map(([change, byMs]) => Date.parse(change) + byMs),
);
const minuteOfDay = fc.oneof(fc.integer({ min: 0, max: 1439 }), fc.constantFrom(0, 1, 120, 180, 1439));
const anyWindow = fc
  .record({
    first: fc.nat(6),
    last: fc.nat(6),
    from: minuteOfDay,
    to: fc.oneof(minuteOfDay, fc.constant(1440)),
  })
  .filter(({ from, to }) => from !== to);
type Window = typeof anyWindow extends fc.Arbitrary<infer T> ? T : never;

describe("hours", () => {
  it("hold what the wall clock of their zone says, over midnight, the week's end and changes of the clock", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.array(anyWindow, { minLength: 1, maxLength: 3 }),
        fc.array(anyInstant, { minLength: 1, maxLength: 4 }),
        (zone, windows, instants) => {
          const read = hoursSchema.parse({ zone, windows: windows.map(written) });
          const condition = withinHours(read);
          // One condition for all of them: what it remembers of one instant must not tell on another.
          for (const nowMs of instants) {
            const expected = windows.some((window) => holds(window, wallClock(zone, nowMs)));
            const { result } = condition.ask(ping(), { ...facts, nowMs });
            expect(result, `${windows.map(written)} ${zone} ${new Date(nowMs).toISOString()}`).toBe(
              expected ? "pass" : "fail",
            );
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("of a whole week always hold", () => {
    const always = withinHours(
      hoursSchema.parse({ zone: "Europe/Berlin", windows: ["mon-sun 00:00-24:00"] }),
    );
    fc.assert(fc.property(anyInstant, (nowMs) => always.ask(ping(), { ...facts, nowMs }).result === "pass"));
  });

  it("say in the checks what the clock showed", () => {
    const nights = withinHours(hoursSchema.parse({ zone: "Europe/Berlin", windows: ["mon 22:00-06:00"] }));
    expect(nights.ask(ping(), facts)).toEqual({ result: "fail", seen: "mon 14:00 in Europe/Berlin" });
  });

  it.each(["MON-FRI 08:00-18:00", " mon-fri  08:00-18:00\n", "mon,tue,wed-fri 08:00-18:00"])(
    "written as %j are the same",
    (text) => {
      const { windows } = hoursSchema.parse({ zone: "UTC", windows: [text] });
      expect(windows).toEqual(hoursSchema.parse({ zone: "UTC", windows: ["mon-fri 08:00-18:00"] }).windows);
    },
  );

  it.each([
    "",
    "08:00-18:00",
    "mon",
    "mon 8:00-18:00",
    "mon 08:00-18:00-19:00",
    "mon 08:00–18:00",
    "mon 08:60-18:00",
    "mon 08:00-24:01",
    "mon 24:00-08:00",
    "mon 08:00-08:00",
    "mon 00:00-00:00",
    "mo 08:00-18:00",
    "mon-fry 08:00-18:00",
    "mon-tue-wed 08:00-18:00",
    "mon, tue 08:00-18:00",
    "monday 08:00-18:00",
    "mon 08:00-18:00, tue 08:00-18:00",
    "mon 08-18",
  ])("%j is no window", (text) => {
    expect(hoursSchema.safeParse({ zone: "UTC", windows: [text] }).success).toBe(false);
  });
});

function written({ first, last, from, to }: Window): string {
  const time = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  const on = first === last ? days[first] : `${days[first]}-${days[last]}`;
  return `${on} ${time(from)}-${time(to)}`;
}

/** Day by day, as one would read the words. */
function holds({ first, last, from, to }: Window, { day, minute }: { day: number; minute: number }): boolean {
  for (let on = first; ; on = (on + 1) % 7) {
    if (to > from && day === on && minute >= from && minute < to) return true;
    if (to < from && day === on && minute >= from) return true;
    if (to < from && day === (on + 1) % 7 && minute < to) return true;
    if (on === last) return false;
  }
}

/** By the zone's offset from UTC: nothing is read from a formatted wall time. */
function wallClock(zone: string, ms: number): { day: number; minute: number } {
  const parts = offsets.get(zone)!.formatToParts(ms);
  const offset = parts.find(({ type }) => type === "timeZoneName")!.value;
  const [, sign = "+", hours = "0", minutes = "0"] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(offset)!;
  const aheadMs = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  const local = new Date(ms + aheadMs);
  return { day: (local.getUTCDay() + 6) % 7, minute: local.getUTCHours() * 60 + local.getUTCMinutes() };
}
