/** Why a file that a setting names cannot be read, and the way out. */
/** Goes on from `http.tls.cert names tls.crt, which`. */
export function whyUnreadable(thrown: unknown): string {
  const code = (thrown as NodeJS.ErrnoException).code ?? "no code";
  if (code === "ENOENT" || code === "ENOTDIR") return `is not there (${code}): put it there, or name another`;
  if (code === "EACCES") return `cannot be read (${code}): let the bridge's user read it`;
  if (code === "EISDIR") return `is a folder (${code}): name a file in it`;
  return `cannot be read (${code}): name another`;
}
