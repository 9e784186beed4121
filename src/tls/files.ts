/** The files of TLS as settings name them: a CA, a certificate and its key, each in PEM. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { SluiceError, textOf } from "../errors.ts";

/** Paths. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What stands in them. */
export interface TlsContents {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const fileNames = ["ca", "cert", "key"] as const;

/**
 * @param group the settings' name: `kafka.tls`
 * @throws SluiceError config_invalid, naming the setting, when a file cannot be read, holds something else, or the key is
 *   not the certificate's
 */
export function readTlsFiles(group: string, files: TlsFiles): TlsContents {
  const contents: { -readonly [Name in keyof TlsContents]: TlsContents[Name] } = {};
  for (const name of fileNames) {
    const path = files[name];
    if (path !== undefined) contents[name] = read(`${group}.${name}`, path);
  }
  const { ca, cert, key } = contents;
  if (ca !== undefined) certificateIn(`${group}.ca`, files.ca!, ca);
  if (cert === undefined || key === undefined) return contents;
  const leaf = certificateIn(`${group}.cert`, files.cert!, cert);
  if (!leaf.checkPrivateKey(keyIn(`${group}.key`, files.key!, key))) {
    throw invalid(
      `${group}.key (${files.key}) is not the key of the certificate ${group}.cert (${files.cert})`,
    );
  }
  return contents;
}

/** Changes whenever what stands in the files may have. */
export function versionOf(files: TlsFiles): string {
  return fileNames.map((name) => versionOfFile(files[name])).join(", ");
}

/** "absent" when there is none. */
export function versionOfFile(path: string | undefined): string {
  const stat = path === undefined ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "absent" : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw invalid(`${setting} (${path}) cannot be read (${(thrown as NodeJS.ErrnoException).code})`);
  }
}

function certificateIn(setting: string, path: string, content: Buffer): X509Certificate {
  try {
    return new X509Certificate(content);
  } catch {
    throw invalid(`${setting} (${path}) holds no certificate in PEM`);
  }
}

function keyIn(setting: string, path: string, content: Buffer): KeyObject {
  try {
    return createPrivateKey(content);
  } catch (thrown) {
    const locked = /passphrase|password|ENCRYPTED/i.test(textOf(thrown)) || content.includes("ENCRYPTED");
    const what = locked ? "is locked with a passphrase: give it without one" : "holds no private key in PEM";
    throw invalid(`${setting} (${path}) ${what}`);
  }
}

function invalid(text: string): SluiceError {
  return new SluiceError("config_invalid", text);
}
