/** What makes each alert fire, and what comes close to it and must not. One sample a minute. */

export interface Situation {
  /** By series, in promtool's notation: `0x5 1x10` is six times 0, then eleven times 1. */
  readonly series: Readonly<Record<string, string>>;
  readonly atMinute: number;
  /** Further alerts that fire with it. */
  readonly also?: readonly string[];
  /** Whether the bridge is scraped; it is unless the series say otherwise. */
  readonly unscraped?: true;
}

export interface AlertCase {
  readonly fires: readonly Situation[];
  readonly quiet: readonly Situation[];
}

/** A series of the one bridge `a`. */
const of = (metric: string, labels = "", instance = "a"): string =>
  `${metric}{job="sluice",instance="${instance}"${labels && `,${labels}`}}`;

/** A figure that holds for so long. */
const holds = (
  metric: string,
  values: string,
  atMinute: number,
  more: Situation["series"] = {},
): Situation => ({
  series: { [of(metric)]: values, ...more },
  atMinute,
});

const connected = { [of("sluice_kafka_connected")]: "1x30" };
const away = { [of("sluice_kafka_connected")]: "0x3" };
const room = { [of("sluice_journal_max_bytes")]: "1000x90" };
const counted = (metric: string, labels: string, values: string, atMinute: number): Situation => ({
  series: { [of(metric, labels)]: values },
  atMinute,
});
const began = { [of("process_start_time_seconds")]: "0x60" };
const gap = of("sluice_journal_gaps_total", 'cause="journal_io"');
const letter = 'topic="sluice.logins"';
const bucket = (le: string): string => of("sluice_op_duration_seconds_bucket", `le="${le}"`);
const twoBridges = (second: string, secondConnected: string): Situation["series"] => ({
  [of("sluice_policy_revision")]: "81985529216486x20",
  [of("sluice_policy_revision", "", "b")]: second,
  [of("sluice_policy_source_connected")]: "1x20",
  [of("sluice_policy_source_connected", "", "b")]: secondConnected,
});

