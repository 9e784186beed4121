import { type ErrorCode, SluiceError, textOf } from "../errors.ts";

/** The broker's own names of the errors (Kafka protocol guide, "Error codes") that are not about being reachable. */
const codes: Readonly<Record<string, ErrorCode>> = {
  MESSAGE_TOO_LARGE: "kafka_rejected",
  RECORD_LIST_TOO_LARGE: "kafka_rejected",
  INVALID_RECORD: "kafka_rejected",
  // Also what a broker says of a batch that was damaged on its way; the lane asks twice before it believes it.
  CORRUPT_MESSAGE: "kafka_rejected",
  TOPIC_AUTHORIZATION_FAILED: "kafka_denied",
  CLUSTER_AUTHORIZATION_FAILED: "kafka_denied",
  GROUP_AUTHORIZATION_FAILED: "kafka_denied",
  SASL_AUTHENTICATION_FAILED: "kafka_denied",
  UNSUPPORTED_SASL_MECHANISM: "kafka_denied",
  ILLEGAL_SASL_STATE: "kafka_denied",
  SECURITY_DISABLED: "kafka_denied",
  UNKNOWN_TOPIC_OR_PARTITION: "kafka_topic",
  INVALID_TOPIC_EXCEPTION: "kafka_topic",
  INVALID_PARTITIONS: "kafka_topic",
  INVALID_REPLICATION_FACTOR: "kafka_topic",
  INVALID_CONFIG: "kafka_topic",
  POLICY_VIOLATION: "kafka_topic",
};

/** What the broker's text leaves open. */
const hints: Readonly<Record<string, string>> = {
  INVALID_TIMESTAMP:
    "is this machine's clock ahead of the broker's? A topic with message.timestamp.type=LogAppendTime takes its records all the same",
};

/** What kafkajs hangs on its errors. */
interface KafkaFailure {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** The reason behind kafkajs's wrappers: "number of retries exceeded" and "topic creation errors" say nothing. */
function rootOf(thrown: unknown): KafkaFailure {
  let failure = (thrown ?? {}) as KafkaFailure;
  for (let depth = 0; depth < 8 && failure.type === undefined; depth++) {
    const inner = failure.errors?.[0] ?? failure.cause;
    if (typeof inner !== "object" || inner === null) break;
    failure = inner as KafkaFailure;
  }
  return failure;
}

/** What kafkajs threw, as one of our errors. Whatever is not known counts as unreachable, and so is tried again. */
export function failureOf(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const root = rootOf(thrown);
  const code =
    root.name === "KafkaJSSASLAuthenticationError"
      ? "kafka_denied"
      : (codes[root.type ?? ""] ?? "kafka_unavailable");
  const text = textOf(root.message ?? thrown);
  const hint = hints[root.type ?? ""];
  const whole = root.type ? `${text} (${root.type})${hint ? `: ${hint}` : ""}` : text;
  return new SluiceError(code, whole, {
    retryable: code === "kafka_unavailable" || code === "kafka_topic",
    cause: thrown,
  });
}

/** Whether the broker itself gave this answer: then the connection it came over is sound. */
export function isAnswer(thrown: unknown): boolean {
  return rootOf(thrown).type !== undefined;
}

/** The broker's name of the error, where it gave one. */
export function brokerErrorOf(thrown: unknown): string | undefined {
  return rootOf(thrown).type;
}
