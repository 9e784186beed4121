/** One Kafka with every protection, a port for each; and the files of TLS with which clients come. */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Authority, type Certificate } from "../hosts/certificates.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { type KafkaHost, startKafka } from "../hosts/kafka.ts";
import type { ListenerOptions } from "../hosts/kafka-properties.ts";
import { closeWithFile } from "../hosts/open.ts";

export const password = "correct-horse-battery";
export const clientSecret = "s3cret-of-the-client";

const security = "org.apache.kafka.common.security";

export interface SecuredKafka extends KafkaHost {
  /** Paths of PEM files. */
  readonly files: Readonly<
    Record<"ca" | "otherCa" | "cert" | "key" | "strangerCert" | "strangerKey", string>
  >;
  readonly folder: string;
  readonly authority: Authority;
}

export async function startSecuredKafka(): Promise<SecuredKafka> {
  const authority = new Authority("Brokers' CA");
  const stranger = new Authority("Another CA");
  const own = authority.issue({ hosts: ["localhost"] });
  const client = authority.issue({ name: "client" });
  const unknown = stranger.issue({ name: "client" });
  const folder = await temporaryFolder("kafka-tls");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const pems = {
    ca: authority.cert,
    otherCa: stranger.cert,
    cert: client.cert,
    key: client.key,
    strangerCert: unknown.cert,
    strangerKey: unknown.key,
  };
  const files: Record<string, string> = {};
  for (const [name, pem] of Object.entries(pems)) {
    files[name] = join(folder.path, `${name}.pem`);
    await writeFile(files[name], pem);
  }
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=alice,password=${password}]`,
  ]);
  const expired = authority.issue({ hosts: ["localhost"], until: new Date(Date.now() - 60_000) });
  const host = await startKafka({
    formatArgs: scram,
    overrides: {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS;User:alice;User:robot;User:CN=client",
    },
    listeners: [
      tls("TLS", own, { "ssl.client.auth": "required", ...trust(authority) }),
      tls("ELSEWHERE", authority.issue({ hosts: ["elsewhere.test"] })),
      tls("EXPIRED", expired),
      { name: "OPEN", protocol: "SASL_PLAINTEXT", properties: sasl },
      { name: "SECURE", protocol: "SASL_SSL", properties: { ...identity(own), ...sasl } },
    ],
  });
  return Object.assign(host, { files: files as SecuredKafka["files"], folder: folder.path, authority });
}

const sasl = {
  "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
  "plain.sasl.jaas.config": `${security}.plain.PlainLoginModule required user_alice="${password}" user_bob="${password}";`,
  "scram-sha-256.sasl.jaas.config": `${security}.scram.ScramLoginModule required;`,
  "scram-sha-512.sasl.jaas.config": `${security}.scram.ScramLoginModule required;`,
  "oauthbearer.sasl.jaas.config": `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
};

function tls(name: string, certificate: Certificate, more: Record<string, string> = {}): ListenerOptions {
  return { name, protocol: "SSL", properties: { ...identity(certificate), ...more } };
}

function identity({ cert, key }: Certificate): Record<string, string> {
  return { "ssl.keystore.type": "PEM", "ssl.keystore.certificate.chain": cert, "ssl.keystore.key": key };
}

function trust({ cert }: Authority): Record<string, string> {
  return { "ssl.truststore.type": "PEM", "ssl.truststore.certificates": cert };
}

/** A JWT without signature, as a broker takes it that has no keys: fit for tests alone. */
export function unsignedToken(lifeSeconds: number, sub = "robot"): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub, iat: now + Math.min(0, lifeSeconds) - 60, exp: now + lifeSeconds })}.`;
}

/** An OAuth 2 token endpoint whose answers a test sets. */
export async function startTokenEndpoint() {
  const asked: { readonly authorization: string | undefined; readonly form: string }[] = [];
  const watching = new Set<() => void>();
  const endpoint = {
    url: "",
    asked,
    answer: (): { readonly status: number; readonly body: object } => ({
      status: 200,
      body: { access_token: unsignedToken(300), expires_in: 300, token_type: "Bearer" },
    }),
    /** Resolves when it has been asked so often. */
    async times(count: number): Promise<void> {
      while (asked.length < count) {
        const { promise, resolve } = Promise.withResolvers<void>();
        watching.add(resolve);
        await promise;
        watching.delete(resolve);
      }
    },
  };
  const server = createServer(async (request, response) => {
    let form = "";
    for await (const piece of request) form += piece;
    asked.push({ authorization: request.headers.authorization, form });
    const { status, body } = endpoint.answer();
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    for (const resolve of [...watching]) resolve();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeWithFile({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  });
  endpoint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return endpoint;
}
