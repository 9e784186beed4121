/**
 * Domains in the one form in which they are compared: lower case, punycode, no trailing dot.
 *
 * `*.x` stands for every name below x at any depth and not for x itself; `*` for every name. frps routes
 * so: it tries the name, then `*.` with one label less at a time, and last `*` (pkg/util/vhost/http.go).
 */
import { domainToASCII } from "node:url";

/** The longest name that DNS can carry; no rule has a longer one. */
const longestDomain = 253;

const plainName = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const ascii = /^[\x00-\x7f]*$/;
/** domainToASCII reads its argument as a URL's host: these would end or decode it. */
const urlSyntax = /[\s/\\?#@:%[\]<>^|]/;

/** The canonical form of a domain or wildcard; null for what is neither. */
export function canonicalDomain(text: string): string | null {
  if (text.length > 4 * longestDomain) return null;
  const lower = withoutTrailingDot(text.toLowerCase());
  if (lower === "*") return lower;
  const wildcard = lower.startsWith("*.");
  const name = asciiName(wildcard ? lower.slice(2) : lower);
  if (name === null) return null;
  return wildcard ? `*.${name}` : name;
}

/**
 * The domains that a proxy asks for. Nothing is left out that frps might route by: what has no canonical
 * form is compared as it came, in lower case, so that a wildcard rule above it still meets it.
 *
 * frps routes a subdomain as `<subdomain>.<subdomainHost>`. Where the host of that frps is not set, the
 * subdomain stands as a bare label: only the rules `domain:<subdomain>` and `domain:*` meet it, a rule for
 * the full name can't.
 */
export function requestedDomains(
  customDomains: readonly string[],
  subdomain: string,
  subdomainHost: string | null,
): readonly string[] {
  if (customDomains.length === 0 && subdomain === "") return none;
  const domains = new Set<string>();
  // frps skips empty custom domains.
  for (const domain of customDomains) if (domain !== "") domains.add(requestedDomain(domain));
  if (subdomain !== "") {
    domains.add(joinedSubdomain(subdomain, subdomainHost));
  }
  return [...domains];
}

/** The domain that a subdomain stands for. */
export function joinedSubdomain(subdomain: string, subdomainHost: string | null): string {
  return requestedDomain(subdomainHost === null ? subdomain : `${subdomain}.${subdomainHost}`);
}

/** What stands below a wildcard: `example.com` for `*.example.com`, "" for `*`; null if it is no wildcard. */
export function wildcardBase(domain: string): string | null {
  if (domain === "*") return "";
  return domain.startsWith("*.") ? domain.slice(2) : null;
}

/**
 * The wildcards above a domain by their bases: `b.c`, `c` and "" for `a.b.c`, `c` and "" for `*.b.c`.
 *
 * Bases longer than any rule's are left out: a client may send a name of a million labels.
 */
export function* parentsOf(domain: string): Generator<string> {
  if (domain === "*") return;
  const start = domain.startsWith("*.") ? 2 : 0;
  let dot = domain.indexOf(".", Math.max(start, domain.length - longestDomain - 1));
  while (dot >= 0) {
    yield domain.slice(dot + 1);
    dot = domain.indexOf(".", dot + 1);
  }
  yield "";
}

/**
 * Whether one of the listed domains and wildcards holds all of what is asked for; all of them canonical. As many
 * look-ups as that has labels, however many are listed: a client may ask for thousands.
 */
export function domainList(listed: readonly string[]): (asked: string) => boolean {
  const names = new Set(listed);
  const bases = new Set(listed.map(wildcardBase));
  return (asked) => {
    if (names.has(asked)) return true;
    for (const parent of parentsOf(asked)) if (bases.has(parent)) return true;
    return false;
  };
}

const none: readonly string[] = Object.freeze([]);

function requestedDomain(text: string): string {
  return canonicalDomain(text) ?? withoutTrailingDot(text.toLowerCase());
}

function withoutTrailingDot(text: string): string {
  return text.endsWith(".") ? text.slice(0, -1) : text;
}

function asciiName(name: string): string | null {
  if (ascii.test(name)) return plainName.test(name) ? name : null;
  if (urlSyntax.test(name)) return null;
  const converted = withoutTrailingDot(domainToASCII(name));
  return plainName.test(converted) ? converted : null;
}
