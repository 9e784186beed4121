/** How long certificates are good for. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { TlsFiles } from "../../tls/files.ts";
import { type Finding, green, red, yellow } from "./finding.ts";

const dayMs = 86_400_000;
const soonDays = 14;

/** Those of our own files that can be read; those that cannot are a matter of the settings. */
export async function ownCertificates(group: string, files: TlsFiles, nowMs: number): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const name of ["ca", "cert"] as const) {
    const path = files[name];
    const certificate = path === undefined ? null : await certificateIn(path);
    if (certificate === null) continue;
    const what = `${group}.${name}`;
    const next = `put a new one into ${path}; it is taken without a restart`;
    found.push(validity(what, certificate, nowMs, next));
  }
  return found;
}

/** @param next what to do when it ends soon, or has ended */
export function validity(
  what: string,
  { validFrom, validTo }: Pick<X509Certificate, "validFrom" | "validTo">,
  nowMs: number,
  next: string,
): Finding {
  const leftDays = Math.floor((Date.parse(validTo) - nowMs) / dayMs);
  const ends = new Date(validTo).toISOString().slice(0, 10);
  if (Date.parse(validFrom) > nowMs)
    return red(what, `not valid before ${validFrom}`, "is this machine's clock right?");
  if (Date.parse(validTo) <= nowMs) return red(what, `ended on ${ends}`, next);
  const seen = `${leftDays} ${leftDays === 1 ? "day" : "days"} left, until ${ends}`;
  return leftDays < soonDays ? yellow(what, seen, next) : green(what, seen);
}

async function certificateIn(path: string): Promise<X509Certificate | null> {
  try {
    return new X509Certificate(await readFile(path));
  } catch {
    return null;
  }
}
