/**
 * The certificate that a port of ours shows, taken anew when its files change.
 *
 *   in force ──a file has changed, and both can be used──▶ in force, the new one
 *      ▲  └──they cannot──▶ doubted ──still, at the next look──▶ broken: the old one stays, said once
 *      └───────both can be used──────────────────────────────────┘
 *
 * Certificate and key are two files: between the writing of the one and of the other they do not fit, and no alarm is
 * raised for that. The files are looked at every second, which sees whatever puts them there, a Kubernetes volume too.
 */
import { X509Certificate } from "node:crypto";
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import { readTlsFiles, type TlsFiles, versionOf } from "./files.ts";

export interface Shown {
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

const lookEveryMs = 1_000;

export class ServerTls {
  readonly #group: string;
  readonly #files: TlsFiles;
  readonly #clock: Clock;
  readonly #log: Log;
  #version = "";
  #expiresMs = 0;
  #doubted = "";
  #broken = "";
  #cancelLook = (): void => {};

  /**
   * @param group the settings' name: `http.tls`
   * @param files with `cert` and `key`
   */
  constructor(group: string, files: TlsFiles, clock: Clock, log: Log) {
    this.#group = group;
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
  }

  /** When the certificate in force ends, milliseconds since 1970. */
  get expiresMs(): number {
    return this.#expiresMs;
  }

  /** @throws SluiceError config_invalid when the files cannot be used */
  read(): Shown {
    const version = versionOf(this.#files);
    const { cert, key } = readTlsFiles(this.#group, this.#files);
    const { validTo, subject } = new X509Certificate(cert!);
    const expiresMs = Date.parse(validTo);
    if (expiresMs < this.#clock.now()) {
      const text = `${this.#group}.cert names ${this.#files.cert}, which expired on ${new Date(expiresMs).toISOString()}: put a new one there; it is taken without a restart`;
      this.#log.warn({ subject }, text);
    }
    this.#version = version;
    this.#expiresMs = expiresMs;
    return { cert: cert!, key: key! };
  }

  /** @param use called with each new certificate; may throw when it is not fit after all */
  watch(use: (shown: Shown) => void): void {
    this.#cancelLook = this.#clock.after(lookEveryMs, () => {
      this.#look(use);
      this.watch(use);
    });
  }

  stop(): void {
    this.#cancelLook();
  }

  #look(use: (shown: Shown) => void): void {
    const [inForce, expiresMs] = [this.#version, this.#expiresMs];
    const version = versionOf(this.#files);
    if (version === inForce || version === this.#broken) return;
    try {
      use(this.read());
      this.#broken = "";
      this.#log.info({ cert: this.#files.cert }, "a new certificate is in force");
    } catch (thrown) {
      this.#version = inForce;
      this.#expiresMs = expiresMs;
      if (version !== this.#doubted) {
        this.#doubted = version;
        return;
      }
      this.#broken = version;
      this.#log.error(
        { problem: textOf(thrown) },
        `a new certificate in ${this.#group}.cert cannot be used; the old one stays in force`,
      );
    }
  }
}
