/** `sluice tail`: the events of this machine's journal, or of Kafka's topics, as a table or as they are. */
import { loadSettings } from "../config/load.ts";
import { leftOutText } from "../events/volume.ts";
import { parseEvent } from "./event-row.ts";
import { EventTable } from "./event-table.ts";
import { journalDirOf } from "./journal-dir.ts";
import type { Reading } from "./reading.ts";
import { typeOf } from "./recorded-events.ts";
import { printableJson } from "./screen-text.ts";
import { tailJournal } from "./tail-journal.ts";
import { tailKafka } from "./tail-kafka.ts";
import { typeFilter } from "./type-filter.ts";

export interface TailOptions {
  readonly config?: string;
  readonly lines: number;
  readonly follow?: boolean;
  readonly type?: readonly string[];
  readonly kafka?: boolean;
  readonly json?: boolean;
}

export async function tail(options: TailOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => ending.abort());
  const meant = typeFilter(options.type);
  const say = (notice: string): void => void process.stderr.write(`sluice: ${notice}\n`);
  const leftOut = leftOutText(settings.events.publish, meant);
  if (leftOut !== null) say(`events.publish leaves out ${leftOut}`);
  const reading: Reading = {
    last: options.lines,
    wanted: (event) => meant(typeOf(event)),
    all: options.type === undefined,
    follow: options.follow ?? false,
    signal: ending.signal,
    show: options.json ? showJson : shownAsTable(say),
    say,
  };
  if (options.kafka) await tailKafka(reading, settings);
  else await tailJournal(reading, journalDirOf(settings, say));
}

function showJson(events: readonly string[]): void {
  for (const event of events) {
    process.stdout.write(`${process.stdout.isTTY ? printableJson(event) : event}\n`);
  }
}

function shownAsTable(say: (notice: string) => void): (events: readonly string[]) => void {
  const table = new EventTable(() => (process.stdout.isTTY ? process.stdout.columns : null));
  return (events) => {
    const parsed = events.map(parseEvent);
    const shown = parsed.filter((event) => event !== null);
    if (shown.length < parsed.length)
      say(`${parsed.length - shown.length} records that are no events left out`);
    for (const line of table.lines(shown)) process.stdout.write(`${line}\n`);
  };
}
