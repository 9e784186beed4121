/**
 * Settings that are wrong, and word for word what is said of them.
 *
 * `{toml}` stands for the settings file, `{dir}` for the folder of the files that are prepared beside it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Authority } from "../hosts/certificates.ts";

export interface WrongSettings {
  readonly what: string;
  readonly toml?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A line for each problem. */
  readonly says: string | readonly string[];
}

/** Stands in every secret of the table, and in no line. */
export const secret = "hunter2";

/** The files that the table names. */
export function prepare(dir: string): void {
  const [one, other] = [new Authority().issue(), new Authority().issue()];
  const files = {
    "one.crt": one.cert,
    "one.key": one.key,
    "other.key": other.key,
    empty: "\n",
    secret: `${secret}-but-no-colon\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  writeFileSync(join(dir, "latin1"), `u:${secret}-caf\xe9`, "latin1");
  mkdirSync(join(dir, "folder"));
}

export const wrongSettings: readonly WrongSettings[] = [
  {
    what: "a misspelt key",
    toml: "[http]\nprot = 1",
    says: "http.prot ({toml}): no such setting; did you mean http.port?",
  },
  {
    what: "a misspelt group",
    toml: "[htpp]\nport = 1",
    says: "htpp ({toml}): no such group of settings; did you mean [http]?",
  },
  {
    what: "a misspelt group of which every key is known",
    toml: "[kafak]\nbrokers = []",
    says: "kafak ({toml}): no such group of settings; did you mean [kafka]?",
  },
  {
    what: "a key outside its group",
    toml: "port = 1",
    says: "port ({toml}): no such setting; did you mean http.port or admin.port?",
  },
  {
    what: "a key in the wrong group",
    toml: "[http]\ntoken = 'x'",
    says: "http.token ({toml}): no such setting; did you mean admin.token?",
  },
  {
    what: "a key like no other",
    toml: "[http]\nwhatever = 1",
    says: "http.whatever ({toml}): no such setting; take it away (sluice config --table lists all)",
  },
  {
    what: "a misspelt variable",
    env: {
      SLUICE_HTTP_PROT: "1",
    },
    says: "SLUICE_HTTP_PROT: no such variable; did you mean SLUICE_HTTP_PORT?",
  },
  {
    what: "a variable with a misspelt group",
    env: {
      SLUICE_HTPP_PORT: "1",
    },
    says: "SLUICE_HTPP_PORT: no such variable; did you mean SLUICE_HTTP_PORT?",
  },
  {
    what: "a variable like no other",
    env: {
      SLUICE_WHATEVER_ELSE: "1",
    },
    says: "SLUICE_WHATEVER_ELSE: no such variable; take it away (sluice config --table lists all)",
  },
  {
    what: "a variable for a node",
    env: {
      SLUICE_NODES_EDGE_AUTH: "a:b",
    },
    says: "SLUICE_NODES_EDGE_AUTH: no such variable; nodes stand in the settings file alone: [nodes.<name>]",
  },
  {
    what: "a file for what is no secret",
    env: {
      SLUICE_HTTP_PORT_FILE: "/x",
    },
    says: "SLUICE_HTTP_PORT_FILE: only secrets can come from a file; set SLUICE_HTTP_PORT itself",
  },
  {
    what: "a secret given twice",
    env: {
      SLUICE_HTTP_AUTH: "a:b",
      SLUICE_HTTP_AUTH_FILE: "{dir}/secret",
    },
    says: "SLUICE_HTTP_AUTH_FILE and SLUICE_HTTP_AUTH are both set: take one of them away",
  },
  {
    what: "a secret's file that is not there, and nothing that follows from it",
    env: {
      SLUICE_HTTP_AUTH_FILE: "{dir}/nowhere",
      SLUICE_HTTP_HOST: "0.0.0.0",
    },
    says: "SLUICE_HTTP_AUTH_FILE (http.auth) names {dir}/nowhere, which is not there (ENOENT): put it there, or name another",
  },
  {
    what: "a secret's file that is empty",
    env: {
      SLUICE_HTTP_AUTH_FILE: "{dir}/empty",
    },
    says: "SLUICE_HTTP_AUTH_FILE (http.auth) names {dir}/empty, which is empty: put the secret into it",
  },
  {
    what: "a secret's file that is a folder",
    env: {
      SLUICE_HTTP_AUTH_FILE: "{dir}/folder",
    },
    says: "SLUICE_HTTP_AUTH_FILE (http.auth) names {dir}/folder, which is a folder (EISDIR): name a file in it",
  },
  {
    what: "a secret's file without a name",
    env: {
      SLUICE_HTTP_AUTH_FILE: "",
    },
    says: "SLUICE_HTTP_AUTH_FILE (http.auth) is empty: must be the path of a file with the secret; or take it away",
  },
  {
    what: "a secret's file with something else in it",
    env: {
      SLUICE_HTTP_AUTH_FILE: "{dir}/secret",
    },
    says: "http.auth (SLUICE_HTTP_AUTH_FILE): must be user:password, as in frps's addr",
  },
  {
    what: "a secret given twice in the file",
    toml: "[http]\nauth='a:b'\nauthFile='{dir}/secret'",
    says: "http.authFile ({toml}) and http.auth are both set: take one of them away",
  },
  {
    what: "a node's secret file that is not there",
    toml: "[nodes.e]\nauthFile='{dir}/nowhere'",
    says: "nodes.e.authFile ({toml}) names {dir}/nowhere, which is not there (ENOENT): put it there, or name another",
  },
  {
    what: "a secret's file that is a number",
    toml: "[nodes.e]\nauthFile=5",
    says: "nodes.e.authFile ({toml}): must be the path of a file with the secret, in quotes",
  },
  {
    what: "a misspelt name for a secret's file",
    toml: "[nodes.e]\nauthfile='x'",
    says: "nodes.e.authfile ({toml}): no such setting; did you mean nodes.e.authFile?",
  },
  {
    what: "text for a number",
    toml: "[http]\nport = 'many'",
    says: 'http.port ({toml}) is "many": must be a whole number, 0 to 65535',
  },
  {
    what: "a word for a number in the environment",
    env: {
      SLUICE_HTTP_PORT: "many",
    },
    says: 'http.port (SLUICE_HTTP_PORT) is "many": must be a whole number, 0 to 65535',
  },
  {
    what: "a port out of range",
    toml: "[http]\nport = 99999",
    says: "http.port ({toml}) is 99999: must be a whole number, 0 to 65535",
  },
  {
    what: "a negative time",
    toml: "[stop]\ndrainMs = -1",
    says: "stop.drainMs ({toml}) is -1: must be a whole number of milliseconds, 0 or more",
  },
  {
    what: "less than a millisecond",
    env: {
      SLUICE_HTTP_DEADLINE_MS: "0.5",
    },
    says: "http.deadlineMs (SLUICE_HTTP_DEADLINE_MS) is 0.5: must be a whole number of milliseconds, 1 or more",
  },
  {
    what: "no time at all",
    env: {
      SLUICE_HTTP_DEADLINE_MS: "0",
    },
    says: "http.deadlineMs (SLUICE_HTTP_DEADLINE_MS) is 0: must be a whole number of milliseconds, 1 or more",
  },
  {
    what: "no number",
    toml: "[journal]\nkeepMs = nan",
    says: "journal.keepMs ({toml}) is NaN: must be a whole number of milliseconds, 0 or more",
  },
  {
    what: "an endless time",
    toml: "[journal]\nkeepMs = inf",
    says: "journal.keepMs ({toml}) is Infinity: must be a whole number of milliseconds, 0 or more",
  },
  {
    what: "a huge number",
    toml: "[journal]\nkeepMs = 1e300",
    says: "journal.keepMs ({toml}) is 1e+300: must be a whole number of milliseconds, 0 or more",
  },
  {
    what: "a number that TOML cannot give exactly",
    toml: "[journal]\nkeepMs = 99999999999999999999",
    says: "{toml}: is not TOML in line 2, column 10 (integer value cannot be represented losslessly): mend that line",
  },
  {
    what: "a size in a unit that is none",
    toml: "[journal]\nmaxBytes = '64MB'",
    says: 'journal.maxBytes ({toml}) is "64MB": must be a number of bytes above 0, or text such as 64MiB',
  },
  {
    what: "a size of nothing",
    toml: "[journal]\nmaxBytes = 0",
    says: "journal.maxBytes ({toml}) is 0: must be a number of bytes above 0, or text such as 64MiB",
  },
  {
    what: "a number for true or false",
    toml: "[policy]\nownNames = 1",
    says: "policy.ownNames ({toml}) is 1: must be true or false",
  },
  {
    what: "a word for true or false",
    env: {
      SLUICE_POLICY_OWN_NAMES: "yes",
    },
    says: 'policy.ownNames (SLUICE_POLICY_OWN_NAMES) is "yes": must be true or false',
  },
  {
    what: "a misspelt choice",
    env: {
      SLUICE_LOG_LEVEL: "debgu",
    },
    says: 'log.level (SLUICE_LOG_LEVEL) is "debgu": must be one of debug, info, warn, error; did you mean debug?',
  },
  {
    what: "a number for a choice",
    toml: "[log]\nlevel = 3",
    says: "log.level ({toml}) is 3: must be one of debug, info, warn, error",
  },
  {
    what: "a list given as text",
    toml: "[kafka]\nbrokers = 'a:1'",
    says: 'kafka.brokers ({toml}) is "a:1": must be a list of host:port, such as ["kafka-1:9092"]',
  },
  {
    what: "a broker with a scheme",
    env: {
      SLUICE_KAFKA_BROKERS: "kafka://h:9092",
    },
    says: 'kafka.brokers (SLUICE_KAFKA_BROKERS) has "kafka://h:9092": must be host:port, such as kafka-1:9092, without a scheme',
  },
  {
    what: "a broker without port",
    env: {
      SLUICE_KAFKA_BROKERS: "a:1,b",
    },
    says: 'kafka.brokers (SLUICE_KAFKA_BROKERS) has "b": must be host:port, such as kafka-1:9092, without a scheme',
  },
  {
    what: "a broker with a port out of range",
    env: {
      SLUICE_KAFKA_BROKERS: "a:70000",
    },
    says: 'kafka.brokers (SLUICE_KAFKA_BROKERS) has "a:70000": must be host:port, such as kafka-1:9092, without a scheme',
  },
  {
    what: "another scheme for Redis",
    env: {
      SLUICE_REDIS_URL: "http://u:hunter2@redis:6379",
    },
    says: "redis.url (SLUICE_REDIS_URL): must look like redis://user:password@host:6379/0, with rediss:// for TLS and percent-encoding for special characters in user and password",
  },
  {
    what: "a password that is not percent-encoded",
    env: {
      SLUICE_REDIS_URL: "redis://:hunter2/x@redis:6379",
    },
    says: "redis.url (SLUICE_REDIS_URL): must look like redis://user:password@host:6379/0, with rediss:// for TLS and percent-encoding for special characters in user and password",
  },
  {
    what: "a URL for a host",
    env: {
      SLUICE_HTTP_HOST: "http://127.0.0.1:9000",
    },
    says: 'http.host (SLUICE_HTTP_HOST) is "http://127.0.0.1:9000": must be an address or name of this machine by itself, such as 127.0.0.1, without scheme or port',
  },
  {
    what: "a host with a port",
    env: {
      SLUICE_ADMIN_HOST: "127.0.0.1:9001",
    },
    says: 'admin.host (SLUICE_ADMIN_HOST) is "127.0.0.1:9001": must be an address or name of this machine by itself, such as 127.0.0.1, without scheme or port',
  },
  {
    what: "nothing for a name",
    env: {
      SLUICE_NODE: "",
    },
    says: "node (SLUICE_NODE) is empty: must be 1 to 64 of the characters A-Z a-z 0-9 . _ -",
  },
  {
    what: "nothing for a secret",
    env: {
      SLUICE_HTTP_AUTH: "",
    },
    says: "http.auth (SLUICE_HTTP_AUTH) is empty: must be user:password, as in frps's addr",
  },
  {
    what: "nothing but spaces",
    toml: "[data]\ndir = '  '",
    says: 'data.dir ({toml}) is "  ": must be a path, not empty and without spaces around it',
  },
  {
    what: "a space in front",
    toml: "[http]\nhost = ' 127.0.0.1'",
    says: 'http.host ({toml}) is " 127.0.0.1": must be an address or name of this machine by itself, such as 127.0.0.1, without scheme or port',
  },
  {
    what: "a node with a space in its name",
    toml: "[nodes.'edge 1']\nauth = 'a:b'",
    says: "nodes.edge 1 ({toml}): a name must be 1 to 64 of the characters A-Z a-z 0-9 . _ -",
  },
  {
    what: "a node with a dot in its name",
    toml: "[nodes.edge.1]\nauth = 'a:b'",
    says: 'nodes.edge.1 ({toml}): no such setting; a node whose name has dots stands in quotes: [nodes."edge.1"]',
  },
  {
    what: "a node's password without a user",
    toml: "[nodes.edge]\nauth = 'hunter2'",
    says: "nodes.edge.auth ({toml}): must be user:password, as in frps's addr",
  },
  {
    what: "a misspelt key of a node",
    toml: "[nodes.edge]\nahth = 'a:b'",
    says: "nodes.edge.ahth ({toml}): no such setting; did you mean nodes.edge.auth?",
  },
  {
    what: "a proxy type that frps asks nothing about",
    toml: "[nodes.edge]\ncloseUserConn = ['udp']",
    says: 'nodes.edge.closeUserConn ({toml}) has "udp": must be one of tcp, https, tcpmux, stcp, sudp: frps asks about no others',
  },
  {
    what: "a value for a group, set in the environment too",
    toml: "http = 5",
    env: {
      SLUICE_HTTP_PORT: "1",
    },
    says: "http ({toml}) is 5: must be a group of settings: [http] on a line, its settings below",
  },
  {
    what: "a list for a group",
    toml: "[[http]]\nport = 1",
    says: "http ({toml}): must be a group of settings: [http] on a line, its settings below",
  },
  {
    what: "a node's secret for the whole node",
    toml: "[nodes]\nedge = 'u:hunter2'",
    says: "nodes.edge ({toml}): must be a group of settings: [nodes.edge] on a line, its settings below",
  },
  {
    what: "a secret for all nodes",
    toml: "nodes = 'u:hunter2'",
    says: "nodes ({toml}): must be a group of settings: [nodes] on a line, its settings below",
  },
  {
    what: "a secret for its file",
    env: {
      SLUICE_HTTP_AUTH_FILE: "u:hunter2",
    },
    says: "SLUICE_HTTP_AUTH_FILE (http.auth) names no file: must be the path of one with the secret, such as /run/secrets/auth",
  },
  {
    what: "a secret's file that is not text",
    env: {
      SLUICE_HTTP_AUTH_FILE: "{dir}/latin1",
    },
    says: "SLUICE_HTTP_AUTH_FILE (http.auth) names {dir}/latin1, which is not UTF-8: put the secret into it as text",
  },
  {
    what: "a key with a line end, which a file's would not have",
    toml: 'events.hmacKey = "hunter2-hunter2-hunter2\\n"',
    says: "events.hmacKey ({toml}): must have at least 16 characters, none of them a space or line end around it",
  },
  {
    what: "a password without a user",
    env: {
      SLUICE_HTTP_AUTH: "hunter2",
    },
    says: "http.auth (SLUICE_HTTP_AUTH): must be user:password, as in frps's addr",
  },
  {
    what: "a number for a secret",
    toml: "[http]\nauth = 5",
    says: "http.auth ({toml}): must be user:password, as in frps's addr",
  },
  {
    what: "an open plugin port without password",
    env: {
      SLUICE_HTTP_HOST: "0.0.0.0",
    },
    says: 'http.host (SLUICE_HTTP_HOST) is "0.0.0.0", beyond loopback, and http.auth is not set: anybody could call; set http.auth (SLUICE_HTTP_AUTH) to user:password and put the same into frps\'s addr',
  },
  {
    what: "an open admin port without token",
    toml: "[admin]\nhost='::'",
    says: 'admin.host ({toml}) is "::", beyond loopback, and admin.token is not set: set admin.token (SLUICE_ADMIN_TOKEN)',
  },
  {
    what: "two ports that are one",
    toml: "[http]\nport=9000",
    env: {
      SLUICE_ADMIN_PORT: "9000",
    },
    says: "http.port ({toml}) and admin.port (SLUICE_ADMIN_PORT) are both 9000, and http.host and admin.host the same: give them two ports",
  },
  {
    what: "hashes without key",
    env: {
      SLUICE_EVENTS_REDACT: "hmac",
    },
    says: "events.redact (SLUICE_EVENTS_REDACT) is hmac and events.hmacKey is not set: set events.hmacKey (SLUICE_EVENTS_HMAC_KEY)",
  },
  {
    what: "a key that is too short",
    env: {
      SLUICE_EVENTS_REDACT: "hmac",
      SLUICE_EVENTS_HMAC_KEY: "short",
    },
    says: "events.hmacKey (SLUICE_EVENTS_HMAC_KEY): must have at least 16 characters, none of them a space or line end around it",
  },
  {
    what: "bans without Redis",
    env: {
      SLUICE_BAN_AFTER: "3",
    },
    says: "ban.after (SLUICE_BAN_AFTER) is 3 and redis.url is not set: bans are kept in Redis; set redis.url (SLUICE_REDIS_URL)",
  },
  {
    what: "a bound out of range",
    env: {
      SLUICE_BAN_AFTER: "1001",
    },
    says: "ban.after (SLUICE_BAN_AFTER) is 1001: must be a whole number, 0 to 1000",
  },
  {
    what: "a ban that lasts no time",
    env: {
      SLUICE_BAN_FOR_SECONDS: "0",
    },
    says: "ban.forSeconds (SLUICE_BAN_FOR_SECONDS) is 0: must be a whole number of seconds, 1 or more",
  },
  {
    what: "an exception that is no network",
    env: {
      SLUICE_BAN_EXCEPT: "10.0.0.0/8, lb",
    },
    says: 'ban.except (SLUICE_BAN_EXCEPT) has "lb": must be addresses or CIDRs',
  },
  {
    what: "exceptions that are no list",
    toml: "[ban]\nexcept = 4",
    says: "ban.except ({toml}) is 4: must be a list of addresses and CIDRs",
  },
  {
    what: "a journal smaller than two segments",
    toml: "[journal]\nmaxBytes = 1000",
    says: "journal.maxBytes ({toml}) is 1000: must be at least twice journal.segmentBytes, which is 67108864",
  },
  {
    what: "a certificate without key",
    env: {
      SLUICE_HTTP_TLS_CERT: "{dir}/one.crt",
    },
    says: "http.tls.cert (SLUICE_HTTP_TLS_CERT) is set and http.tls.key is not: set both, or neither",
  },
  {
    what: "the key of another certificate",
    env: {
      SLUICE_HTTP_TLS_CERT: "{dir}/one.crt",
      SLUICE_HTTP_TLS_KEY: "{dir}/other.key",
    },
    says: "http.tls.key (SLUICE_HTTP_TLS_KEY) names {dir}/other.key, which is not the key of the certificate that http.tls.cert (SLUICE_HTTP_TLS_CERT) names, {dir}/one.crt: name the two that were made together",
  },
  {
    what: "a certificate and a key that are not there",
    env: {
      SLUICE_HTTP_TLS_CERT: "{dir}/a.crt",
      SLUICE_HTTP_TLS_KEY: "{dir}/a.key",
    },
    says: [
      "http.tls.cert (SLUICE_HTTP_TLS_CERT) names {dir}/a.crt, which is not there (ENOENT): put it there, or name another",
      "http.tls.key (SLUICE_HTTP_TLS_KEY) names {dir}/a.key, which is not there (ENOENT): put it there, or name another",
    ],
  },
  {
    what: "a key for a CA",
    env: {
      SLUICE_KAFKA_TLS_CA: "{dir}/one.key",
    },
    says: "kafka.tls.ca (SLUICE_KAFKA_TLS_CA) names {dir}/one.key, which holds a private key: name a file that begins with -----BEGIN CERTIFICATE-----",
  },
  {
    what: "a certificate for a key",
    env: {
      SLUICE_HTTP_TLS_CERT: "{dir}/one.crt",
      SLUICE_HTTP_TLS_KEY: "{dir}/one.crt",
    },
    says: "http.tls.key (SLUICE_HTTP_TLS_KEY) names {dir}/one.crt, which holds a certificate: name the file with its private key",
  },
  {
    what: "an empty file for a CA",
    env: {
      SLUICE_KAFKA_TLS_CA: "{dir}/empty",
    },
    says: "kafka.tls.ca (SLUICE_KAFKA_TLS_CA) names {dir}/empty, which holds no certificate in PEM: name a file that begins with -----BEGIN CERTIFICATE-----",
  },
  {
    what: "a folder for a CA",
    env: {
      SLUICE_KAFKA_TLS_CA: "{dir}/folder",
    },
    says: "kafka.tls.ca (SLUICE_KAFKA_TLS_CA) names {dir}/folder, which is a folder (EISDIR): name a file in it",
  },
  {
    what: "a CA for a Redis without TLS",
    env: {
      SLUICE_REDIS_URL: "redis://h",
      SLUICE_REDIS_TLS_CA: "{dir}/one.crt",
    },
    says: "redis.tls.ca (SLUICE_REDIS_TLS_CA) is set and redis.url (SLUICE_REDIS_URL) begins with redis://: begin it with rediss:// for TLS",
  },
  {
    what: "a user of Redis without password",
    env: {
      SLUICE_REDIS_URL: "redis://h",
      SLUICE_REDIS_USER: "sluice",
    },
    says: "redis.user (SLUICE_REDIS_USER) is set and no password is, in redis.url (SLUICE_REDIS_URL) neither: set redis.password (SLUICE_REDIS_PASSWORD_FILE)",
  },
  {
    what: "TLS that is off and has a CA",
    toml: "[kafka.tls]\nenabled=false\nca='{dir}/one.crt'",
    says: "kafka.tls.enabled ({toml}) is false and kafka.tls.ca ({toml}) is set: take one of them away",
  },
  {
    what: "a password without mechanism",
    env: {
      SLUICE_KAFKA_SASL_PASSWORD: "hunter2",
    },
    says: "kafka.sasl.password (SLUICE_KAFKA_SASL_PASSWORD) is set and kafka.sasl.mechanism is not: set kafka.sasl.mechanism, such as to SCRAM-SHA-512",
  },
  {
    what: "a mechanism that is none",
    env: {
      SLUICE_KAFKA_SASL_MECHANISM: "GSSAPI",
    },
    says: 'kafka.sasl.mechanism (SLUICE_KAFKA_SASL_MECHANISM) is "GSSAPI": must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER',
  },
  {
    what: "a mechanism without password",
    env: {
      SLUICE_KAFKA_SASL_MECHANISM: "PLAIN",
      SLUICE_KAFKA_SASL_USERNAME: "u",
    },
    says: "kafka.sasl.mechanism (SLUICE_KAFKA_SASL_MECHANISM) is PLAIN and kafka.sasl.password is not set: set it",
  },
  {
    what: "a mechanism without user and password",
    env: {
      SLUICE_KAFKA_SASL_MECHANISM: "PLAIN",
    },
    says: "kafka.sasl.mechanism (SLUICE_KAFKA_SASL_MECHANISM) is PLAIN and kafka.sasl.username, kafka.sasl.password are not set: set them",
  },
  {
    what: "a password for tokens",
    env: {
      SLUICE_KAFKA_SASL_MECHANISM: "OAUTHBEARER",
      SLUICE_KAFKA_SASL_PASSWORD: "hunter2",
      SLUICE_KAFKA_SASL_TOKEN_FILE: "/t",
    },
    says: "kafka.sasl.mechanism (SLUICE_KAFKA_SASL_MECHANISM) is OAUTHBEARER and kafka.sasl.password (SLUICE_KAFKA_SASL_PASSWORD) is set, for PLAIN and SCRAM: take one of them away",
  },
  {
    what: "tokens from nowhere",
    env: {
      SLUICE_KAFKA_SASL_MECHANISM: "OAUTHBEARER",
    },
    says: "kafka.sasl.mechanism (SLUICE_KAFKA_SASL_MECHANISM) is OAUTHBEARER and kafka.sasl.tokenEndpoint, kafka.sasl.clientId, kafka.sasl.clientSecret are not set: set them; or set kafka.sasl.tokenFile",
  },
  {
    what: "tokens from two places",
    toml: "[kafka.sasl]\nmechanism='OAUTHBEARER'\ntokenEndpoint='https://id/t'\nclientId='c'\nclientSecret='hunter2'\ntokenFile='/t'",
    says: "kafka.sasl.tokenFile ({toml}) and kafka.sasl.tokenEndpoint ({toml}) are both set: take one of them away",
  },
  {
    what: "a token endpoint in the clear",
    toml: "[kafka.sasl]\nmechanism='OAUTHBEARER'\ntokenEndpoint='http://id.example/t'\nclientId='c'\nclientSecret='hunter2'",
    says: "kafka.sasl.tokenEndpoint ({toml}) begins with http://: the secret would go unprotected; use https://",
  },
  {
    what: "another scheme for a token endpoint",
    toml: "[kafka.sasl]\nmechanism='OAUTHBEARER'\ntokenEndpoint='ftp://id.example/t'\nclientId='c'\nclientSecret='hunter2'",
    says: 'kafka.sasl.tokenEndpoint ({toml}) is "ftp://id.example/t": must be the URL of a token endpoint, https://…, without user and password',
  },
  {
    what: "a topic for what is no stream",
    env: {
      SLUICE_KAFKA_TOPICS: "login=x",
    },
    says: "kafka.topics.login (SLUICE_KAFKA_TOPICS): no such setting; did you mean kafka.topics.logins?",
  },
  {
    what: "a topic with a space in its name",
    env: {
      SLUICE_KAFKA_TOPICS: "logins=a b",
    },
    says: 'kafka.topics.logins (SLUICE_KAFKA_TOPICS) is "a b": must be 1 to 249 of the characters A-Z a-z 0-9 . _ -',
  },
  {
    what: "topics that are no map",
    toml: "[kafka]\ntopics = 'all'",
    says: 'kafka.topics ({toml}) is "all": must give topics by stream, such as logins = "corp.logins"',
  },
  {
    what: "dead letters among events",
    env: {
      SLUICE_KAFKA_TOPICS: "*=all, dead-letters=all",
    },
    says: "kafka.topics (SLUICE_KAFKA_TOPICS): dead-letters and bridge both go to all, which only streams of events may share: name another topic for one of them",
  },
  {
    what: "more replicas than Kafka can count",
    toml: "[kafka]\nreplicationFactor = 40000",
    says: "kafka.replicationFactor ({toml}) is 40000: must be a whole number, 1 to 32767",
  },
  {
    what: "no partitions",
    toml: "[kafka]\npartitions = 0",
    says: "kafka.partitions ({toml}) is 0: must be a whole number, 1 or more",
  },
  {
    what: "a prefix that no topic can have",
    toml: "[kafka]\ntopicPrefix = 'a b'",
    says: 'kafka.topicPrefix ({toml}) is "a b": must be at most 200 of the characters A-Z a-z 0-9 . _ -',
  },
  {
    what: "a type of event that is never left out",
    toml: "[events.publish]\n'login.refused' = 0.5",
    says: "events.publish.login.refused ({toml}) is 0.5: must not stand here: it is always published; heartbeat.allowed, workconn.allowed, request.allowed, response.seen, request.completed can be left out",
  },
  {
    what: "a share in per cent",
    env: {
      SLUICE_EVENTS_PUBLISH: "heartbeat.allowed=10%",
    },
    says: 'events.publish.heartbeat.allowed (SLUICE_EVENTS_PUBLISH) is "10%": must be on, off, or a share from 0 to 1, such as 0.1',
  },
  {
    what: "a projection that is none",
    env: {
      SLUICE_EVENTS_PROJECTIONS: "ocsf,splunk",
    },
    says: 'events.projections (SLUICE_EVENTS_PROJECTIONS) has "splunk": must be a list of "ocsf", "ecs" and "flat"',
  },
  {
    what: "a path without its slash",
    env: {
      SLUICE_HTTP_PATH: "handler",
    },
    says: 'http.path (SLUICE_HTTP_PATH) is "handler": must be a path such as /handler: begin with /, not end with one, and hold none of ? # : *',
  },
  {
    what: "a file that is not TOML",
    toml: "[http\nport = 1",
    says: "{toml}: is not TOML in line 1, column 6 (illegal character in key): mend that line",
  },
  {
    what: "a key that stands twice",
    toml: "[http]\nport = 1\nport = 2",
    says: "{toml}: is not TOML in line 3, column 1 (trying to redefine an already defined table or value): mend that line",
  },
  {
    what: "a group that stands twice",
    toml: "[http]\nport = 1\n[http]\nhost = 'x'",
    says: "{toml}: is not TOML in line 3, column 2 (trying to redefine an already defined table or value): mend that line",
  },
  {
    what: "a secret whose quotes do not end",
    toml: "[http]\nauth = 'u:hunter2\n",
    says: "{toml}: is not TOML in line 2, column 18 (control characters are not allowed in strings): mend that line",
  },
  {
    what: "a date for a name",
    toml: "node = 2024-01-01",
    says: 'node ({toml}) is "2024-01-01": must be text, not empty; in TOML in quotes',
  },
  {
    what: "eleven at once, each told and none that only follows from another",
    toml: "htpp = 3\n[kafka]\nbrokers = 'x'\n[journal]\nmaxBytes = 1000",
    env: {
      SLUICE_HTTP_TLS_CERT: "{dir}/a.crt",
      SLUICE_REDIS_TLS_CA: "{dir}/nowhere",
      SLUICE_REDIS_URL: "redis://h",
      SLUICE_LOG_LEVEL: "x",
      SLUICE_BAN_AFTER: "-3",
      SLUICE_HTTP_AUTH_FILE: "/nope",
      SLUICE_HTTP_HOST: "::",
      SLUICE_ADMIN_HOST: "0.0.0.0",
    },
    says: [
      "SLUICE_HTTP_AUTH_FILE (http.auth) names /nope, which is not there (ENOENT): put it there, or name another",
      "ban.after (SLUICE_BAN_AFTER) is -3: must be a whole number, 0 to 1000",
      'kafka.brokers ({toml}) is "x": must be a list of host:port, such as ["kafka-1:9092"]',
      'log.level (SLUICE_LOG_LEVEL) is "x": must be one of debug, info, warn, error',
      "htpp ({toml}): no such setting; take it away (sluice config --table lists all)",
      'admin.host (SLUICE_ADMIN_HOST) is "0.0.0.0", beyond loopback, and admin.token is not set: set admin.token (SLUICE_ADMIN_TOKEN)',
      "journal.maxBytes ({toml}) is 1000: must be at least twice journal.segmentBytes, which is 67108864",
      "http.tls.cert (SLUICE_HTTP_TLS_CERT) is set and http.tls.key is not: set both, or neither",
      "redis.tls.ca (SLUICE_REDIS_TLS_CA) is set and redis.url (SLUICE_REDIS_URL) begins with redis://: begin it with rediss:// for TLS",
      "http.tls.cert (SLUICE_HTTP_TLS_CERT) names {dir}/a.crt, which is not there (ENOENT): put it there, or name another",
      "redis.tls.ca (SLUICE_REDIS_TLS_CA) names {dir}/nowhere, which is not there (ENOENT): put it there, or name another",
    ],
  },
  {
    what: "a password in a URL where none belongs",
    env: {
      SLUICE_HTTP_HOST: "http://u:hunter2@h",
      SLUICE_KAFKA_BROKERS: "kafka://u:hunter2@h:1",
    },
    says: [
      'http.host (SLUICE_HTTP_HOST) is "http://***@h": must be an address or name of this machine by itself, such as 127.0.0.1, without scheme or port',
      'kafka.brokers (SLUICE_KAFKA_BROKERS) has "kafka://***@h:1": must be host:port, such as kafka-1:9092, without a scheme',
    ],
  },
  {
    what: "an empty path",
    env: {
      SLUICE_DATA_DIR: "",
    },
    says: "data.dir (SLUICE_DATA_DIR) is empty: must be a path, not empty and without spaces around it",
  },
];
