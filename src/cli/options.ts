/** What the command lines have in common. */
import { type Command, InvalidArgumentError, Option } from "commander";

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
