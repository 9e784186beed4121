/** Where the policy's Redis is, and as whom we come. */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { SecureContext } from "node:tls";
import { SluiceError } from "../errors.ts";
import { ClientTls } from "../tls/client.ts";
import type { TlsFiles } from "../tls/files.ts";

export interface RedisSettings {
  /** `redis://[user[:password]@]host[:port][/db]`, or rediss:// for TLS. */
  readonly url: string;
  /** Before every key: `sluice:`. */
  readonly prefix: string;
  /** These outrank the ones in the URL. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Paths of PEM files, for rediss://; read anew when they have changed. */
  readonly tls?: TlsFiles | undefined;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly user: string | null;
  readonly password: string | null;
  readonly tls: ClientTls | null;
  /** `host:port/db`, fit for logs. */
  readonly text: string;
}

/** @throws SluiceError config_invalid; its text does not quote the URL, which may hold a password */
export function redisAddress({ url, user, password, tls }: RedisSettings): RedisAddress {
  const parsed = URL.parse(url);
  const db = parsed?.pathname.match(/^\/?(\d*)$/)?.[1];
  if (!parsed || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === "" || db === undefined) {
    throw new SluiceError(
      "config_invalid",
      "redis.url (SLUICE_REDIS_URL) must look like redis://user:password@host:6379/0, with rediss:// for TLS " +
        "and with percent-encoding for special characters in user and password",
    );
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(parsed.port || 6379);
  return {
    host,
    port,
    db: Number(db),
    user: user ?? orNull(parsed.username),
    password: password ?? orNull(parsed.password),
    tls: parsed.protocol === "rediss:" ? new ClientTls("redis.tls", tls ?? {}) : null,
    text: `${host.includes(":") ? `[${host}]` : host}:${port}/${Number(db)}`,
  };
}

/** Names a Redis and the prefix in it; neither credentials nor the host can be read from it. */
export function redisSourceId(settings: RedisSettings): string {
  const { text } = redisAddress(settings);
  const hash = createHash("sha256").update(`${text} ${settings.prefix}`).digest("hex");
  return `redis:${hash.slice(0, 16)}:${settings.prefix}`;
}

export interface TlsOptions {
  /** None for an address, which a client may not name so (RFC 6066, 3). */
  readonly servername?: string;
  readonly secureContext: SecureContext;
}

/**
 * For node:tls.
 * @param warn told once of each new certificate that cannot be used, while the old one stays in force
 * @throws SluiceError config_invalid when the files cannot be used, and never could
 */
export function tlsOptions({ host, tls }: RedisAddress, warn: (problem: string) => void): TlsOptions {
  return { ...(isIP(host) === 0 && { servername: host }), secureContext: tls!.context(warn) };
}

function orNull(encoded: string): string | null {
  try {
    return encoded === "" ? null : decodeURIComponent(encoded);
  } catch {
    // A lone % that a lenient reader would take as it stands.
    return encoded;
  }
}
