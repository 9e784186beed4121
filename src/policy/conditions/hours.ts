/** `hours`: weekly windows in the wall time of a zone. */
import { z } from "zod";
import { fieldsOf, listOf } from "../written.ts";
import type { Condition } from "./condition.ts";

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const minutesADay = 24 * 60;
const minutesAWeek = 7 * minutesADay;

/** Minutes since Monday 00:00; `to` may lie behind the end of the week. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

const windowForm = "windows such as mon-fri 08:00-18:00";
const zone = z
  .string({ error: "must name an IANA zone, such as Europe/Berlin" })
  .refine(isZone, "must name an IANA zone, such as Europe/Berlin");
const window = z.string({ error: `must be ${windowForm}` }).transform((written, issues) => {
  const read = windowsIn(written);
  if (read === null) issues.addIssue(`must be ${windowForm}`);
  return read ?? [];
});

export const hoursSchema = fieldsOf({ zone, windows: listOf(window, windowForm, 100) });

export function withinHours({ zone, windows }: z.infer<typeof hoursSchema>): Condition {
  const spans = windows.flat();
  const clock = new ZoneClock(zone);
  return {
    name: "hours",
    code: "outside_hours",
    reason: "not at this hour",
    ask(_op, { nowMs }) {
      const { minute, text } = clock.at(nowMs);
      const inside = spans.some(({ from, to }) => {
        const since = (minute - from + minutesAWeek) % minutesAWeek;
        return since < to - from;
      });
      return { result: inside ? "pass" : "fail", seen: `${text} in ${zone}` };
    },
  };
}

/** `mon-fri 08:00-18:00`, `sat,sun 22:00-06:00`; one that ends before it begins ends on the next day. */
function windowsIn(text: string): Window[] | null {
  const parts = /^([a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*) (\d\d:\d\d)-(\d\d:\d\d)$/.exec(
    text.trim().toLowerCase().replace(/\s+/g, " "),
  );
  const [from, to] = [minuteIn(parts?.[2]), minuteIn(parts?.[3])];
  if (!parts || from === null || to === null || from === to || from === minutesADay) return null;
  const on = parts[1]!.split(",").map(daysIn);
  if (on.includes(null)) return null;
  return [...new Set(on.flat() as number[])].map((day) => ({
    from: day * minutesADay + from,
    to: day * minutesADay + (to > from ? to : to + minutesADay),
  }));
}

function daysIn(text: string): number[] | null {
  const [first, last = first] = text.split("-").map((name) => days.indexOf(name)) as [number, number?];
  if (first < 0 || last! < 0) return null;
  const count = ((last! - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, at) => (first + at) % 7);
}

function minuteIn(text = ""): number | null {
  const [hours, minutes] = text.split(":").map(Number) as [number, number];
  const total = hours * 60 + minutes;
  return minutes < 60 && total <= minutesADay ? total : null;
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Wall time of a zone. Asking the platform takes some microseconds, so it is asked once a minute. */
class ZoneClock {
  readonly #format: Intl.DateTimeFormat;
  #minuteOfEpoch = Number.NaN;
  #last = { minute: 0, text: "" };

  constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  }

  /** Zones are off by whole minutes since 1972, so one answer holds for a minute. */
  at(ms: number): { readonly minute: number; readonly text: string } {
    const minuteOfEpoch = Math.floor(ms / 60_000);
    if (minuteOfEpoch === this.#minuteOfEpoch) return this.#last;
    const parts = Object.fromEntries(this.#format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const day = parts.weekday!.toLowerCase();
    const minute = days.indexOf(day) * minutesADay + Number(parts.hour) * 60 + Number(parts.minute);
    this.#minuteOfEpoch = minuteOfEpoch;
    this.#last = { minute, text: `${day} ${parts.hour}:${parts.minute}` };
    return this.#last;
  }
}
