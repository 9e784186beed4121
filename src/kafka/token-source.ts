/**
 * The token for SASL OAUTHBEARER: from a file, read each time, or from an OAuth 2 token endpoint by the client
 * credentials grant (RFC 6749, 4.4).
 *
 *   none ──asked──▶ fetched ──its last fifth, or its last 30 s──▶ fetched anew ahead of its end
 *                      └──the endpoint is away──▶ the old one, as long as it is valid
 *
 * Who asks meanwhile waits for the same fetch. No error holds the secret or a token.
 */
import { readFile } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import { SluiceError, textOf } from "../errors.ts";
import type { Log } from "../forwarder/log.ts";
import type { TokenEndpoint, TokenSettings } from "./settings.ts";

/** What a token endpoint says: by which means is the caller's matter. */
export interface TokenAnswer {
  readonly status: number;
  readonly body: string;
}

/** @throws SluiceError kafka_unavailable, kafka_untrusted */
export type AskEndpoint = (
  url: string,
  headers: Record<string, string>,
  form: string,
) => Promise<TokenAnswer>;

interface Token {
  readonly value: string;
  /** Monotonic. */
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

/** kafkajs signs in anew 10 s before a session's end, by then with another token. */
const aheadMs = 30_000;
/** Where nothing says how long it lasts. */
const unknownLifeMs = 60_000;

export class TokenSource {
  readonly #settings: TokenSettings;
  readonly #ask: AskEndpoint;
  readonly #clock: Clock;
  readonly #log: Log;
  #token: Token | null = null;
  #fetching: Promise<Token> | null = null;
  #failing = false;

  constructor(settings: TokenSettings, ask: AskEndpoint, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#ask = ask;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws SluiceError kafka_denied, kafka_unavailable, kafka_untrusted */
  async token(): Promise<string> {
    const settings = this.#settings;
    if ("file" in settings) return fromFile(settings.file);
    const held = this.#token;
    if (held !== null && this.#clock.monotonic() < held.renewAtMs) return held.value;
    try {
      this.#fetching ??= this.#fetch(settings);
      const { value } = await this.#fetching;
      this.#failing = false;
      return value;
    } catch (thrown) {
      if (held === null || this.#clock.monotonic() >= held.endsAtMs) throw thrown;
      if (!this.#failing)
        this.#log.warn({ problem: textOf(thrown) }, "no new token: going on by the old one");
      this.#failing = true;
      return held.value;
    } finally {
      this.#fetching = null;
    }
  }

  async #fetch({ endpoint, clientId, clientSecret, scope }: TokenEndpoint): Promise<Token> {
    const askedAtMs = this.#clock.monotonic();
    // RFC 6749, 2.3.1: both are form-encoded before they are joined.
    const credentials = [clientId, clientSecret].map((part) => encodeURIComponent(part)).join(":");
    const headers = {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
      authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
    };
    const form = new URLSearchParams({ grant_type: "client_credentials", ...(scope !== null && { scope }) });
    const { status, body } = await this.#ask(endpoint, headers, form.toString());
    const said = fieldsOf(body);
    if (status !== 200) throw refusal(endpoint, status, said);
    const { access_token: value, expires_in: expiresIn } = said;
    if (!isToken(value)) throw denied(`the token endpoint ${endpoint} gave no access_token`);
    const lifeMs = Number(expiresIn) > 0 ? Number(expiresIn) * 1000 : (this.#lifeIn(value) ?? unknownLifeMs);
    const early = Math.min(lifeMs / 2, Math.max(aheadMs, lifeMs / 5));
    this.#token = { value, renewAtMs: askedAtMs + lifeMs - early, endsAtMs: askedAtMs + lifeMs };
    return this.#token;
  }

  /** By the claim `exp` of a JWT; null when it is none. */
  #lifeIn(token: string): number | null {
    const { exp } = fieldsOf(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    return typeof exp === "number" ? Math.max(1, exp * 1000 - this.#clock.now()) : null;
  }
}

async function fromFile(path: string): Promise<string> {
  let text: string;
  try {
    text = (await readFile(path, "utf8")).trim();
  } catch (thrown) {
    throw denied(`kafka.sasl.tokenFile (${path}) cannot be read (${(thrown as NodeJS.ErrnoException).code})`);
  }
  if (!isToken(text)) throw denied(`kafka.sasl.tokenFile (${path}) holds no token`);
  return text;
}

/** RFC 6750, 2.1, of which SASL wants no more; in particular none of its separators. */
function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[\w.~+/=-]+$/.test(value);
}

function refusal(
  endpoint: string,
  status: number,
  { error }: Readonly<Record<string, unknown>>,
): SluiceError {
  // RFC 6749, 5.2: a word; whatever else an answer holds may quote what it was asked.
  const word = typeof error === "string" && /^[a-z_]{1,40}$/.test(error) ? ` ${error}` : "";
  const said = `the token endpoint ${endpoint} (kafka.sasl.tokenEndpoint) answered ${status}${word}`;
  if (status >= 500 || status === 429) return new SluiceError("kafka_unavailable", said, { retryable: true });
  return denied(`${said}: see kafka.sasl.clientId, kafka.sasl.clientSecret and kafka.sasl.scope`);
}

function denied(text: string): SluiceError {
  return new SluiceError("kafka_denied", text);
}

function fieldsOf(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
