import { nearest } from "../spelling.ts";

/** The ops that frps and prox speak of today. Rules may name others too: ops get invented. */
const opNames = [
  "Login",
  "NewProxy",
  "CloseProxy",
  "Ping",
  "NewWorkConn",
  "NewUserConn",
  "CloseUserConn",
  "on_connect",
  "on_request",
  "on_response",
  "on_disconnect",
] as const;
const known: ReadonlySet<string> = new Set(opNames);

/**
 * The op that a rule's author most likely meant by a name that is almost, but not quite, a known op's.
 * A rule limited to `newproxy` would never be asked, so such a name must not be taken as it stands.
 */
export function misspeltOp(name: string): string | null {
  return known.has(name) ? null : nearest(name, opNames);
}
