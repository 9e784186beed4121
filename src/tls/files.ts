/** The files of TLS as settings name them: a CA, a certificate and its key, each in PEM. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { SluiceError, textOf } from "../errors.ts";
import { whyUnreadable } from "../unreadable.ts";

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
  const { contents, problems } = lookInto(group, files);
  if (problems.length > 0) throw new SluiceError("config_invalid", problems.join("; "));
  return contents;
}

/** @returns what cannot be used, a line for each */
export function tlsProblems(group: string, files: TlsFiles): string[] {
  return lookInto(group, files).problems;
}

function lookInto(group: string, files: TlsFiles): { contents: TlsContents; problems: string[] } {
  const contents: { -readonly [Name in keyof TlsContents]: TlsContents[Name] } = {};
  const problems: string[] = [];
  const attempt = <T>(name: keyof TlsFiles, act: (path: string) => T): T | null => {
    const path = files[name];
    if (path === undefined) return null;
    try {
      return act(path);
    } catch (thrown) {
      problems.push(`${group}.${name} names ${path}, which ${textOf(thrown)}`);
      return null;
    }
  };
  for (const name of fileNames) {
    const content = attempt(name, read);
    if (content !== null) contents[name] = content;
  }
  const { ca, cert, key } = contents;
  if (ca !== undefined) attempt("ca", () => certificateIn(ca));
  const leaf = cert === undefined ? null : attempt("cert", () => certificateIn(cert));
  const own = key === undefined ? null : attempt("key", () => keyIn(key));
  if (leaf !== null && own !== null && !leaf.checkPrivateKey(own)) {
    const remedy = "name the two that were made together";
    problems.push(
      `${group}.key names ${files.key}, which is not the key of the certificate that ${group}.cert names, ${files.cert}: ${remedy}`,
    );
  }
  return { contents, problems };
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

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw new Error(whyUnreadable(thrown));
  }
}

function certificateIn(content: Buffer): X509Certificate {
  try {
    return new X509Certificate(content);
  } catch {
    const what = content.includes("PRIVATE KEY-----") ? "holds a private key" : "holds no certificate in PEM";
    throw new Error(`${what}: name a file that begins with -----BEGIN CERTIFICATE-----`);
  }
}

function keyIn(content: Buffer): KeyObject {
  try {
    return createPrivateKey(content);
  } catch (thrown) {
    const locked = /passphrase|password|ENCRYPTED/i.test(textOf(thrown)) || content.includes("ENCRYPTED");
    if (locked) throw new Error("is locked with a passphrase: give it without one");
    const what = content.includes("BEGIN CERTIFICATE")
      ? "holds a certificate"
      : "holds no private key in PEM";
    throw new Error(`${what}: name the file with its private key`);
  }
}
