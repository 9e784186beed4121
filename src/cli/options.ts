/** What the command lines have in common. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { patternProblem } from "./type-filter.ts";

export const configOption = (): Option =>
  new Option("-c, --config <file>", "settings file (default: sluice.toml, if it is there)").env(
    "SLUICE_CONFIG",
  );

export function command(sluice: Command, name: string, description: string): Command {
  return sluice
    .command(name)
    .description(description)
    .showHelpAfterError(`(sluice ${name} --help shows what there is)`);
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number, such as 20.");
  return Number(text);
}

export function epochId(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new InvalidArgumentError("It must be a UUID, as events carry it in `epoch`.");
  }
  return text.toLowerCase();
}

/** With its zone, since the events' times are in UTC and whoever reads them may be elsewhere. */
export function isoTime(text: string): Date {
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/i.test(text)
    ? new Date(text)
    : new Date(Number.NaN);
  if (Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError("It must be a time with its zone, such as 2027-01-31T08:00:00Z.");
  }
  return time;
}

const spans: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `24h`, `7d`, in milliseconds. */
export function duration(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new InvalidArgumentError("It must be a span such as 90s, 15m, 24h or 7d.");
  }
  return Number(digits) * spans[unit]!;
}

/** A time, or how long ago it was. */
export type Moment = Date | { readonly agoMs: number };

/** In milliseconds since 1970. */
export function msOf(moment: Moment, nowMs: number): number {
  return moment instanceof Date ? moment.getTime() : nowMs - moment.agoMs;
}

export function moment(text: string): Moment {
  try {
    return /^\d+[a-z]+$/.test(text) ? { agoMs: duration(text) } : isoTime(text);
  } catch {
    throw new InvalidArgumentError(
      "It must be a span such as 24h or 7d, or a time with its zone, such as 2027-01-31T08:00:00Z.",
    );
  }
}

/** Adds a type, or a pattern of types, to those named before. */
export function typePattern(text: string, before: readonly string[] | undefined): string[] {
  const problem = patternProblem(text);
  if (problem !== null) throw new InvalidArgumentError(problem);
  return [...(before ?? []), text];
}
