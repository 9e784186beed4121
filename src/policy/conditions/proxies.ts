/**
 * `proxies`: which proxies may be opened. Asked at NewProxy, each part by the proxy's type alone: a field that frp left
 * out has its zero value, and a proxy without a type is a tcp proxy (frp v0.70 pkg/config/load.go).
 */
import { z } from "zod";
import type { ReasonCode } from "../../decision.ts";
import { frpProxyTypes, type Op, type ProxyFacts, routedByDomain } from "../../op.ts";
import { canonicalDomain, domainList } from "../domains.ts";
import type { Facts } from "../facts.ts";
import { count, fieldsOf, flag, listOf } from "../written.ts";
import { type Answered, type Condition, counted } from "./condition.ts";
import { type Glob, matchesGlob, parseGlob } from "./glob.ts";

const mostListed = 1000;
const portTypes: ReadonlySet<string> = new Set(["tcp", "udp"]);

const glob = z
  .string({ error: "must be texts" })
  .min(1, "must not hold an empty text")
  .max(256, "must not hold texts of more than 256 characters");
const portForm = 'ports from 0 to 65535, such as 22 or "6000-6100"';
const port = z
  .union([z.number(), z.string()], { error: `must be ${portForm}` })
  .transform((written, issues) => {
    const read = portsIn(written);
    if (read === null) issues.addIssue(`must be ${portForm}`);
    return read ?? { from: 0, to: 0 };
  });
const domainForm = "domains or wildcards such as *.example.com";
const domain = z.string({ error: `must be ${domainForm}` }).transform((written, issues) => {
  const canonical = canonicalDomain(written);
  if (canonical === null) issues.addIssue(`must be ${domainForm}`);
  return canonical ?? "";
});

export const proxiesSchema = fieldsOf({
  names: listOf(glob.transform(parseGlob), "names", mostListed).optional(),
  types: listOf(
    z.enum(frpProxyTypes, { error: `must be of ${frpProxyTypes.join(", ")}` }),
    "types of proxies",
    frpProxyTypes.length,
  ).optional(),
  max: count.optional(),
  requireEncryption: flag.optional(),
  ports: listOf(port, portForm, mostListed).optional(),
  domains: listOf(domain, domainForm, mostListed).transform(domainList).optional(),
  subdomains: listOf(
    glob.transform((written) => parseGlob(written.toLowerCase())),
    "names",
    mostListed,
  ).optional(),
});

const noDomain = domainList([]);

type Wanted = z.infer<typeof proxiesSchema>;

/** In the order in which they are asked. */
export function proxiesOf(wanted: Wanted): readonly Condition[] {
  const { names, types, max, requireEncryption, ports, domains, subdomains } = wanted;
  return [
    names && part("names", "proxy_name", "this proxy name is not allowed", (op) => ofName(op, names)),
    types &&
      part("types", "proxy_type", "this type of proxy is not allowed", (_op, proxy) => {
        const type = proxy.type ?? "tcp";
        const listed = (types as readonly string[]).includes(type);
        return { result: listed ? "pass" : "fail", seen: shown(type) };
      }),
    requireEncryption &&
      part("requireEncryption", "proxy_encryption", "this proxy must use encryption", ({ proxyOptions }) => ({
        result: proxyOptions?.encrypted ? "pass" : "fail",
        seen: proxyOptions?.encrypted ? "use_encryption" : "no use_encryption",
      })),
    ports && part("ports", "proxy_port", "this port is not allowed", (_op, proxy) => ofPort(proxy, ports)),
    (domains || subdomains) &&
      part(domains ? "domains" : "subdomains", "proxy_domain", "this domain is not allowed", (op, proxy) =>
        ofDomains(op, proxy, domains ?? noDomain, subdomains ?? []),
      ),
    max !== undefined &&
      part("max", "too_many_proxies", "too many proxies", (op, proxy, { proxies }) => {
        const others = proxies.others(op.node, op.user ?? "", proxy.name, max);
        return counted(others, max, " others");
      }),
  ].filter((condition) => typeof condition === "object");
}

function part(
  name: string,
  code: ReasonCode,
  reason: string,
  ask: (op: Op, proxy: ProxyFacts, facts: Facts) => Answered,
): Condition {
  return {
    name: `proxies.${name}`,
    code,
    reason,
    ask: (op, facts) =>
      op.name === "NewProxy" && op.proxy !== null ? ask(op, op.proxy, facts) : { result: "skip" },
  };
}

/** `22`, `"6000-6100"`. */
function portsIn(written: number | string): { readonly from: number; readonly to: number } | null {
  const range =
    typeof written === "number" ? [written, written] : /^(\d{1,5})-(\d{1,5})$/.exec(written)?.slice(1);
  if (range === undefined) return null;
  const [from, to] = range.map(Number) as [number, number];
  return Number.isInteger(from) && from >= 0 && from <= to && to <= 65_535 ? { from, to } : null;
}

/**
 * Names are written without their user's prefix, which frpc puts before them. Nothing is no name, not even one for
 * `*`: frp leaves an empty one out.
 */
function ofName({ user, proxy }: Op, names: readonly Glob[]): Answered {
  const full = proxy!.name;
  const own = user && full.startsWith(`${user}.`) ? full.slice(user.length + 1) : full;
  const listed = own !== "" && names.some((glob) => matchesGlob(glob, own));
  return { result: listed ? "pass" : "fail", seen: shown(own) };
}

function ofPort({ type, remotePort }: ProxyFacts, ports: NonNullable<Wanted["ports"]>): Answered {
  if (!portTypes.has(type ?? "tcp")) return { result: "skip" };
  const asked = remotePort ?? 0;
  const listed = ports.some(({ from, to }) => asked >= from && asked <= to);
  return { result: listed ? "pass" : "fail", seen: asked === 0 ? "a port that frps chooses" : String(asked) };
}

/** Every domain that is asked for must be listed: custom ones among the domains, a subdomain in either list. */
function ofDomains(
  { proxyOptions }: Op,
  { type, domains }: ProxyFacts,
  isListed: (domain: string) => boolean,
  listedSubdomains: readonly Glob[],
): Answered {
  if (!routedByDomain.has(type ?? "tcp")) return { result: "skip" };
  const subdomain = proxyOptions?.subdomain ?? null;
  const asSubdomain = subdomain !== null && isSubdomain(subdomain.label, listedSubdomains);
  const missing = domains.find(
    (domain) => !(asSubdomain && domain === subdomain.domain) && !isListed(domain),
  );
  if (missing !== undefined) return { result: "fail", seen: shown(missing) };
  return domains.length === 0 ? { result: "fail", seen: "no domain" } : { result: "pass" };
}

/**
 * frps takes no dots and no stars in a subdomain (frp v0.70 pkg/config/v1/validation/proxy.go). Neither is one here:
 * where the subdomainHost is not known, it would look like a whole domain.
 */
function isSubdomain(label: string, listed: readonly Glob[]): boolean {
  return !/[.*]/.test(label) && listed.some((glob) => matchesGlob(glob, label.toLowerCase()));
}

/** What a client chose, for a log. */
function shown(text: string): string {
  return text.slice(0, 128).toWellFormed();
}
