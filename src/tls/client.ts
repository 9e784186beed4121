/**
 * Our side of TLS towards Kafka and Redis: what we trust, and who we say we are.
 *
 *   none ──the files are read──▶ in force ──a file has changed, and all can be used──▶ in force, the new ones
 *                                   └──they cannot──▶ the old ones stay in force, said once
 *
 * Asked for each connection, so that a new certificate counts from the next one on.
 */
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { SluiceError, textOf } from "../errors.ts";
import { readTlsFiles, type TlsFiles, versionOf } from "./files.ts";

export class ClientTls {
  readonly #group: string;
  readonly #files: TlsFiles;
  #inForce: { readonly version: string; readonly context: SecureContext } | null = null;
  /** A version that could not be used. */
  #broken = "";

  /** @param group the settings' name: `kafka.tls` */
  constructor(group: string, files: TlsFiles) {
    this.#group = group;
    this.#files = files;
  }

  /**
   * @param warn told once of each new version that cannot be used
   * @throws SluiceError config_invalid when the files cannot be used, and never could
   */
  context(warn: (problem: string) => void): SecureContext {
    const version = versionOf(this.#files);
    if (this.#inForce !== null && (version === this.#inForce.version || version === this.#broken)) {
      return this.#inForce.context;
    }
    try {
      const { ca = systemCa(), cert, key } = readTlsFiles(this.#group, this.#files);
      const context = createSecureContext({ ca, ...(cert && { cert }), ...(key && { key }) });
      this.#inForce = { version, context };
    } catch (thrown) {
      const problem = thrown instanceof SluiceError ? thrown.message : `${this.#group}: ${textOf(thrown)}`;
      if (this.#inForce === null) throw new SluiceError("config_invalid", problem, { cause: thrown });
      this.#broken = version;
      warn(problem);
    }
    return this.#inForce.context;
  }
}

let known: string[] | null = null;

/** Those that this system trusts, and those that Node brings along; reading them takes a while. */
export function systemCa(): string[] {
  known ??= [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
  return known;
}
