/**
 * What stands in the fields of an op's content (frp v0.70 msg.go and server/plugin types; prox's hooks, and HTTP's
 * headers in them). A field that is not named here may hold anything: it is a text.
 */

/**
 * `plain`: stays, but for the op's own address in it. `users`: a list. `addresses`: a list in one text. `forwarded`: as
 * RFC 7239 has it. `type`: of a proxy. `headers`: by their names. `text`: becomes a keyed hash.
 */
export type Treatment =
  | "plain"
  | "user"
  | "proxy"
  | "type"
  | "address"
  | "addresses"
  | "forwarded"
  | "headers"
  | "text";

export type Fields = (name: string) => Treatment | undefined;

function table(names: Partial<Record<Treatment, string>>): Map<string, Treatment> {
  return new Map(
    Object.entries(names).flatMap(([treatment, list]) =>
      list
        .trim()
        .split(/\s+/)
        .map((name) => [name, treatment as Treatment] as const),
    ),
  );
}

/** In every op of frp and prox, known or not. */
const anywhere = {
  user: "user allow_users",
  proxy: "proxy_name",
  address: "remote_addr client_address a",
  headers: "headers response_headers h",
};

const ofFrp = table({
  ...anywhere,
  type: "proxy_type",
  plain: `version os arch privilege_key timestamp run_id pool_count client_spec type always_auth_pass
    use_encryption use_compression bandwidth_limit bandwidth_limit_mode group group_key remote_port custom_domains
    subdomain locations http_pwd host_header_rewrite sk multiplexer`,
});

const ofProx = table({
  ...anywhere,
  plain: "r m p q d ho pr cl bd length sha256 md mg mp tg req resp s rx tx ms",
});

const ofUnknown = table({ ...anywhere, plain: "run_id" });

/** @param known whether it is an op of the protocol that we know */
export function fieldsOf(protocol: "frp" | "prox", known: boolean): Fields {
  const own = known ? (protocol === "frp" ? ofFrp : ofProx) : ofUnknown;
  return (name) => own.get(name);
}

/** Those that hold an address, as proxies and CDNs write them, and those that hold nobody's. */
const headers = table({
  addresses: `x-forwarded-for x-original-forwarded-for x-real-ip x-client-ip client-ip x-cluster-client-ip
    true-client-ip cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 fastly-client-ip fly-client-ip x-remote-ip
    x-remote-addr remote-addr x-envoy-external-address x-appengine-user-ip x-azure-clientip x-azure-socketip`,
  forwarded: "forwarded",
  plain: `accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-credentials
    access-control-allow-headers access-control-allow-methods access-control-allow-origin
    access-control-expose-headers access-control-max-age access-control-request-headers
    access-control-request-method age allow alt-svc cache-control connection content-encoding content-language
    content-length content-location content-range content-security-policy content-type cross-origin-opener-policy
    cross-origin-resource-policy date dnt etag expect expires host if-match if-modified-since if-none-match if-range
    if-unmodified-since keep-alive last-modified link location max-forwards origin pragma priority range referer
    referrer-policy refresh retry-after sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode
    sec-fetch-site sec-fetch-user sec-gpc sec-websocket-extensions sec-websocket-protocol sec-websocket-version server
    strict-transport-security te trailer transfer-encoding upgrade upgrade-insecure-requests user-agent vary
    x-content-type-options x-forwarded-host x-forwarded-port x-forwarded-proto x-frame-options x-powered-by
    x-requested-with x-xss-protection`,
});

export const headerFields: Fields = (name) => headers.get(name.toLowerCase());
