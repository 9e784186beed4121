/** The brokers, how we sign in to them, and the topics. */
import { z } from "zod";
import { streamNames } from "../../events/streams.ts";
import { allStreams, projectionTopics } from "../../events/topic-names.ts";
import { filePath, pemFile, setting, text } from "../setting.ts";

const saslMechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] as const;

const endpointProblem = "must be the URL of a token endpoint, https://…, without user and password";

const kafkaSasl = z.strictObject({
  mechanism: setting(
    z.enum(saslMechanisms).optional(),
    `how we sign in to the brokers: ${saslMechanisms.join(", ")}; without it we do not`,
  ),
  username: setting(text.optional(), "user, for PLAIN and SCRAM"),
  password: setting(z.string().min(1, "must not be empty").optional(), "password, for PLAIN and SCRAM", {
    secret: true,
  }),
  tokenEndpoint: setting(
    z
      .string(endpointProblem)
      .refine((url) => /^https?:\/\/[^\s@]+$/.test(url) && URL.canParse(url), endpointProblem)
      .optional(),
    "for OAUTHBEARER: where a token is had for clientId and clientSecret (client credentials grant); kafka.tls.ca holds for it too",
  ),
  clientId: setting(text.optional(), "for OAUTHBEARER"),
  clientSecret: setting(z.string().min(1, "must not be empty").optional(), "for OAUTHBEARER", {
    secret: true,
  }),
  scope: setting(text.optional(), "for OAUTHBEARER: scopes to ask for, with spaces between"),
  tokenFile: setting(
    filePath.optional(),
    "for OAUTHBEARER: file in which somebody else keeps a token fresh, instead of an endpoint; read for each connection",
  ),
});

const kafkaTls = z.strictObject({
  enabled: setting(
    z.boolean().optional(),
    "TLS to the brokers; by default where kafka.tls.ca or kafka.tls.cert is set",
  ),
  ca: setting(pemFile.optional(), "CA that signed the brokers' certificates; without it the system's CAs"),
  cert: setting(
    pemFile.optional(),
    "our certificate, where the brokers want one; read anew for each connection",
  ),
  key: setting(pemFile.optional(), "its private key"),
});

const topicText = z
  .string("must be the name of a topic")
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, "must be 1 to 249 of the characters A-Z a-z 0-9 . _ -");
/** What `kafka.topics` may name: streams, projections' topics, and the rest. */
export const renamable = [...streamNames, ...projectionTopics, "dead-letters", allStreams] as const;

const brokerProblem = "must be host:port, such as kafka-1:9092, without a scheme";

function isBroker(text: string): boolean {
  const [, port] = /^(?:[^\s:/@]+|\[[^\]\s]+\]):(\d{1,5})$/.exec(text) ?? [];
  return Number(port) >= 1 && Number(port) <= 65535;
}

export const kafka = z.strictObject({
  brokers: setting(
    z
      .array(
        z.string(brokerProblem).refine(isBroker, brokerProblem),
        `must be a list of host:port, such as ["kafka-1:9092"]`,
      )
      .default([]),
    "host:port list; empty keeps the events in the journal",
  ),
  clientId: setting(text.default("sluice"), "name the brokers log for us"),
  topicPrefix: setting(
    z
      .string()
      .regex(/^[A-Za-z0-9._-]{0,200}$/, "must be at most 200 of the characters A-Z a-z 0-9 . _ -")
      .default("sluice."),
    "prefix of every topic",
  ),
  topics: setting(
    z
      .partialRecord(
        z.enum(renamable),
        topicText,
        'must give topics by stream, such as logins = "corp.logins"',
      )
      .default({}),
    "topics that have other names, prefix and all, by stream: `logins=corp.logins`; `*=corp.frp` puts all streams that are not named on one",
  ),
  partitions: setting(z.int().min(1).default(6), "partitions of topics we create"),
  replicationFactor: setting(
    z.int().min(1).max(32767).optional(),
    "replication of topics we create; by default the number of brokers, at most 3",
  ),
  createTopics: setting(z.boolean().default(true), "create missing topics; existing ones are only checked"),
  compression: setting(z.enum(["gzip", "zstd", "none"]).default("gzip"), "compression of record batches"),
  tls: kafkaTls,
  sasl: kafkaSasl,
});
