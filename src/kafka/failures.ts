import { type ErrorCode, SluiceError, textOf } from "../errors.ts";
import { tlsTrouble } from "../tls/trouble.ts";

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
  TOPIC_AUTHORIZATION_FAILED:
    "our user lacks a right on this topic: Describe and Write to send, Read to read, Create and DescribeConfigs to make it",
  CLUSTER_AUTHORIZATION_FAILED:
    "our user lacks a right on the cluster: Describe, and Create to make topics (or kafka.createTopics = false)",
  GROUP_AUTHORIZATION_FAILED: "our user needs Read on the groups sluice-reader-*",
  UNSUPPORTED_SASL_MECHANISM: "see kafka.sasl.mechanism",
  ILLEGAL_SASL_STATE: "is kafka.sasl.mechanism right for this port, which may want SASL or have none?",
  INVALID_TIMESTAMP:
    "is this machine's clock ahead of the broker's? A topic with message.timestamp.type=LogAppendTime takes its records all the same",
};

/** What kafkajs hangs on its errors. */
interface KafkaFailure {
  /** A word where it comes from a socket. */
  readonly code?: unknown;
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
  // Of our own that kafkajs has wrapped: no token could be had.
  if (root instanceof SluiceError) return root;
  const text = textOf(root.message ?? thrown);
  if (isSignInFailure(root)) return new SluiceError("kafka_denied", signInText(text), { cause: thrown });
  const tls = typeof root.code === "string" && tlsTrouble(root.code, text, "kafka.tls", "kafka.tls.enabled");
  if (tls) {
    const where = "broker" in root ? `the broker ${root.broker}` : "the broker";
    return new SluiceError(`kafka_${tls.kind}`, `${where}: ${tls.text}`, { cause: thrown });
  }
  if (/before secure TLS connection was established/.test(text)) {
    const hint = "it ends connections before TLS stands: does it speak TLS on this port (kafka.tls.enabled)?";
    return new SluiceError("kafka_unavailable", `${text}: ${hint}`, { retryable: true, cause: thrown });
  }
  if (root.name === "KafkaJSConnectionClosedError") {
    const hint = "as it does when it stops, and where it wants SASL (kafka.sasl.mechanism)";
    return new SluiceError("kafka_unavailable", `the broker closed the connection, ${hint}`, {
      retryable: true,
      cause: thrown,
    });
  }
  const code = codes[root.type ?? ""] ?? "kafka_unavailable";
  const hint = hints[root.type ?? ""];
  const whole = root.type ? `${text} (${root.type})${hint ? `: ${hint}` : ""}` : text;
  return new SluiceError(code, whole, {
    retryable: code === "kafka_unavailable" || code === "kafka_topic",
    cause: thrown,
  });
}

const passwordHint = "see kafka.sasl.username and kafka.sasl.password (SLUICE_KAFKA_SASL_PASSWORD_FILE)";
export const bearerHint =
  "see kafka.sasl.clientId, kafka.sasl.clientSecret and kafka.sasl.scope, or kafka.sasl.tokenFile";

function isSignInFailure({ name, type }: KafkaFailure): boolean {
  return name === "KafkaJSSASLAuthenticationError" || type === "SASL_AUTHENTICATION_FAILED";
}

function signInText(text: string): string {
  if (/not supported by the server/.test(text)) return `${text}: see kafka.sasl.mechanism`;
  return `${text}: ${/OAUTHBEARER/.test(text) ? bearerHint : passwordHint}`;
}

const ofConnections: ReadonlySet<ErrorCode> = new Set([
  "kafka_unavailable",
  "kafka_untrusted",
  // Of files of kafka.tls.
  "config_invalid",
]);

/** Whether it is the connection that failed, whatever it was wanted for: who sends finds the same. */
export function isOfConnection(error: unknown): boolean {
  if (!(error instanceof SluiceError)) return false;
  if (ofConnections.has(error.code)) return true;
  return error.code === "kafka_denied" && brokerErrorOf(error.cause) === undefined;
}

/** Whether the broker itself gave this answer: then the connection it came over is sound. */
export function isAnswer(thrown: unknown): boolean {
  return rootOf(thrown).type !== undefined;
}

/** The broker's name of the error, where it gave one. */
export function brokerErrorOf(thrown: unknown): string | undefined {
  return rootOf(thrown).type;
}
