/** OCSF's objects: who, from where, to where, how much. Each is left out where nothing names it. */
import type { Facts } from "./facts.ts";
import { isListed } from "./ocsf-classes.ts";

/** Null fields stand for none. */
export type Fields = Record<string, unknown>;

/** Without what is null or undefined; undefined when nothing is left. */
export function known(fields: Fields): Fields | undefined {
  const there = Object.entries(fields).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  return there.length === 0 ? undefined : Object.fromEntries(there);
}

export function user({ user: name, client }: Facts): Fields | undefined {
  if (name === null) return undefined;
  if (name !== "") return { name, ...(client !== null && { uid_alt: client }) };
  // Someone may be called so, hence the type.
  return { name: "anonymous", type: "Anonymous", type_id: 99, ...(client !== null && { uid_alt: client }) };
}

/** Of a user connection or a request the visitor, else the client. */
export function source(facts: Facts): Fields | undefined {
  const { remoteIp, remotePort, clientIp, clientPort, clientHostname, client, stream, type } = facts;
  const isVisitor = stream === "user-sessions" || stream === "http-requests";
  if (isVisitor || type === "op.malformed")
    return remoteIp === null ? undefined : known({ ip: remoteIp, port: remotePort });
  const endpoint = known({
    ip: remoteIp ?? clientIp,
    port: remoteIp === null ? clientPort : remotePort,
    hostname: clientHostname,
    uid: client,
  });
  // A port alone names nobody.
  return endpoint && (endpoint.ip ?? endpoint.hostname ?? endpoint.uid) === undefined ? undefined : endpoint;
}

/** The proxy or route, as its node offers it, and whose it is. */
export function destination(facts: Facts): Fields | undefined {
  const { proxy, proxyPort, domain, domains, route, node, target, source: from } = facts;
  return known({
    name: proxy ?? route,
    svc_name: node || from,
    hostname: domain ?? domains[0],
    port: proxyPort,
    uid: target,
    owner: user(facts),
  });
}

const udp: ReadonlySet<string | null> = new Set(["udp", "sudp"]);
const inbound = { direction_id: 1, direction: "Inbound" } as const;

export function connection({ sessionId, sessionKey, proxyType }: Facts): Fields {
  return {
    ...inbound,
    ...(proxyType !== null && { protocol_name: udp.has(proxyType) ? "udp" : "tcp" }),
    ...known({ uid: sessionId ?? sessionKey }),
  };
}

/** Totals. To OCSF "in" is what the source gets, to Sluice what it sends. */
export function traffic({ bytesIn, bytesOut }: Facts): Fields | undefined {
  const total = bytesIn !== null && bytesOut !== null ? bytesIn + bytesOut : null;
  return known({ bytes_out: bytesIn, bytes_in: bytesOut, bytes: Number.isSafeInteger(total) ? total : null });
}

/** When an inferred end was nobody knows. */
export function span({ startedMs, endedMs, endInferred, durationMs }: Facts): Fields | undefined {
  return known({ start_time: startedMs, end_time: endInferred ? null : endedMs, duration: durationMs });
}

export function httpRequest({ requestId, method, path, domain }: Facts): Fields {
  const url = path === null ? undefined : known({ path, hostname: domain });
  return { ...known({ uid: requestId, http_method: isListed(method) ? method : null, url }) };
}

/** Values that one searches for, with where they stand. */
export function observables(event: Fields): Fields[] | undefined {
  const found = observed.flatMap(([name, typeId, type]) => {
    const value = name.split(".").reduce<unknown>((at, field) => (at as Fields | undefined)?.[field], event);
    return typeof value === "string" ? [{ name, type_id: typeId, type, value }] : [];
  });
  return found.length === 0 ? undefined : found;
}

const observed = [
  ["src_endpoint.ip", 2, "IP Address"],
  ["src_endpoint.hostname", 1, "Hostname"],
  ["dst_endpoint.hostname", 1, "Hostname"],
  ["http_request.url.hostname", 1, "Hostname"],
  ["user.name", 4, "User Name"],
  ["dst_endpoint.owner.name", 4, "User Name"],
  ["actor.user.name", 4, "User Name"],
] as const;
