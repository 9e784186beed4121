/** What to do about a failure, by its code; its own text names the setting. */
import type { ErrorCode, SluiceError } from "../../errors.ts";

const steps: Partial<Record<ErrorCode, string>> = {
  config_invalid: "put this setting right",
  redis_unavailable:
    "is it started there, is redis.url (SLUICE_REDIS_URL) right, and does no firewall stand between?",
  redis_untrusted: "see redis.tls and redis.url: what is trusted, and which port speaks TLS",
  redis_denied: "try user and password with redis-cli, and give them the rights of deploy/redis/users.acl",
  kafka_unavailable:
    "is it started there, is kafka.brokers (SLUICE_KAFKA_BROKERS) right, and do its advertised.listeners lead there from here?",
  kafka_untrusted: "see kafka.tls: what is trusted, and which port speaks TLS",
  kafka_denied: "see kafka.sasl, and give the user the rights of deploy/kafka/acls.sh bridge",
  kafka_topic: "see what `sluice topics` would do",
  policy_unreadable: "put the policy file right: `sluice policy check` names what is wrong",
};

export function nextAfter({ code }: SluiceError): string {
  return steps[code] ?? "see what it says";
}
