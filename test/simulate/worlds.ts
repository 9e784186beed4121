/** Worlds in which ops were decided and recorded: what was true then, and the event that tells of it. */
import { hash } from "node:crypto";
import fc from "fast-check";
import type { Decision } from "../../src/decision.ts";
import { newId } from "../../src/events/ids.ts";
import { type RedactMode, redactor } from "../../src/events/redact.ts";
import { opDraft } from "../../src/events/render.ts";
import { parseOp } from "../../src/frp/wire.ts";
import type { Op } from "../../src/op.ts";
import { decide } from "../../src/policy/decide.ts";
import type { CountedBy, Facts } from "../../src/policy/facts.ts";
import type { PolicySettings, PolicyView } from "../../src/policy/policy.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { nowMs, view } from "../policy/cases.ts";

export const hmacKey = "key-of-the-tests-";
export const tokens = ["s3cret-one", "s3cret-two", "s3cret-three"];
export const hashOf = (token: string): string => `sha256:${hash("sha256", token)}`;

/** What was so when an op came, and nothing but the bridge knew. */
export interface Truth {
  readonly counts: Readonly<Record<CountedBy, number>>;
  readonly others: number;
  readonly ends: boolean;
}

export interface World {
  /** As frps sent it. */
  readonly name: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly truth: Truth;
  readonly redact: RedactMode;
}

const subdomainHost = "example.com";

export function opOf({ name, content }: Pick<World, "name" | "content">, host = subdomainHost): Op {
  const body = Buffer.from(JSON.stringify({ version: "0.1.0", op: name, content }));
  const parsed = parseOp(body, { node: "edge-1", subdomainHost: host, reqid: null, atMs: nowMs });
  if (!parsed.ok) throw new Error(`${name} is malformed: ${parsed.reason}`);
  return parsed.op;
}

export function factsOf({ counts, others, ends }: Truth): Facts {
  const of = (by: CountedBy): number => counts[by];
  return {
    nowMs,
    tokenMeta: "token",
    connections: { open: of, begun: of, logins: of, endsAnnounced: () => ends },
    proxies: { others: () => others },
  };
}

export interface Policy {
  readonly rules: readonly (readonly [string, string])[];
  readonly settings: Omit<PolicySettings, "tokenMeta">;
}

export function viewOf({ rules, settings }: Policy): PolicyView {
  return view(new RuleSet(rules), settings);
}

export function decidedBy(policy: PolicyView, world: World): Decision {
  return decide(policy, opOf(world), factsOf(world.truth));
}

let sequence = 0;

export interface Recording {
  readonly supersedes?: string;
  readonly atMs?: number;
  readonly sequence?: number;
}

/** The event as the bridge publishes it. */
export function eventOf(world: World, decision: Decision, recording: Recording = {}): string {
  const op = { ...opOf(world), atMs: recording.atMs ?? nowMs };
  const origin = { instance: "i_0123456789abcdef", epoch: "01a1fceb-1e64-70ea-82d3-bf2e28da0f38" };
  const session = op.name === "NewUserConn" ? { key: newId(), id: null } : null;
  const context = { clientInfo: op.clientInfo, proxy: op.proxy, session };
  const redact = redactor(world.redact, hmacKey);
  const draft = opDraft(op, decision, origin, redact, context, recording.supersedes);
  const number = recording.sequence ?? ++sequence;
  return draft.render({ sequence: number, journalseq: number });
}

const json = JSON.stringify;

const [first, second] = tokens;
const anyToken = fc.constantFrom<unknown>(first, first, first, second, ...tokens, "", 7, null, undefined);
const anyMetas = fc.oneof(
  anyToken.map((token) => ({ token, team: "blue" })),
  fc.constantFrom(null, undefined, {}),
);
const anyUser = fc.constantFrom("alice", "alice", "alice", "bob", "");
const anyAddress = fc.constantFrom("198.51.100.7:1", "203.0.113.9:5", "[2001:db8::1]:1", "pipe", undefined);
const nested = fc
  .tuple(anyUser, anyMetas)
  .map(([user, metas]) => ({ user, metas, run_id: "b23d3b0e534b0222" }));
const anyName = fc.constantFrom("alice.web", "alice.web", "alice.web", "alice.web", "bob.web", "x");

const anyContent: fc.Arbitrary<Pick<World, "name" | "content">> = fc.oneof(
  fc
    .record({ user: anyUser, metas: anyMetas, client_address: anyAddress })
    .map((content) => ({ name: "Login", content })),
  fc.record({ user: nested }).map((content) => ({ name: "Ping", content })),
  fc
    .record({ user: nested, run_id: fc.constant("b23d3b0e534b0222") })
    .map((content) => ({ name: "NewWorkConn", content })),
  fc
    .record({
      user: nested,
      proxy_name: anyName,
      proxy_type: fc.constantFrom("tcp", "http", undefined),
      remote_port: fc.constantFrom(undefined, 22, 6000),
      custom_domains: fc.constantFrom(
        undefined,
        ["a.example.com"],
        ["A.example.com", "b.org"],
        ["*.example.com"],
      ),
      subdomain: fc.constantFrom(undefined, undefined, "web", "a", "WEB"),
      use_encryption: fc.constantFrom(undefined, true),
      sk: fc.constantFrom(undefined, "s3cret-key"),
    })
    .map((content) => ({ name: "NewProxy", content })),
  fc
    .record({ user: nested, proxy_name: anyName, proxy_type: fc.constant("tcp"), remote_addr: anyAddress })
    .map((content) => ({ name: "NewUserConn", content })),
  fc.record({ user: nested, remote_addr: anyAddress }).map((content) => ({ name: "NewThing", content })),
);

