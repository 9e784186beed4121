/** The files of TLS, looked into before anything depends on them. */
import { statSync } from "node:fs";
import { type TlsFiles, tlsProblems } from "../tls/files.ts";
import type { Settings } from "./settings.ts";

type Groups = Pick<Settings, "http" | "redis" | "kafka">;

/** What cannot be used, each with its setting. */
export function tlsFileProblems(settings: Groups): string[] {
  return Object.entries(groupsOf(settings)).flatMap(([group, files]) => tlsProblems(group, files));
}

/** What deserves a word in the log, and keeps nothing from working. */
export function securityRemarks(settings: Groups): string[] {
  const { mechanism } = settings.kafka.sasl;
  const { enabled, ca, cert } = settings.kafka.tls;
  const remarks: string[] = [];
  if ((mechanism === "PLAIN" || mechanism === "OAUTHBEARER") && !(enabled ?? (ca ?? cert) !== undefined)) {
    remarks.push(
      `kafka.sasl.mechanism is ${mechanism} and there is no TLS: who listens on the way has the password; set kafka.tls.enabled`,
    );
  }
  for (const [group, { key }] of Object.entries(groupsOf(settings))) {
    if (key === undefined || !isOpen(key)) continue;
    remarks.push(`${group}.key (${key}) can be read by every user of this machine: chmod 640 would do`);
  }
  return remarks;
}

function groupsOf({ http, redis, kafka }: Groups): Record<string, TlsFiles> {
  return { "http.tls": http.tls, "redis.tls": redis.tls, "kafka.tls": kafka.tls };
}

function isOpen(path: string): boolean {
  if (process.platform === "win32") return false;
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0;
}