export const alertCases: Readonly<Record<string, AlertCase>> = {
  SluiceDown: {
    fires: [holds("up", "1x2 0x10", 5)],
    quiet: [holds("up", "1x2 0 1x10", 3)],
  },
  SluiceAbsent: {
    fires: [{ series: { 'up{job="other"}': "1x10" }, atMinute: 6, unscraped: true }],
    quiet: [holds("up", "0x3", 2)],
  },
  SluiceNotReady: {
    fires: [holds("sluice_ready", "0x10", 3)],
    quiet: [holds("sluice_ready", "0x1 1x10", 3)],
  },
  SluiceRestarts: {
    fires: [holds("process_start_time_seconds", "0 100 200 300x20", 10)],
    quiet: [holds("process_start_time_seconds", "0 100 200x20", 10)],
  },
  SluicePolicySourceAway: {
    fires: [holds("sluice_policy_source_connected", "0x10", 3)],
    quiet: [holds("sluice_policy_source_connected", "0x1 1x10", 3)],
  },
  SluicePolicyStale: {
    fires: [
      {
        ...holds("sluice_policy_stale", "1x10", 4, { [of("sluice_policy_source_connected")]: "0x10" }),
        also: ["SluicePolicySourceAway"],
      },
    ],
    quiet: [holds("sluice_policy_stale", "0x10", 4, { [of("sluice_policy_source_connected")]: "0x10" })],
  },
  SluicePolicyVanished: {
    fires: [holds("sluice_policy_kept_rules", "3x10", 2)],
    quiet: [holds("sluice_policy_kept_rules", "0x10", 2)],
  },
  SluicePolicyUnreadable: {
    fires: [holds("sluice_policy_unreadable_rules", "2x10", 6)],
    quiet: [holds("sluice_policy_unreadable_rules", "2x3 0x10", 6)],
  },
  SluicePolicyDiffers: {
    fires: [{ series: twoBridges("81985529216487x20", "1x20"), atMinute: 11 }],
    quiet: [
      { series: twoBridges("81985529216486x20", "1x20"), atMinute: 11 },
      { series: twoBridges("81985529216487x20", "0x20"), atMinute: 11 },
      { series: twoBridges("1x4 81985529216486x20", "1x20"), atMinute: 11 },
    ],
  },
  SluiceSettingsRefused: {
    fires: [holds("sluice_config_last_reload_successful", "1x2 0x10", 9)],
    quiet: [
      holds("sluice_config_last_reload_successful", "1x2 0x3 1x10", 9),
      holds("sluice_config_last_reload_successful", "1x2 0x10", 6),
    ],
  },
  SluiceCertificateEnds: {
    // Time begins at 0: it ends 14 days and some minutes later.
    fires: [
      holds("sluice_tls_certificate_expiry_timestamp_seconds", `${14 * 86_400 + 60}x30`, 10),
      holds("sluice_tls_certificate_expiry_timestamp_seconds", "60x30", 10),
    ],
    quiet: [
      holds("sluice_tls_certificate_expiry_timestamp_seconds", `${14 * 86_400 + 3_600}x30`, 20),
      holds("up", "1x30", 20),
    ],
  },
  SluiceKafkaAway: {
    fires: [holds("sluice_kafka_connected", "0x10", 6)],
    quiet: [holds("sluice_kafka_connected", "0x3 1x10", 6)],
  },
  SluiceKafkaLagging: {
    fires: [holds("sluice_kafka_lag_seconds", "301x10", 6, connected)],
    quiet: [
      holds("sluice_kafka_lag_seconds", "299x10", 6, connected),
      holds("sluice_kafka_lag_seconds", "301x10", 6, away),
    ],
  },
  SluiceKafkaStuck: {
    fires: [holds("sluice_kafka_stuck_partitions", "1x10", 6, connected)],
    quiet: [holds("sluice_kafka_stuck_partitions", "1x10", 6, away)],
  },
  SluiceKafkaTopicsUnknown: {
    fires: [holds("sluice_kafka_unknown_topics", "1x10", 6, connected)],
    quiet: [
      holds("sluice_kafka_unknown_topics", "1x10", 6, away),
      holds("sluice_kafka_unknown_topics", "9x2 0x10", 6, connected),
    ],
  },
  SluiceJournalFillsSoon: {
    fires: [holds("sluice_kafka_lag_bytes", "0+5x70", 60, room)],
    quiet: [
      holds("sluice_kafka_lag_bytes", "0+2x70", 60, room),
      holds("sluice_kafka_lag_bytes", "700x70", 60, room),
      // As steep, but only what has just come.
      holds("sluice_kafka_lag_bytes", "0x54 0+5x10", 60, room),
    ],
  },
  SluiceJournalNearlyFull: {
    fires: [holds("sluice_kafka_lag_bytes", "801x10", 2, room)],
    quiet: [holds("sluice_kafka_lag_bytes", "799x10", 2, room)],
  },
  SluiceJournalFailing: {
    fires: [holds("sluice_journal_failing", "1x10", 2)],
    quiet: [holds("sluice_journal_failing", "1 0x10", 2)],
  },
  SluiceEventsLost: {
    fires: [
      { series: { [gap]: "0x5 1x10" }, atMinute: 7 },
      // Found at the start: no rise is seen.
      { series: { [gap]: "1x10", ...began }, atMinute: 3 },
    ],
    quiet: [
      { series: { [gap]: "1x60", ...began }, atMinute: 40 },
      { series: { [gap]: "0x10", ...began }, atMinute: 3 },
    ],
  },
  SluiceOpsUnrecorded: {
    fires: [counted("sluice_ops_unrecorded_total", 'failure="journal_full",answer="refuse"', "0x5 3x10", 7)],
    quiet: [counted("sluice_ops_unrecorded_total", 'failure="journal_full",answer="refuse"', "3x60", 40)],
  },
  SluiceDeadLetters: {
    fires: [
      counted("sluice_kafka_dead_letters_total", letter, "0x5 1x10", 7),
      counted("sluice_kafka_dead_letters_total", letter, "_x5 1x10", 7),
    ],
    quiet: [
      counted("sluice_kafka_dead_letters_total", letter, "1x60", 40),
      counted("sluice_kafka_dead_letters_total", letter, "0x60", 3),
    ],
  },
  SluiceEventLoopDelay: {
    fires: [holds("nodejs_eventloop_lag_p99_seconds", "0.2x10", 6)],
    quiet: [
      holds("nodejs_eventloop_lag_p99_seconds", "0.05x10", 6),
      holds("nodejs_eventloop_lag_p99_seconds", "0.2x2 0.01x10", 6),
    ],
  },
  SluiceAnswersSlow: {
    fires: [
      {
        series: { [bucket("0.25")]: "0+98x20", [bucket("1")]: "0+100x20", [bucket("+Inf")]: "0+100x20" },
        atMinute: 12,
      },
    ],
    quiet: [
      {
        series: { [bucket("0.25")]: "0+100x20", [bucket("1")]: "0+100x20", [bucket("+Inf")]: "0+100x20" },
        atMinute: 12,
      },
    ],
  },
  SluiceMalformedCalls: {
    fires: [counted("sluice_malformed_total", 'reason="not_json"', "0x1 30x10", 4)],
    quiet: [
      counted("sluice_malformed_total", 'reason="not_json"', "0x1 5x10", 4),
      counted("sluice_malformed_total", 'reason="login_flood"', "0x1 300x10", 4),
    ],
  },
  SluiceLoginFlood: {
    fires: [counted("sluice_malformed_total", 'reason="login_flood"', "0x1 300x10", 3)],
    quiet: [counted("sluice_malformed_total", 'reason="login_flood"', "300x30", 20)],
  },
  SluiceWrongPassword: {
    fires: [counted("sluice_calls_turned_away_total", 'status="401"', "0x1 30x10", 4)],
    quiet: [
      counted("sluice_calls_turned_away_total", 'status="401"', "0x1 3x10", 4),
      counted("sluice_calls_turned_away_total", 'status="404"', "0x1 30x10", 4),
    ],
  },
  SluiceCallsFail: {
    fires: [counted("sluice_calls_turned_away_total", 'status="500"', "0x1 1x10", 3)],
    quiet: [counted("sluice_calls_turned_away_total", 'status="500"', "1x60", 40)],
  },
  SluiceClockOff: {
    fires: [holds("sluice_time_seconds", "100+60x10", 6), holds("sluice_time_seconds", "-40+60x10", 6)],
    quiet: [holds("sluice_time_seconds", "10+60x10", 6)],
  },
  SluiceBansFail: {
    fires: [counted("sluice_bans_total", 'outcome="failed"', "0x1 1x10", 3)],
    quiet: [counted("sluice_bans_total", 'outcome="written"', "0x1 1x10", 3)],
  },
};