const count = fc.nat({ max: 3 });

export const anyWorld: fc.Arbitrary<World> = fc
  .tuple(
    anyContent,
    fc.record({
      counts: fc.record({ user: count, proxy: count, ip: count }),
      others: count,
      ends: fc.boolean(),
    }),
    fc.constantFrom<RedactMode>("mask", "mask", "hmac", "off"),
  )
  .map(([asked, truth, redact]) => ({ ...asked, truth, redact }));

const limit = fc.constantFrom(1, 2, 3);
const someLimits = (names: readonly string[]) =>
  fc
    .tuple(fc.subarray([...names], { minLength: 1 }), limit)
    .map(([some, most]) => ({ limits: Object.fromEntries(some.map((name) => [name, most])) }));
const connectionLimits = someLimits(["connections", "connectionsPerMinute"]);
const loginLimits = someLimits(["loginsPerMinute", "connections"]);
const listed = fc
  .subarray(tokens.slice(0, 2), { minLength: 1 })
  .map((some) => ({ tokens: some.map(hashOf) }));
const most = fc.constantFrom<object>(
  { proxies: { max: 1 } },
  { proxies: { max: 2 } },
  { proxies: { types: ["tcp"], max: 3 } },
);
const groups = fc.constantFrom(
  { groups: ["staff"] },
  { groups: ["staff", "guests"] },
  { groups: ["guests", "staff"] },
  { groups: ["gone"] },
);
const visitors = fc.constantFrom<object>(
  { visitorFrom: ["198.51.100.0/24"] },
  { visitorFrom: ["203.0.113.0/24", "::/0"] },
);
const sets = fc
  .constantFrom<object>(
    { NewProxy: { group: "a", sk: "s3cret-a" } },
    { NewProxy: { group: "b", metas: { team: "s3cret-b" } } },
    { NewProxy: { group: "a" } },
    { NewProxy: { group: "a", sk: "s3cret-d" } },
    { NewProxy: { headers: { "x-run-id": "s3cret-run" } }, Login: { user: "c" } },
    { Login: { metas: { team: "s3cret-c" } }, Ping: { timestamp: 1 } },
  )
  .map((set) => ({ set }));

/** What may stand on a rule of a scope. */
function demandsOf(scope: string): fc.Arbitrary<object>[] {
  const demands: fc.Arbitrary<object>[] = [fc.constant({}), listed, sets];
  if (scope !== "domain") demands.push(visitors);
  if (scope === "user" || scope === "group") demands.push(most, connectionLimits, loginLimits);
  if (scope === "ip") demands.push(connectionLimits, loginLimits);
  if (scope === "proxy") demands.push(connectionLimits);
  if (scope === "user") demands.push(groups, groups);
  return demands;
}

const rarely = <T>(value: T): fc.Arbitrary<T | undefined> =>
  fc.constantFrom(undefined, undefined, undefined, undefined, value);

function ruleOf(scope: string): fc.Arbitrary<string> {
  const demand = fc.oneof(...demandsOf(scope));
  const terms = fc
    .tuple(
      fc.record({
        effect: fc.constantFrom(undefined, "allow", "require"),
        enforce: rarely(false),
        ops: fc.oneof(rarely(["Login", "NewUserConn"]), rarely(["NewProxy", "Ping"])),
      }),
      demand,
      demand,
    )
    .map((parts) => Object.assign({}, ...parts));
  return fc.oneof(
    {
      weight: 1,
      arbitrary: fc.constantFrom("allow", "deny", "deny why", `{"effect":"deny","enforce":false}`),
    },
    { weight: 8, arbitrary: terms.map(json) },
  );
}

const keys = [
  "user:alice",
  "user:alice",
  "user:",
  "group:staff",
  "group:guests",
  "proxy:alice.web",
  "ip:198.51.100.0/24",
  "ip:2001:db8::/32",
  "domain:*.example.com",
  "domain:web.example.com",
  "node:edge-1",
  "op:Login",
  "op:NewThing",
];

const anyEntry: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(...keys)
      .chain((key) => ruleOf(key.split(":")[0]!).map((value) => [key, value] as const)),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("allow", "deny", `{"effect":"deny","enforce":false}`)
      .map((value) => ["default", value] as const),
  },
);

export const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  rules: fc.uniqueArray(anyEntry, { selector: ([key]) => key, maxLength: 6 }),
  settings: fc.record({
    default: fc.constantFrom("allow" as const, "deny" as const),
    mode: fc.constantFrom("enforce" as const, "enforce" as const, "observe" as const),
    ownNames: fc.boolean(),
  }),
});
