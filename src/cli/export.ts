/** `sluice export`: the events of this machine's journal, or of Kafka's topics, as NDJSON or CSV. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Clock, systemClock } from "../clock.ts";
import { loadSettings } from "../config/load.ts";
import { SluiceError } from "../errors.ts";
import { unparsedReasons } from "../events/parse.ts";
import { isSessionType } from "../events/projections/flat-sessions.ts";
import { type EventType, eventTypes, typePrefix } from "../events/schema.ts";
import { type Stream, streamNames } from "../events/streams.ts";
import type { TopicNames } from "../events/topic-names.ts";
import { leftOutText } from "../events/volume.ts";
import { type Form, formOf, type LeftOut } from "../export/forms.ts";
import type { ExportFormat, ExportView } from "../export/names.ts";
import { fileOutput, type Output, standardOutput } from "../export/output.ts";
import { SortedEvents } from "../export/sorted-events.ts";
import { streamsNamed } from "../replay/choice.ts";
import { endingBySignal } from "./ending.ts";
import { journalDirOf } from "./journal-dir.ts";
import { type Moment, msOf } from "./options.ts";
import { grouped, ProgressBar } from "./progress-bar.ts";
import { type RecordedEvents, timeOf, typeOf } from "./recorded-events.ts";
import { readJournal } from "./recorded-journal.ts";
import { readKafka } from "./recorded-kafka.ts";
import { printable, printableJson } from "./screen-text.ts";
import { typeFilter } from "./type-filter.ts";

export interface ExportOptions {
  readonly config?: string;
  readonly since?: Moment;
  readonly until?: Moment;
  readonly format: ExportFormat;
  readonly as?: ExportView;
  readonly type?: readonly string[];
  readonly topic?: readonly string[];
  readonly kafka?: boolean;
  readonly output?: string;
  readonly spreadsheet?: boolean;
}

const portionLength = 64 * 1024;

/** @throws SluiceError config_invalid; output_unwritable; of the source that is read */
export async function exportEvents(options: ExportOptions, clock: Clock = systemClock): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const nowMs = clock.now();
  const fromMs = options.since ? msOf(options.since, nowMs) : null;
  const untilMs = options.until ? msOf(options.until, nowMs) : null;
  if (fromMs !== null && fromMs >= (untilMs ?? nowMs)) {
    throw new SluiceError("config_invalid", "--since is not before --until");
  }
  const view = viewOf(options);
  const streams = streamsOf(options.topic, settings.kafka);
  const isMeant = choiceOf(options, view, streams, fromMs, untilMs);
  const meant = streamsOfMeant(isMeant);
  if (meant.size === 0)
    throw new SluiceError("config_invalid", "no event is of these types, on these topics, in this form");
  const form = formOf({ view, format: options.format, spreadsheet: options.spreadsheet ?? false });

  // Events that scroll by show that it goes on.
  const isShown = options.output === undefined && process.stdout.isTTY;
  const screen = isShown ? { write() {} } : process.stderr;
  const bar = new ProgressBar(screen, clock);
  const say = (notice: string): void =>
    bar.above(() => void process.stderr.write(`sluice: ${printable(notice)}\n`));
  const unfinished = (): void =>
    say(`ended before all was written${options.output === undefined ? "" : `: no ${options.output}`}`);
  const ending = endingBySignal(clock, unfinished);
  const unpublished = leftOutText(settings.events.publish, (type) =>
    isMeant(`"type":"${typePrefix}${type}"`),
  );
  if (unpublished !== null) say(`events.publish leaves out ${unpublished}`);
  const output = options.output === undefined ? standardOutput() : await fileOutput(options.output);
  const writer = new Writer(form, output, shownOn(options));
  const reading = { fromMs, signal: ending.signal, bar, say };
  let whole = true;
  try {
    if (options.kafka) {
      const folder = temporaryFolder(options.output);
      const sorted = new SortedEvents(folder.path);
      const add = (event: string): void => {
        if (isMeant(event) && !sorted.add(event)) writer.leaveOut("not_an_event");
      };
      await readKafka({ ...reading, add }, settings, meant);
      const writing = new ProgressBar(screen, clock);
      writing.begin(sorted.added);
      await writer.all(sorted.merged(), ending.signal, writing);
      folder.remove();
      if (sorted.repeated > 0) say(`${grouped(sorted.repeated)} events that came again left out`);
    } else {
      const add = (event: string): void => void (isMeant(event) && writer.add(event));
      const events: RecordedEvents = { ...reading, add, rest: () => writer.flush() };
      whole = await readJournal(events, journalDirOf(settings, say));
    }
    if (!ending.signal.aborted) {
      await writer.flush();
      await output.finish();
    }
  } finally {
    bar.end();
    await output.discard();
  }
  if (ending.signal.aborted) {
    unfinished();
    return ending.tell();
  }
  for (const [reason, count] of writer.leftOut) say(`${grouped(count)} records left out: ${whyText(reason)}`);
  if (options.output !== undefined) say(`${grouped(writer.written)} records in ${options.output}`);
  if (!whole || writer.leftOut.size > 0) process.exitCode = 1;
}

