import { describe, expect, it } from "vitest";
import { parseRule } from "../../src/policy/rule.ts";
import { redactedValue } from "../../src/policy/rule-value.ts";

function problem(key: string, fields: object): string {
  const rule = parseRule(key, JSON.stringify(fields));
  return rule.readable ? "none" : rule.problem;
}

const hash = `sha256:${"0a".repeat(32)}`;
const ports = 'ports from 0 to 65535, such as 22 or "6000-6100"';
const domains = "domains or wildcards such as *.example.com";
const networks = "must be addresses or CIDRs, such as 203.0.113.0/24";
const windows = "windows such as mon-fri 08:00-18:00";
const zone = "must name an IANA zone, such as Europe/Berlin";
const types = "proxies.types must be of tcp, udp, http, https, tcpmux, stcp, xtcp, sudp";
const opSet = (fields: unknown): object => ({ set: { NewProxy: fields } });

describe("the conditions of a rule", () => {
  it.each([
    { tokens: [hash, hash.toUpperCase().replace("SHA", "sha")] },
    { clientFrom: ["203.0.113.0/24", "2001:db8::/32", "::1", "::ffff:10.0.0.0/104"] },
    { visitorFrom: ["203.0.113.7"] },
    { hours: { zone: "Europe/Berlin", windows: ["mon-fri 08:00-18:00", "sat,sun 22:00-06:00"] } },
    {
      proxies: { names: ["web-*"], types: ["tcp"], max: 0, requireEncryption: false, ports: [0, "0-65535"] },
    },
    { proxies: { domains: ["*", "*.example.com", "bücher.example"], subdomains: ["web-*"] } },
    { limits: { loginsPerMinute: 0, connections: 1, connectionsPerMinute: 2 } },
    { groups: ["staff", "a b:c"] },
    { set: { Login: { user: "a", metas: {} }, Ping: { timestamp: 0 }, NewWorkConn: { privilege_key: "" } } },
    opSet({ bandwidth_limit: "1.5MB", bandwidth_limit_mode: "server", remote_port: 0, custom_domains: [] }),
    opSet({ bandwidth_limit: "", headers: { "X-A": "b" }, allow_users: ["a"], use_encryption: false }),
  ])("%j can be read", (fields) => {
    expect(problem("user:alice", fields)).toBe("none");
  });

  // biome-ignore format: a table is read by its lines
  it.each<[object, string]>([
    [{ token: [hash] }, "unknown key token, did you mean tokens?"],
    [{ clientfrom: ["::1"] }, "unknown key clientfrom, did you mean clientFrom?"],
    [{ visitorsFrom: ["::1"] }, "unknown key visitorsFrom, did you mean visitorFrom?"],
    [{ hour: {} }, "unknown key hour, did you mean hours?"],
    [{ proxys: {} }, "unknown key proxys, did you mean proxies?"],
    [{ limit: {} }, "unknown key limit, did you mean limits?"],
    [{ group: ["a"] }, "unknown key group, did you mean groups?"],
    [{ ports: [22] }, "unknown key ports"],
    [{ tokens: hash }, "tokens must be a list of sha256:<64 hex digits>"],
    [{ tokens: [] }, "tokens must not be empty"],
    [{ tokens: [7] }, "tokens must each be sha256:<64 hex digits>"],
    [{ tokens: ["s3cret"] }, "tokens must each be sha256:<64 hex digits>"],
    [{ tokens: [hash, hash.slice(0, -1)] }, "tokens must each be sha256:<64 hex digits>"],
    [{ tokens: [`${hash}0`] }, "tokens must each be sha256:<64 hex digits>"],
    [{ tokens: [`${hash}\n`] }, "tokens must each be sha256:<64 hex digits>"],
    [{ tokens: Array(65).fill(hash) }, "tokens must not hold more than 64 entries"],
    [{ clientFrom: "10.0.0.0/8" }, "clientFrom must be a list of addresses or CIDRs"],
    [{ clientFrom: [] }, "clientFrom must not be empty"],
    [{ clientFrom: [10] }, "clientFrom must be addresses or CIDRs"],
    [{ clientFrom: ["10.0.0.0/33"] }, `clientFrom ${networks}`],
    [{ clientFrom: ["::1", "example.com"] }, `clientFrom ${networks}`],
    [{ visitorFrom: ["010.0.0.1"] }, `visitorFrom ${networks}`],
    [{ visitorFrom: ["10.0.0.1:80"] }, `visitorFrom ${networks}`],
    [{ visitorFrom: null }, "visitorFrom must be a list of addresses or CIDRs"],
    [{ hours: "mon-fri" }, "hours must be an object of zone, windows"],
    [{ hours: {} }, `hours.zone ${zone}`],
    [{ hours: { zone: "UTC" } }, `hours.windows must be a list of ${windows}`],
    [{ hours: { windows: ["mon 08:00-18:00"] } }, `hours.zone ${zone}`],
    [{ hours: { zone: "Berlin", windows: ["mon 08:00-18:00"] } }, `hours.zone ${zone}`],
    [{ hours: { zone: 1, windows: ["mon 08:00-18:00"] } }, `hours.zone ${zone}`],
    [{ hours: { zone: "UTC", windows: "mon 08:00-18:00" } }, `hours.windows must be a list of ${windows}`],
    [{ hours: { zone: "UTC", windows: [] } }, "hours.windows must not be empty"],
    [{ hours: { zone: "UTC", windows: [1] } }, `hours.windows must be ${windows}`],
    [{ hours: { zone: "UTC", windows: ["mon 8-18"] } }, `hours.windows must be ${windows}`],
    [{ hours: { zone: "UTC", windows: ["mon 08:00-18:00"], days: [] } }, "hours takes no days"],
    [{ hours: { zone: "UTC", window: ["mon 08:00-18:00"] } }, `hours.windows must be a list of ${windows}`],
    [{ proxies: ["web"] }, "proxies must be an object of names, types, max, requireEncryption, ports, domains, subdomains"],
    [{ proxies: {} }, "proxies must not be empty"],
    [{ proxies: { port: [22] } }, "proxies takes no port, did you mean ports?"],
    [{ proxies: { requireEncription: true } }, "proxies takes no requireEncription, did you mean requireEncryption?"],
    [{ proxies: { "po\u202ert\n": 1 } }, "proxies takes no po rt, did you mean ports?"],
    [{ proxies: { [`x${"y".repeat(99)}`]: 1 } }, `proxies takes no x${"y".repeat(63)}`],
    [{ proxies: { names: "web" } }, "proxies.names must be a list of names"],
    [{ proxies: { names: [] } }, "proxies.names must not be empty"],
    [{ proxies: { names: [1] } }, "proxies.names must be texts"],
    [{ proxies: { names: [""] } }, "proxies.names must not hold an empty text"],
    [{ proxies: { names: ["x".repeat(257)] } }, "proxies.names must not hold texts of more than 256 characters"],
    [{ proxies: { names: Array(1001).fill("x") } }, "proxies.names must not hold more than 1000 entries"],
    [{ proxies: { types: "tcp" } }, "proxies.types must be a list of types of proxies"],
    [{ proxies: { types: ["TCP"] } }, types],
    [{ proxies: { types: [] } }, "proxies.types must not be empty"],
    [{ proxies: { max: "3" } }, "proxies.max must be a whole number"],
    [{ proxies: { max: -1 } }, "proxies.max must not be negative"],
    [{ proxies: { max: 1.5 } }, "proxies.max must be a whole number"],
    [{ proxies: { requireEncryption: "true" } }, "proxies.requireEncryption must be true or false"],
    [{ proxies: { ports: 22 } }, `proxies.ports must be a list of ${ports}`],
    [{ proxies: { ports: [] } }, "proxies.ports must not be empty"],
    [{ proxies: { ports: ["22"] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: [65_536] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: [-1] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: [22.5] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: [null] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: ["6100-6000"] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: ["6000-70000"] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: ["6000 - 6100"] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { ports: [22, "*"] } }, `proxies.ports must be ${ports}`],
    [{ proxies: { domains: "a.example.com" } }, `proxies.domains must be a list of ${domains}`],
    [{ proxies: { domains: ["https://a.example.com"] } }, `proxies.domains must be ${domains}`],
    [{ proxies: { domains: ["a.*.example.com"] } }, `proxies.domains must be ${domains}`],
    [{ proxies: { domains: [""] } }, `proxies.domains must be ${domains}`],
    [{ proxies: { domains: [1] } }, `proxies.domains must be ${domains}`],
    [{ proxies: { subdomains: [""] } }, "proxies.subdomains must not hold an empty text"],
    [{ limits: { loginsPerminute: 1 } }, "limits takes no loginsPerminute, did you mean loginsPerMinute?"],
    [{ limits: { loginsPerMinute: null } }, "limits.loginsPerMinute must be a whole number"],
    [{ groups: "staff" }, "groups must be a list of names of groups"],
    [{ groups: [] }, "groups must not be empty"],
    [{ groups: [1] }, "groups must be names of groups"],
    [{ groups: [""] }, "groups must be names of groups, which are never empty"],
    [{ groups: Array(33).fill("x") }, "groups must not hold more than 32 entries"],
    [{ set: [] }, "set must be an object of ops"],
    [{ set: null }, "set must be an object of ops"],
    [{ set: {} }, "set must not be empty"],
    [{ set: { newProxy: {} } }, "set takes no newProxy, did you mean NewProxy?"],
    [{ set: { CloseProxy: { proxy_name: "x" } } }, "set takes no CloseProxy"],
    [{ set: { NewUserConn: { remote_addr: "x" } } }, "set takes no NewUserConn"],
    [JSON.parse('{"set":{"__proto__":{"a":1},"Login":{"user":"a"}}}'), "set takes no __proto__"],
    [{ set: { NewProxy: {} } }, "set.NewProxy must not be empty"],
    [{ set: { NewProxy: "x" } }, "set.NewProxy must be an object of fields"],
    [opSet({ proxy_name: "x" }), "set.NewProxy takes no proxy_name"],
    [opSet({ proxy_type: "tcp" }), "set.NewProxy takes no proxy_type"],
    [opSet({ bandwidth_limits: "1MB" }), "set.NewProxy takes no bandwidth_limits, did you mean bandwidth_limit?"],
    [opSet(JSON.parse('{"__proto__":1}')), "set.NewProxy takes no __proto__"],
    [opSet({ constructor: 1 }), "set.NewProxy takes no constructor"],
    [opSet({ bandwidth_limit: "1 MB" }), "set.NewProxy.bandwidth_limit must be such as 512KB or 1MB"],
    [opSet({ bandwidth_limit: "1GB" }), "set.NewProxy.bandwidth_limit must be such as 512KB or 1MB"],
    [opSet({ bandwidth_limit: 1 }), "set.NewProxy.bandwidth_limit must be a text"],
    [opSet({ bandwidth_limit_mode: "both" }), "set.NewProxy.bandwidth_limit_mode must be client or server"],
    [opSet({ use_encryption: 1 }), "set.NewProxy.use_encryption must be true or false"],
    [opSet({ remote_port: "22" }), "set.NewProxy.remote_port must be a whole number"],
    [opSet({ remote_port: 65_536 }), "set.NewProxy.remote_port must be a port, at most 65535"],
    [opSet({ remote_port: -1 }), "set.NewProxy.remote_port must not be negative"],
    [opSet({ custom_domains: "x" }), "set.NewProxy.custom_domains must be a list of texts"],
    [opSet({ custom_domains: [1] }), "set.NewProxy.custom_domains must be a text"],
    [opSet({ headers: { a: 1 } }), "set.NewProxy.headers must be an object of texts"],
    [opSet({ metas: JSON.parse('{"__proto__":1}') }), "set.NewProxy.metas must be an object of texts"],
    [{ effect: "deny", tokens: [hash] }, "a deny takes no tokens: an allow or a require with it refuses what does not meet it"],
    [{ effect: "deny", set: { Login: { user: "a" } } }, "a deny takes no set: an allow or a require with it refuses what does not meet it"],
  ])("%j cannot be read, and says what would be right", (fields, why) => {
    expect(problem("user:alice", fields)).toBe(why);
  });

  // biome-ignore format: a table is read by its lines
  it.each<[string, object, string]>([
    ["default", { effect: "allow", tokens: [hash] }, "default takes no tokens: a rule of another scope can have it"],
    ["default", { effect: "allow", set: { Login: { user: "a" } } }, "default takes no set: a rule of another scope can have it"],
    ["group:a", { groups: ["b"] }, "groups stand on a user rule"],
    ["node:edge-1", { groups: ["b"] }, "groups stand on a user rule"],
    ["node:edge-1", { proxies: { max: 1 } }, "proxies.max counts per user: it stands on a user or group rule"],
    ["proxy:alice.web", { proxies: { max: 1 } }, "proxies.max counts per user: it stands on a user or group rule"],
    ["proxy:alice.web", { clientFrom: ["::1"] }, "clientFrom is asked at Login, which names no proxy: it never stands on a proxy rule"],
    ["proxy:alice.web", { limits: { loginsPerMinute: 1 } }, "limits.loginsPerMinute is asked at Login, which names no proxy: it never stands on a proxy rule"],
    ["domain:a.example.com", { clientFrom: ["::1"] }, "clientFrom is asked at Login, which names no domain: it never stands on a domain rule"],
    ["ip:::1", { proxies: { types: ["tcp"] } }, "proxies is asked at NewProxy, which tells no address: it never stands on an ip rule"],
    ["group:a", { proxies: { max: 1 }, limits: { loginsPerMinute: 1, connections: 1 } }, "none"],
    ["client:c_00112233445566aa", { clientFrom: ["::1"], proxies: { types: ["tcp"] } }, "none"],
    ["ip:::1", { limits: { loginsPerMinute: 1 }, tokens: [hash] }, "none"],
  ])("of %s: %j is a problem where it would never be asked", (key, fields, why) => {
    expect(problem(key, fields)).toBe(why);
  });
});

describe("a published value of conditions", () => {
  // biome-ignore format: a table is read by its lines
  it.each<[object, object]>([
    [{ tokens: [hash] }, { tokens: ["sha256:0a0a0a0a"] }],
    [{ tokens: [hash, hash.toUpperCase().replace("SHA", "sha")] }, { tokens: ["sha256:0a0a0a0a", "sha256:0a0a0a0a"] }],
    [{ tokens: [hash, "hunter2"] }, { tokens: "***" }],
    [{ tokens: hash }, { tokens: "***" }],
    [{ clientFrom: ["10.0.0.0/8"], proxies: { ports: [22], requireEncryption: true } }, { clientFrom: ["10.0.0.0/8"], proxies: { ports: [22], requireEncryption: true } }],
    [{ hours: { zone: "UTC", windows: ["mon 08:00-18:00"] }, groups: ["staff"] }, { hours: { zone: "UTC", windows: ["mon 08:00-18:00"] }, groups: ["staff"] }],
    [{ proxies: { names: ["web"], passwords: ["hunter2"] } }, { proxies: "***" }],
    [{ clientFrom: ["hunter2"] }, { clientFrom: "***" }],
    [{ limits: { connections: "hunter2" } }, { limits: "***" }],
    [opSet({ sk: "hunter2", http_user: "u", http_pwd: "hunter2", group: "g", group_key: "hunter2" }), opSet({ sk: "***", http_user: "***", http_pwd: "***", group: "g", group_key: "***" })],
    [opSet({ metas: { team: "hunter2" }, annotations: { a: "b" }, remote_port: 5 }), opSet({ metas: { team: "***" }, annotations: { a: "b" }, remote_port: 5 })],
    [opSet({ headers: { Authorization: "hunter2", "X-Api-Key": "hunter2", Cookie: "hunter2", "X-A": "b" } }), opSet({ headers: { Authorization: "***", "X-Api-Key": "***", Cookie: "***", "X-A": "b" } })],
    [{ set: { Login: { metas: { token: "hunter2" }, user: "a" } } }, { set: { Login: { metas: { token: "***" }, user: "a" } } }],
    [{ set: { Ping: { privilege_key: "hunter2", timestamp: 1 } } }, { set: { Ping: { privilege_key: "***", timestamp: 1 } } }],
    [{ set: { NewWorkConn: { privilege_key: "hunter2" } } }, { set: { NewWorkConn: { privilege_key: "***" } } }],
    [{ set: { NewProxy: { sk: "hunter2", hunter2: 1 } } }, { set: "***" }],
    [{ set: "hunter2", note: "kept" }, { set: "***", note: "kept" }],
  ])("of %j is %j", (value, published) => {
    expect(JSON.parse(redactedValue(JSON.stringify(value)))).toEqual(published);
  });
});
