/** Certificates for tests, made here: an authority, and what it signs, in PEM (RFC 5280; keys are PKCS #8 on P-256). */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  readonly name?: string;
  /** Names and IPv4 addresses of a server; none for a client. */
  readonly hosts?: readonly string[];
  /** By default a day from now; in the past for one that has expired. */
  readonly until?: Date;
}

const hourMs = 3_600_000;

export class Authority {
  readonly cert: string;
  readonly #key: KeyObject;
  readonly #name: Buffer;

  constructor(name = "Test CA") {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = privateKey;
    this.#name = distinguished(name);
    const isCa = extension("2.5.29.19", true, sequence(tagged(0x01, Buffer.from([0xff]))));
    const signsCertificates = extension("2.5.29.15", true, bits(Buffer.from([0x04]), 2));
    this.cert = this.#signed(this.#name, publicKey, [isCa, signsCertificates], inADay());
  }

  issue({ name = "test", hosts = [], until = inADay() }: CertificateOptions = {}): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const names = hosts.map((host) =>
      isIPv4(host) ? tagged(0x87, Buffer.from(host.split(".").map(Number))) : tagged(0x82, Buffer.from(host)),
    );
    const extensions = names.length === 0 ? [] : [extension("2.5.29.17", false, sequence(...names))];
    return {
      cert: this.#signed(distinguished(name), publicKey, extensions, until),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  #signed(subject: Buffer, key: KeyObject, extensions: readonly Buffer[], until: Date): string {
    const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));
    const from = new Date(Math.min(Date.now(), until.getTime()) - hourMs);
    const version3 = tagged(0xa0, integer(Buffer.from([2])));
    const toBeSigned = sequence(
      version3,
      integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      ecdsaWithSha256,
      this.#name,
      sequence(time(from), time(until)),
      subject,
      key.export({ type: "spki", format: "der" }),
      ...(extensions.length === 0 ? [] : [tagged(0xa3, sequence(...extensions))]),
    );
    const signature = sign("sha256", toBeSigned, this.#key);
    const der = sequence(toBeSigned, ecdsaWithSha256, bits(signature, 0));
    const lines = der.toString("base64").match(/.{1,64}/g)!;
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

function inADay(): Date {
  return new Date(Date.now() + 24 * hourMs);
}

function distinguished(name: string): Buffer {
  const commonName = sequence(objectId("2.5.4.3"), tagged(0x0c, Buffer.from(name)));
  return sequence(tagged(0x31, commonName));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectId(id), ...flag, tagged(0x04, value));
}

function time(at: Date): Buffer {
  return tagged(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));
}

function objectId(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  return tagged(0x06, Buffer.from([first! * 40 + second!, ...rest.flatMap(inSevens)]));
}

function inSevens(number: number): number[] {
  const digits = [number & 0x7f];
  for (let left = number >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function integer(content: Buffer): Buffer {
  return tagged(0x02, content);
}

function bits(content: Buffer, unused: number): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([unused]), content]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
