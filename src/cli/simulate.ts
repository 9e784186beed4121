/** `sluice simulate`: what another policy would have said of the operations that are recorded. */
import { type Clock, systemClock } from "../clock.ts";
import { loadSettings } from "../config/load.ts";
import { SluiceError } from "../errors.ts";
import { redactor } from "../events/redact.ts";
import { eventTypes } from "../events/schema.ts";
import type { Stream } from "../events/streams.ts";
import { leftOutText } from "../events/volume.ts";
import { simulatedTypes } from "../simulate/operation.ts";
import { Simulation } from "../simulate/simulation.ts";
import { endingBySignal } from "./ending.ts";
import { journalDirOf } from "./journal-dir.ts";
import { namesOf } from "./names-of.ts";
import { type Moment, msOf } from "./options.ts";
import { ProgressBar } from "./progress-bar.ts";
import type { RecordedEvents } from "./recorded-events.ts";
import { readJournal } from "./recorded-journal.ts";
import { readKafka } from "./recorded-kafka.ts";
import { printable, printableJson } from "./screen-text.ts";
import { type CandidateOptions, candidateOf } from "./simulate-candidate.ts";
import { type Simulated, simulateJson, simulateText } from "./simulate-report.ts";

export interface SimulateOptions extends CandidateOptions {
  readonly config?: string;
  readonly since: Moment;
  readonly until?: Moment;
  readonly kafka?: boolean;
  readonly user?: string;
  readonly op?: readonly string[];
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** @throws SluiceError config_invalid, for a candidate that cannot be read too; of the source that is read */
export async function simulate(options: SimulateOptions, clock: Clock = systemClock): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const { user, op } = options;
  const [fromMs, untilMs] = [
    msOf(options.since, clock.now()),
    options.until ? msOf(options.until, clock.now()) : clock.now(),
  ];
  if (fromMs >= untilMs) throw new SluiceError("config_invalid", "--since is not before --until");
  const bar = new ProgressBar(process.stderr, clock);
  const say = (notice: string): void =>
    bar.above(() => void process.stderr.write(`sluice: ${printable(notice)}\n`));
  const policy = await candidateOf(options, settings, say);
  const { redact, hmacKey } = settings.events;
  const simulation = new Simulation({
    policy,
    subdomainHost: (node) => settings.nodes[node]?.subdomainHost,
    keyed: redact === "hmac" && hmacKey !== undefined ? redactor("hmac", hmacKey) : null,
    fromMs,
    untilMs,
    users: user === undefined ? undefined : namesOf(user, settings),
    ops: op && new Set(op),
  });
  const withoutReport = (): void => say("ended before all was read: no report");
  const ending = endingBySignal(clock, withoutReport);
  // Bridges tell what they have left out.
  const streams = new Set<Stream>([...simulatedTypes.map((type) => eventTypes[type].stream), "bridge"]);
  const leftOut = leftOutText(settings.events.publish, (type) =>
    (simulatedTypes as readonly string[]).includes(type),
  );
  if (leftOut !== null) say(`cannot judge what events.publish leaves out: ${leftOut}`);
  const add = (event: string, topic: string | null): void => simulation.add(event, topic);
  const events: RecordedEvents = { fromMs, signal: ending.signal, bar, add, say };
  try {
    if (options.kafka) await readKafka(events, settings, streams);
    else await readJournal(events, journalDirOf(settings, say));
  } finally {
    bar.end();
  }
  if (ending.signal.aborted) {
    withoutReport();
    return ending.tell();
  }
  const simulated: Simulated = { policy, fromMs, untilMs, report: simulation.report() };
  show(simulated, options);
  const { changed, operations, notThePolicys } = simulated.report;
  const judged = operations - notThePolicys;
  if (options.strict && judged === 0)
    say("nothing was recorded to judge by, which --strict does not take for none");
  if (options.strict && (changed > 0 || judged === 0)) process.exitCode = 1;
}

function show(simulated: Simulated, { json }: SimulateOptions): void {
  if (!json) {
    process.stdout.write(`${simulateText(simulated).join("\n")}\n`);
    return;
  }
  const text = JSON.stringify(simulateJson(simulated));
  process.stdout.write(`${process.stdout.isTTY ? printableJson(text) : text}\n`);
}