function viewOf({ as, format, spreadsheet }: ExportOptions): ExportView {
  if (spreadsheet && format !== "csv") {
    throw new SluiceError("config_invalid", "--spreadsheet is for --format csv");
  }
  if (format === "ndjson") return as ?? "events";
  const view = as ?? "flat";
  if (view === "flat" || view === "flat-sessions") return view;
  throw new SluiceError("config_invalid", `--as ${view} has depth: csv takes --as flat or flat-sessions`);
}

/** Null: all. */
function streamsOf(named: readonly string[] | undefined, names: TopicNames): ReadonlySet<Stream> | null {
  if (named === undefined) return null;
  return new Set(
    named.flatMap((name) => {
      const streams = streamsNamed(name, names);
      if (streams.length > 0) return streams;
      const text = `--topic ${name}: no such topic; there are ${streamNames.join(", ")}`;
      throw new SluiceError("config_invalid", text);
    }),
  );
}

/** By an event's first attributes, so that one that is not wanted need not be parsed. */
function choiceOf(
  { type }: ExportOptions,
  view: ExportView,
  streams: ReadonlySet<Stream> | null,
  fromMs: number | null,
  untilMs: number | null,
): (event: string) => boolean {
  const filter = typeFilter(type);
  const isType = (name: string): boolean =>
    filter(name) &&
    (view !== "flat-sessions" || isSessionType(name)) &&
    (streams === null || streams.has(eventTypes[name.slice(typePrefix.length) as EventType]?.stream));
  return (event) => {
    if (!isType(typeOf(event))) return false;
    const time = timeOf(event);
    if (time === "") return true;
    const atMs = Date.parse(time);
    return !((fromMs !== null && atMs < fromMs) || (untilMs !== null && atMs >= untilMs));
  };
}

function streamsOfMeant(isMeant: (event: string) => boolean): Set<Stream> {
  const types = Object.entries(eventTypes).filter(([type]) => isMeant(`"type":"${typePrefix}${type}"`));
  return new Set(types.map(([, { stream }]) => stream));
}

/** What a terminal gets moves no cursor. */
function shownOn({ output, format }: ExportOptions): (text: string) => string {
  if (output !== undefined || !process.stdout.isTTY) return (text) => text;
  const shown = format === "csv" ? printable : printableJson;
  return (text) => `${shown(text.trimEnd())}\n`;
}

/** For parts of what Kafka has, on the disk that is to take all of it. */
function temporaryFolder(output: string | undefined): { readonly path: string; remove(): void } {
  const path = mkdtempSync(
    output === undefined
      ? join(tmpdir(), "sluice-export-")
      : join(dirname(resolve(output)), ".sluice-export-"),
  );
  const remove = (): void => rmSync(path, { recursive: true, force: true });
  // Whatever ends the process: main.ts does where a reader has enough.
  process.once("exit", remove);
  return { path, remove };
}

function whyText(reason: LeftOut): string {
  return reason === "unprojected" ? "they cannot be brought into this form" : unparsedReasons[reason];
}

/** Brings events into their form, and writes them in portions. */
class Writer {
  readonly leftOut = new Map<LeftOut, number>();
  readonly #form: Form;
  readonly #output: Output;
  readonly #shown: (text: string) => string;
  #portion: string;
  #written = 0;

  constructor(form: Form, output: Output, shown: (text: string) => string) {
    this.#form = form;
    this.#output = output;
    this.#shown = shown;
    this.#portion = form.head;
  }

  get written(): number {
    return this.#written;
  }

  add(event: string): void {
    const made = this.#form.write(event);
    if ("leftOut" in made) this.leaveOut(made.leftOut);
    else if (made.text !== null) {
      this.#written++;
      this.#portion += this.#shown(made.text);
    }
  }

  leaveOut(reason: LeftOut): void {
    this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + 1);
  }

  async all(events: Iterable<string>, signal: AbortSignal, bar: ProgressBar): Promise<void> {
    try {
      for (const event of events) {
        if (signal.aborted) return;
        this.add(event);
        bar.step();
        if (this.#portion.length <= portionLength) continue;
        await this.flush();
        // Writing into a pipe gives way to nothing, signals among it.
        await turn();
      }
    } finally {
      bar.end();
    }
  }

  async flush(): Promise<void> {
    const portion = this.#portion;
    this.#portion = "";
    if (portion !== "") await this.#output.write(portion);
  }
}
