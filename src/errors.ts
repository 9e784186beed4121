/**
 * One error class for the whole program, and the one list of its codes (printed in the README).
 *
 * `message` may reach frps, an operator or a log line, so it never holds a secret; `cause` is for us.
 */
export const errorCodes = {
  config_invalid: "a setting is wrong, or settings contradict each other",
  port_in_use: "the address to listen on is taken",
  data_dir_in_use: "another process holds the data directory",
  data_dir_unusable: "the data directory cannot be created or written",
  policy_unreadable: "the policy file cannot be read or parsed",
  policy_invalid: "a rule to be written cannot be read, or a key cannot be told; nothing was written",
  policy_unwritable: "the policy file cannot be written",
  policy_unavailable: "no policy has been loaded yet",
  journal_full: "the disk, or journal.maxBytes, is used up",
  journal_io: "the disk refused a write or a sync",
  journal_slow: "the record was not durable within the deadline",
  journal_closed: "the journal is closed or closing",
  journal_damaged: "a journal file cannot be understood",
  kafka_unavailable: "no broker answered, or the connection broke",
  kafka_untrusted: "a broker's certificate is not one that we trust, or only one side speaks TLS",
  kafka_rejected: "the broker will never take this record",
  kafka_denied: "the broker refused our credentials or rights",
  kafka_topic: "a topic is missing or cannot be created",
  output_unwritable: "the file that was asked for cannot be written",
  admin_unavailable: "the bridge's admin port did not answer, or not to us",
  redis_unavailable: "Redis did not answer, or the connection broke",
  redis_untrusted: "Redis's certificate is not one that we trust, or only one side speaks TLS",
  redis_denied: "Redis refused our credentials or rights",
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorOptions {
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

export class SluiceError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SluiceError";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The text of whatever was thrown, without its stack. */
export function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
