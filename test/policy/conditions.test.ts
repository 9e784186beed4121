import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "../../src/decision.ts";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { facts, json, ping, view } from "./cases.ts";
import { type Content, userOf, wireOp, wireProxy } from "./wire-op.ts";

const sometimes = <T>(...values: T[]): fc.Arbitrary<T | undefined> => fc.constantFrom(undefined, ...values);

/** Conditions that ask about fields of an op. Port 0 is not listed: there an absent field may pass. */
const anyConditions = fc
  .record(
    {
      tokens: fc.constant([`sha256:${hash("sha256", "s3cret")}`]),
      clientFrom: fc.constantFrom(["0.0.0.0/0", "::/0"], ["198.51.100.0/24"]),
      visitorFrom: fc.constantFrom(["0.0.0.0/0", "::/0"], ["198.51.100.0/24"]),
      proxies: fc
        .record(
          {
            names: fc.constantFrom(["*"], ["web"], ["*.web", "w*b"]),
            types: fc.constantFrom(["tcp"], ["http", "udp"]),
            requireEncryption: fc.constant(true),
            ports: fc.constantFrom([22], ["1-65535"]),
            domains: fc.constantFrom(["*"], ["*.example.com"], ["a.example.com"]),
            subdomains: fc.constantFrom(["*"], ["web*"]),
          },
          { requiredKeys: [] },
        )
        .filter((parts) => Object.keys(parts).length > 0),
    },
    { requiredKeys: [] },
  )
  .filter((conditions) => Object.keys(conditions).length > 0);

const anyMetas = sometimes<Content>({ token: "s3cret" }, { token: "no" }, {});
const address = sometimes(
  "198.51.100.7:1",
  "203.0.113.9:1",
  "[::ffff:198.51.100.7]:1",
  "[2001:db8::1]:1",
  "pipe",
);
const name = sometimes("web", "alice.web", "x.web", "ssh");
const anyFields = {
  Login: fc.record({ user: fc.constant("alice"), metas: anyMetas, client_address: address }),
  NewUserConn: fc.record({
    user: anyMetas.map((metas) => userOf("", metas)),
    proxy_name: name,
    remote_addr: address,
  }),
  NewProxy: fc.record({
    user: anyMetas.map((metas) => userOf("", metas)),
    proxy_name: name,
    proxy_type: sometimes("tcp", "udp", "http", "https", "stcp"),
    use_encryption: sometimes(true, false),
    remote_port: sometimes(0, 22, 23, 65_536),
    custom_domains: sometimes(["a.example.com"], ["*.example.com", "bank.example"], ["*"], [""]),
    subdomain: sometimes("web", "WEB-1", "bank", "a.b"),
  }),
};
/** By op, the fields that are left out together: a domain less may well be what a rule wants. */
const leftOut = {
  Login: [["metas"], ["client_address"]],
  NewUserConn: [["user.metas"], ["remote_addr"]],
  NewProxy: [
    ["user.metas"],
    ["proxy_name"],
    ["use_encryption"],
    ["remote_port"],
    ["custom_domains", "subdomain"],
  ],
};

