/** How a client proves who it is, and what it trusts; kept from connection to connection, since tokens and files last. */
import type { SecureContext } from "node:tls";
import type { Mechanism, SASLOptions } from "kafkajs";
import type { Clock } from "../clock.ts";
import { SluiceError } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import { ClientTls } from "../tls/client.ts";
import { bearerHint } from "./failures.ts";
import type { KafkaSettings } from "./settings.ts";
import { tokenEndpoint } from "./token-endpoint.ts";
import { TokenSource } from "./token-source.ts";

export interface Security {
  /** For the next connection; null without TLS. @throws SluiceError config_invalid */
  readonly context: () => SecureContext | null;
  readonly sasl: SASLOptions | Mechanism | null;
}

const known = new WeakMap<KafkaSettings, Security>();

export function securityOf(settings: KafkaSettings, clock: Clock, log: Log): Security {
  const made = known.get(settings) ?? make(settings, clock, log);
  known.set(settings, made);
  return made;
}

function make(settings: KafkaSettings, clock: Clock, log: Log): Security {
  const tls = settings.tls && new ClientTls("kafka.tls", settings.tls);
  const warn = (problem: string): void =>
    log.error({ problem }, "a new certificate for Kafka cannot be used; the old one stays in force");
  return { context: () => tls?.context(warn) ?? null, sasl: saslOf(settings, clock, log) };
}

function saslOf({ sasl, tls }: KafkaSettings, clock: Clock, log: Log): Security["sasl"] {
  if (sasl === null) return null;
  if (sasl.mechanism === "OAUTHBEARER") {
    return bearer(new TokenSource(sasl.token, tokenEndpoint(tls), clock, log));
  }
  const { username, password } = sasl;
  if (sasl.mechanism === "PLAIN") return { mechanism: "plain", username, password };
  if (sasl.mechanism === "SCRAM-SHA-256") return { mechanism: "scram-sha-256", username, password };
  return { mechanism: "scram-sha-512", username, password };
}

/**
 * RFC 7628, 3. In kafkajs's own OAUTHBEARER a refused token looks like an accepted one: a broker refuses with a JSON text
 * and without an error code, and only the next request fails, as a connection that closes.
 */
function bearer(tokens: TokenSource): Mechanism {
  return {
    mechanism: "oauthbearer",
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const token = await tokens.token();
        const message = Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`);
        const problem = await saslAuthenticate<string>({
          request: { encode: () => sized(message) },
          response: { decode: (answer) => answer, parse: (answer) => answer.subarray(4).toString() },
        });
        if (problem) throw refused(problem);
      },
    }),
  };
}

function sized(message: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(message.length);
  return Buffer.concat([size, message]);
}

/** What is said beside the status may be long, and names the token's claims. */
function refused(problem: string): SluiceError {
  const status = /"status"\s*:\s*"([\w -]{1,60})"/.exec(problem)?.[1] ?? "it is refused";
  return new SluiceError(
    "kafka_denied",
    `SASL OAUTHBEARER: the broker does not take our token (${status}): ${bearerHint}`,
  );
}
