/** What Prometheus reads. Figures that others keep are asked for when it scrapes. */
import { Counter, Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { ForwarderState } from "../forwarder/report.ts";
import type { JournalStats, Kept, Loss } from "../journal/journal.ts";
import type { MalformedReport } from "../malformed.ts";
import type { Answer } from "../op.ts";
import type { BanOutcome } from "../policy/bans.ts";
import type { PushKind } from "../policy/push-value.ts";
import type { PushOutcome } from "../prox/pusher.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { version } from "../version.ts";
import { gauge, total } from "./figures.ts";
import { journalMetrics } from "./journal-metrics.ts";
import { kafkaMetrics } from "./kafka-metrics.ts";
import { OpMetrics } from "./op-metrics.ts";
import { type PolicyState, policyMetrics } from "./policy-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import { SessionMetrics } from "./session-metrics.ts";
import { type SettingsState, settingsMetrics } from "./settings-metrics.ts";
import { volumeMetrics } from "./volume-metrics.ts";

type Failure = Exclude<Kept, { ok: true }>["failure"];

export interface MetricSources {
  readonly settings: () => SettingsState;
  readonly journal: () => JournalStats;
  readonly policy: () => PolicyState;
  /** Null without Kafka. What it gives is null until it is known. */
  readonly forwarder: (() => ForwarderState | null) | null;
  /** Null until they are known. */
  readonly sessions: () => Sessions | null;
  /** By type of event. */
  readonly leftOut: () => Readonly<Record<string, number>>;
}

type Answered = Answer["kind"];

/** Shown from the beginning, at 0: Prometheus takes no notice of the first event of a series that appears with it. */
const shown = {
  causes: { journal_full: 1, journal_io: 1, journal_damaged: 1, killed_while_failing: 1 } satisfies Record<
    Loss["cause"],
    1
  >,
  failures: { journal_full: 1, journal_io: 1, journal_slow: 1, journal_closed: 1 } satisfies Record<
    Failure,
    1
  >,
  answers: { allow: 1, refuse: 1, rewrite: 1 } satisfies Record<Answered, 1>,
  malformed: {
    not_json: 1,
    not_utf8: 1,
    not_msgpack: 1,
    too_large: 1,
    no_op: 1,
    bad_content: 1,
    cut_off: 1,
    login_flood: 1,
  } satisfies Record<MalformedReport["reason"], 1>,
  statuses: { 400: 1, 401: 1, 404: 1, 405: 1, 413: 1, 500: 1 },
  bans: { written: 1, already_banned: 1, failed: 1, too_many: 1 } satisfies Record<BanOutcome, 1>,
};

export class Metrics {
  readonly registry = new Registry();
  readonly sessions: SessionMetrics;
  readonly #ops = new OpMetrics(this.registry);
  readonly #wouldRefuse = this.#counter(
    "sluice_ops_would_refuse_total",
    "Ops allowed that would have been refused, were all rules enforced",
    ["op", "scope", "code"],
  );
  readonly #unrecorded = this.#counter(
    "sluice_ops_unrecorded_total",
    "Ops answered before their record was durable",
    ["failure", "answer"],
  );
  readonly #malformed = this.#counter("sluice_malformed_total", "Calls that were no op", ["reason"]);
  readonly #turnedAway = this.#counter(
    "sluice_calls_turned_away_total",
    "Calls answered with an HTTP error",
    ["status"],
  );
  readonly #rejected = this.#counter(
    "sluice_policy_rejected_total",
    "Policy values that could not be read",
    [],
  );
  readonly #changes = this.#counter("sluice_policy_changes_total", "Policy changes that came into force", [
    "cause",
  ]);
  readonly #bans = this.#counter("sluice_bans_total", "Addresses refused so often that they are banned", [
    "outcome",
  ]);
  readonly #banCountsForgotten = this.#counter(
    "sluice_ban_counts_forgotten_total",
    "Addresses whose refusals were forgotten before their time, since too many others were refused",
    [],
  );
  readonly #proxPushes = this.#counter(
    "sluice_prox_pushes_total",
    "Targets and speeds that prox was to be told",
    ["kind", "outcome"],
  );
  readonly #notEnforceable = this.#counter(
    "sluice_limits_not_enforceable_total",
    "Times a limit of open connections could not be enforced, since nobody tells their ends",
    ["scope"],
  );
  #redactions = 0;
  readonly #gaps = this.#counter("sluice_journal_gaps_total", "Losses announced as bridge.gap", ["cause"]);
  readonly #troubles = this.#counter(
    "sluice_forwarder_troubles_total",
    "Times the forwarder met trouble, by what and code",
    ["what", "code"],
  );
  readonly #deadLetters = this.#counter(
    "sluice_kafka_dead_letters_total",
    "Records the broker would never take",
    ["topic"],
  );

  constructor(sources: MetricSources, clock: Clock) {
    processMetrics(this.registry, version, clock);
    settingsMetrics(this.registry, sources.settings);
    journalMetrics(this.registry, sources.journal);
    policyMetrics(this.registry, sources.policy);
    if (sources.forwarder !== null) kafkaMetrics(this.registry, sources.forwarder, sources.journal);
    volumeMetrics(this.registry, sources.leftOut);
    this.sessions = new SessionMetrics(this.registry, sources.sessions);
    total(this.registry, "sluice_redactions_total", "Secrets hidden in events", () => this.#redactions);
    for (const cause in shown.causes) this.#gaps.inc({ cause }, 0);
    for (const failure in shown.failures) {
      for (const answer in shown.answers) this.#unrecorded.inc({ failure, answer }, 0);
    }
    for (const reason in shown.malformed) this.#malformed.inc({ reason }, 0);
    for (const status in shown.statuses) this.#turnedAway.inc({ status }, 0);
    for (const outcome in shown.bans) this.#bans.inc({ outcome }, 0);
  }

  answered(op: string, effect: string, durationMs: number): void {
    this.#ops.answered(op, effect, durationMs);
  }

  /** A secret was hidden; told for each, so it only counts. */
  redacted(): void {
    this.#redactions++;
  }

  /** @param rule the key, without prefix, of the rule that would refuse; null when it is no rule's doing */
  wouldRefuse(op: string, rule: string | null, code: string): void {
    this.#wouldRefuse.inc({ op, scope: rule === null ? "none" : scopeOf(rule), code });
  }

  /** @param rule its key without prefix */
  notEnforceable(rule: string): void {
    this.#notEnforceable.inc({ scope: scopeOf(rule) });
  }

  unrecorded(failure: string, answer: string): void {
    this.#unrecorded.inc({ failure, answer });
  }

  malformed(reason: string): void {
    this.#malformed.inc({ reason });
  }

  turnedAway(status: number): void {
    this.#turnedAway.inc({ status });
  }

  policyChanged(cause: string): void {
    this.#changes.inc({ cause });
  }

  ban(outcome: BanOutcome): void {
    this.#bans.inc({ outcome });
  }

  proxPush(kind: PushKind, outcome: PushOutcome): void {
    this.#proxPushes.inc({ kind, outcome });
  }

  banCountForgotten(): void {
    this.#banCountsForgotten.inc();
  }

  policyRejected(): void {
    this.#rejected.inc();
  }

  gap(cause: string): void {
    this.#gaps.inc({ cause });
  }

  forwarderTrouble(what: string, code: string): void {
    this.#troubles.inc({ what, code });
  }

  /** @param afterMs since the process began */
  proxReady(afterMs: number): void {
    const help = "From the start of the process until prox was told that it is ready";
    gauge(this.registry, "sluice_prox_ready_seconds", help, () => afterMs / 1000);
  }

  /** @param notReady why /readyz says no, or null */
  readiness(notReady: () => string | null): void {
    const help = "1 while ops can be decided, as /readyz says";
    gauge(this.registry, "sluice_ready", help, () => Number(notReady() === null));
  }

  /** Of the plugin port. @param expiresMs when the certificate in force ends, milliseconds since 1970 */
  certificate(expiresMs: () => number): void {
    const help = "When the certificate of the plugin port ends, in seconds since 1970";
    gauge(this.registry, "sluice_tls_certificate_expiry_timestamp_seconds", help, () => expiresMs() / 1000);
  }

  /** Topics that there will be. */
  forwardsTo(topics: Iterable<string>): void {
    for (const topic of topics) this.#deadLetters.inc({ topic }, 0);
  }

  deadLetter(topic: string): void {
    this.#deadLetters.inc({ topic });
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
}

/** A label for each rule would be as many series as the policy has rules. */
function scopeOf(rule: string): string {
  return rule.split(":", 1)[0]!;
}
