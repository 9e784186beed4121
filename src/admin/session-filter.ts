/** The query of /v1/sessions, and what is wrong with it. */
import { parseNetwork } from "../policy/addresses.ts";
import type { SessionFilter } from "../sessions/listing.ts";
import { hint } from "../spelling.ts";

const names = ["user", "proxy", "node", "ip", "limit"];
const usualLimit = 1000;
const mostListed = 100_000;

export function sessionFilterIn(
  query: Readonly<Record<string, string>>,
): SessionFilter | { readonly problem: string } {
  for (const name of Object.keys(query)) {
    if (!names.includes(name)) return { problem: `no such filter: ${name}${hint(name, names)}` };
  }
  const { user, proxy, node, ip, limit = String(usualLimit) } = query;
  const network = ip === undefined ? undefined : parseNetwork(ip);
  if (network === null) return { problem: "ip must be an address or a CIDR, such as 203.0.113.0/24" };
  if (!/^\d{1,6}$/.test(limit) || Number(limit) > mostListed) {
    return { problem: `limit must be a whole number up to ${mostListed}` };
  }
  return { user, proxy, node, network, limit: Number(limit) };
}
