/** What Prometheus reads. Figures that others keep are asked for when it scrapes. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ForwarderState } from "../forwarder/report.ts";
import type { JournalStats } from "../journal/journal.ts";
import type { BanOutcome } from "../policy/bans.ts";
import type { SourceState } from "../policy/policy.ts";
import type { PushKind } from "../policy/push-value.ts";
import type { RuleSet } from "../policy/rule-set.ts";
import type { PushOutcome } from "../prox/pusher.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { SessionMetrics } from "./session-metrics.ts";

export interface MetricSources {
  readonly journal: () => JournalStats;
  readonly policy: () => {
    readonly available: boolean;
    readonly rules: RuleSet;
    readonly source: SourceState;
  };
  /** Null without Kafka. */
  readonly forwarder: () => ForwarderState | null;
  /** Null until they are known. */
  readonly sessions: () => Sessions | null;
}

export class Metrics {
  readonly registry = new Registry();
  readonly sessions: SessionMetrics;
  readonly #ops = this.#counter("sluice_ops_total", "Ops answered", ["op", "effect"]);
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
  readonly #duration = new Histogram({
    name: "sluice_op_duration_seconds",
    help: "From the parsed op to its answer",
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1, 2],
    registers: [this.registry],
  });

  constructor(sources: MetricSources) {
    collectDefaultMetrics({ register: this.registry });
    this.#journal(sources.journal);
    this.#policy(sources.policy);
    this.#forwarder(sources.forwarder);
    this.sessions = new SessionMetrics(this.registry, sources.sessions);
  }

  answered(op: string, effect: string, durationMs: number): void {
    this.#ops.inc({ op, effect });
    this.#duration.observe(durationMs / 1000);
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
    this.#gauge(
      "sluice_prox_ready_seconds",
      "From the start of the process until prox was told that it is ready",
      () => afterMs / 1000,
    );
  }

  deadLetter(topic: string): void {
    this.#deadLetters.inc({ topic });
  }

  #journal(stats: () => JournalStats): void {
    this.#gauge("sluice_journal_bytes", "Bytes of all segments", () => stats().bytes);
    this.#gauge("sluice_journal_segments", "Segments", () => stats().segments);
    this.#gauge(
      "sluice_journal_queued_bytes",
      "Bytes that wait in memory for the disk",
      () => stats().queuedBytes,
    );
    this.#gauge("sluice_journal_lost_records", "Records lost since the start", () => stats().lostRecords);
    this.#gauge(
      "sluice_journal_damaged_records",
      "Damaged places found since the start",
      () => stats().damagedRecords,
    );
    this.#gauge("sluice_journal_syncs", "fdatasync calls since the start", () => stats().syncs);
    this.#gauge("sluice_journal_last_seq", "Last journalseq given", () => stats().lastJournalseq);
    this.#gauge("sluice_journal_durable_seq", "Last journalseq on disk", () => stats().durableJournalseq);
    this.#gauge(
      "sluice_journal_acknowledged_seq",
      "Last journalseq below which Kafka has all",
      () => stats().acknowledgedJournalseq,
    );
  }

  #policy(state: MetricSources["policy"]): void {
    this.#gauge("sluice_policy_rules", "Rules in force", () => state().rules.size);
    this.#gauge(
      "sluice_policy_unreadable_rules",
      "Rules that cannot be read and refuse",
      () => state().rules.unreadable.size,
    );
    this.#gauge("sluice_policy_available", "1 once a policy has been loaded", () =>
      Number(state().available),
    );
    this.#gauge("sluice_policy_source_connected", "1 while the source answers", () =>
      Number(state().source.connected),
    );
    this.#gauge(
      "sluice_policy_age_seconds",
      "Since the source last confirmed the rules",
      () => state().source.ageMs / 1000,
    );
  }

  #forwarder(state: MetricSources["forwarder"]): void {
    const figure = (pick: (s: ForwarderState) => number) => (): number => {
      const now = state();
      return now === null ? 0 : pick(now);
    };
    this.#gauge(
      "sluice_kafka_connected",
      "1 while brokers take records",
      figure((s) => Number(s.connected)),
    );
    this.#gauge(
      "sluice_kafka_lag_records",
      "Durable records that Kafka has not confirmed",
      figure((s) => s.lagRecords),
    );
    this.#gauge(
      "sluice_kafka_sent_records",
      "Records confirmed since the start",
      figure((s) => s.sentRecords),
    );
    this.#gauge(
      "sluice_kafka_retries",
      "Sends tried again since the start",
      figure((s) => s.retries),
    );
    this.#gauge(
      "sluice_kafka_stuck_partitions",
      "Partitions that had nothing confirmed for a while",
      figure((s) => s.stuck.length),
    );
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, figure: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(figure());
      },
    });
  }
}

/** A label for each rule would be as many series as the policy has rules. */
function scopeOf(rule: string): string {
  return rule.split(":", 1)[0]!;
}