describe("for any conditions", () => {
  it.each(["Login", "NewUserConn", "NewProxy"] as const)(
    "leaving a field out of %s never turns a refusal into a pass",
    (op) => {
      const anyLeftOut = fc.subarray<string[]>(leftOut[op], { minLength: 1 });
      fc.assert(
        fc.property(
          anyConditions,
          anyFields[op] as fc.Arbitrary<Content>,
          anyLeftOut,
          (conditions, fields, out) => {
            const rules = new RuleSet([[`op:${op}`, json(conditions)]]);
            const policy = view(rules, { ownNames: false });
            const ask = (content: Content): Decision => decide(policy, wireOp(op, content), facts);
            fc.pre(ask(fields).effect === "refused");
            expect(ask(without(fields, out.flat())).effect).toBe("refused");
          },
        ),
        { numRuns: 1500 },
      );
    },
  );

  it("a domain passes a list only if one of it holds all that the domain stands for", () => {
    const label = fc.constantFrom("a", "b", "com");
    const plain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    const domain = fc.oneof(
      plain,
      plain.map((base) => `*.${base}`),
      fc.constant("*"),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(domain, { minLength: 1, maxLength: 4 }),
        domain,
        plain,
        (listed, asked, below) => {
          const pass = (one: string): boolean =>
            decide(
              view(new RuleSet([["user:alice", json({ proxies: { domains: listed } })]])),
              wireProxy({ proxy_type: "http", custom_domains: [one] }),
              facts,
            ).effect === "allowed";
          const name = asked.replace("*", below);
          // What a wildcard that passes stands for passes by itself; what does not pass has a name that does not.
          if (pass(asked)) expect(pass(name)).toBe(true);
          else if (asked.includes("*")) expect(pass(asked.replace("*", "no.body"))).toBe(false);
          expect(pass(name)).toBe(
            listed.some((one) => new RegExp(`^${one.replaceAll(".", "\\.").replace("*", ".+")}$`).test(name)),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("a refusal holds no token, whichever of its words one reads", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{12}$/), fc.boolean(), (token, listed) => {
        const hashed = hash("sha256", listed ? token : "other");
        const rules = new RuleSet([["user:alice", json({ tokens: [`sha256:${hashed}`] })]]);
        const decision = decide(view(rules), { ...ping(), metas: { token } }, facts);
        expect(decision.effect).toBe(listed ? "allowed" : "refused");
        expect(JSON.stringify(decision)).not.toContain(token);
        expect(JSON.stringify(decision)).not.toContain(hashed);
      }),
    );
  });
});

describe("for rubbish where a condition belongs", () => {
  const places = [
    "tokens",
    "clientFrom",
    "visitorFrom",
    "groups",
    "set",
    "set.NewProxy",
    "set.NewProxy.remote_port",
    "set.Login.metas.team",
    "hours",
    "hours.zone",
    "hours.windows",
    "proxies",
    "proxies.names",
    "proxies.types",
    "proxies.max",
    "proxies.requireEncryption",
    "proxies.ports",
    "proxies.domains",
    "proxies.subdomains",
    "limits",
    "limits.loginsPerMinute",
    "limits.connections",
    "limits.connectionsPerMinute",
  ];
  const rubbish = fc.oneof(
    fc.constantFrom<unknown>(null, {}, [], [[]], [null], [{}], [""], [-1], [1.5], -1, 1.5, 1e300),
    fc.constantFrom<unknown>(
      [["a"]],
      [true],
      { "": 1 },
      { length: 1, 0: "x" },
      JSON.parse('{"__proto__":{"a":1}}'),
    ),
    fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }).map((given) => ({ ...given, "?": 1 })),
    fc.jsonValue().map((given) => [{ given }]),
  );

  it("10,000 values never crash and never allow, and say which field is wrong", () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), rubbish, (place, value) => {
        fc.pre(place !== "set.Login.metas.team" || typeof value !== "string");
        const rules = new RuleSet([["user:alice", json(within(place, value))]]);
        const rule = rules.get("user:alice")!;
        expect(rule.readable, json(within(place, value))).toBe(false);
        if (!rule.readable) expect(rule.problem.startsWith(place.split(".")[0]!), rule.problem).toBe(true);
        expect(decide(view(rules), ping(), facts).code).toBe("rule_unreadable");
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("an op that asks for thousands of domains", () => {
  const asked = Array.from({ length: 20_000 }, (_, n) => `d${n}.a.example.com`);
  const proxy = (custom_domains: readonly string[]): Op =>
    wireProxy({ user: userOf("alice", { token: "x".repeat(300_000) }), proxy_type: "http", custom_domains });

  it("has each condition of a domain's rule asked once", () => {
    const tokens = [`sha256:${hash("sha256", "x".repeat(300_000))}`];
    const rules = new RuleSet([
      ["domain:*.example.com", json({ tokens, proxies: { domains: ["*.example.com"] } })],
    ]);
    const { effect, checks } = decide(view(rules), proxy(asked), facts);
    expect(effect).toBe("allowed");
    expect(checks.filter(({ condition }) => condition === "tokens")).toHaveLength(1);
  });

  it("is still refused for the last of them", () => {
    const listed = Array.from({ length: 999 }, (_, n) => `*.x${n}.example.com`).concat("*.a.example.com");
    const rules = new RuleSet([["user:alice", json({ proxies: { domains: listed } })]]);
    expect(decide(view(rules), proxy(asked), facts).effect).toBe("allowed");
    expect(decide(view(rules), proxy([...asked, "bank.example"]), facts).code).toBe("proxy_domain");
  });
});

function without(fields: Content, names: readonly string[]): Content {
  const left: Record<string, unknown> = { ...fields };
  for (const name of names) {
    if (name === "user.metas") left.user = { ...(left.user as Content), metas: null };
    else delete left[name];
  }
  return left;
}

/** A rule that is right but for what stands at one place. */
function within(place: string, value: unknown): Record<string, unknown> {
  const hours = { zone: "UTC", windows: ["mon-sun 00:00-24:00"] };
  const [first = "", second, third, fourth] = place.split(".");
  if (second === undefined) return { [first]: value };
  if (third === undefined) return { [first]: { ...(first === "hours" ? hours : {}), [second]: value } };
  const field = fourth === undefined ? { [third]: value } : { [third]: { [fourth]: value } };
  return { [first]: { [second]: field } };
}
