/** The query of /v1/sessions, and what is wrong with it. */
import { parseNetwork } from "../policy/addresses.ts";
import { proxyName } from "../pseudonyms/content.ts";
import type { Names } from "../pseudonyms/names.ts";
import type { Pseudonyms } from "../pseudonyms/pseudonyms.ts";
import type { SessionFilter } from "../sessions/listing.ts";
import { hint } from "../spelling.ts";

const names = ["user", "proxy", "node", "ip", "limit"];
const usualLimit = 1000;
const mostListed = 100_000;

export function sessionFilterIn(
  query: Readonly<Record<string, string>>,
  pseudonyms: Pseudonyms | null,
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
  const filter = {
    users: user === undefined ? undefined : [user],
    proxies: proxy === undefined ? undefined : [proxy],
    node,
    networks: network === undefined ? undefined : [network],
    limit: Number(limit),
  };
  return pseudonyms === null ? filter : withPseudonyms(filter, user, pseudonyms);
}

/** What was open before events.pseudonyms was set bears true names, and pseudonyms may be asked for as they are told. */
function withPseudonyms(
  filter: SessionFilter,
  user: string | undefined,
  { kinds, names }: Pseudonyms,
): SessionFilter | { readonly problem: string } {
  const { users, proxies, networks } = filter;
  const isWide = networks?.some(
    ({ text, length }) => text.includes("/") && !(text.includes(":") && length === 64),
  );
  if (kinds.has("ip") && isWide)
    return {
      problem:
        "ip must be one address, or a /64 of IPv6: events.pseudonyms hides which network others are in",
    };
  const told = networks?.map(({ text }) => parseNetwork(names.network(text))!);
  return {
    ...filter,
    ...(kinds.has("user") && {
      users: users?.flatMap((name) => [name, names.user(name)]),
      proxies: proxies?.flatMap((name) => [name, ...toldProxies(name, user, names)]),
    }),
    ...(kinds.has("ip") && { networks: networks?.concat(told ?? []) }),
  };
}

/** Of whose user it is there is no telling: each of its dots may be where the user's name ends. */
function toldProxies(name: string, user: string | undefined, names: Names): string[] {
  if (user !== undefined) return [proxyName(name, user, names)];
  return [...name.matchAll(/\./g)].map(({ index }) => proxyName(name, name.slice(0, index), names));
}
