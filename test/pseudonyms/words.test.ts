/** What people wrote, and what a decision says of it, with pseudonyms in it. */
import { describe, expect, it } from "vitest";
import type { Check, Decision } from "../../src/decision.ts";
import { parseOp } from "../../src/frp/wire.ts";
import type { Op } from "../../src/op.ts";
import { banReason } from "../../src/policy/bans.ts";
import { standingReason } from "../../src/policy/findings.ts";
import { Names } from "../../src/pseudonyms/names.ts";
import { withoutAddress, withoutAddresses, withoutUsers } from "../../src/pseudonyms/own-words.ts";
import { Pseudonyms } from "../../src/pseudonyms/pseudonyms.ts";

const key = "key-of-the-tests-";
const names = new Names(key);
const pseudonyms = new Pseudonyms(["user", "ip"], key, "mask");
const [v4, v6] = ["203.0.113.7", "2001:db8:1:2:3:4:5:6"];
const [of4, of6] = [names.address(v4), names.address(v6)];

describe("of addresses that people wrote", () => {
  it.each([
    [`http://${v4}/404`, `http://${of4}/404`],
    [`${v4}/33`, `${of4}/33`],
    ["010.1.2.3 and 203.0.113.300", `${names.address("010.1.2.3")} and ${names.address("203.0.113.300")}`],
    [`see:${v6}`, `see:${of6}`],
    [`${v6}:80`, names.address(`${v6}:80`)],
    [`dead:${v6}`, names.address(`dead:${v6}`)],
    ["::FFFF:CB00:7107", of4],
    ["at 10:20:30, aa:bb:cc:dd:ee:ff", "at 10:20:30, aa:bb:cc:dd:ee:ff"],
  ])("none stays in %s", (text, expected) => {
    expect(withoutAddresses(text, names)).toBe(expected);
  });
});

it("one address is found in any of its spellings, and others stay", () => {
  const text = "/of/2001:db8:5a5a:0:0:7:0:1/x?[2001:DB8:5A5A::7:0:1]:80 2001:db8::2 203.0.113.7";
  const ip = "2001:db8:5a5a::7:0:1";
  const told = names.address(ip);
  expect(withoutAddress(text, ip, names)).toBe(`/of/${told}/x?[${told}]:80 2001:db8::2 203.0.113.7`);
});

describe("of users that people wrote", () => {
  it.each([
    ["u left", ["u", "u"], `${names.user("u")} left`],
    ["alice and u", ["alice", "u"], `${names.user("alice")} and ${names.user("u")}`],
    ["xa-a-a", ["a-a"], `xa-${names.user("a-a")}`],
    ["a.b went", ["a", "a.b"], `${names.user("a.b")} went`],
    ["alices", ["alice", ""], "alices"],
  ])("%s of %j has each once", (text, users, expected) => {
    expect(withoutUsers(text, users, names)).toBe(expected);
  });
});

describe("a decision as it is told of", () => {
  function newProxy(user: string, type: string): Op {
    const content = { user: { user }, proxy_name: `${user}.ssh`, proxy_type: type };
    const body = Buffer.from(JSON.stringify({ version: "0.1.0", op: "NewProxy", content }));
    const parsed = parseOp(body, { node: "frps", reqid: null, subdomainHost: undefined, atMs: 0 });
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.op;
  }
  function told(user: string, more: Partial<Decision>, type = "tcp"): Decision {
    const decision = {
      effect: "refused",
      reason: "",
      code: "rule_deny",
      rule: null,
      revision: "r",
      checks: [],
    } as const;
    const op = newProxy(user, type);
    return pseudonyms.decision({ ...decision, rule: `user:${user}`, ...more }, op, pseudonyms.op(op));
  }
  const check = (condition: string, seen: string): Check => ({
    rule: "user:x",
    condition,
    result: "fail",
    seen,
  });

  it.each([
    ["refused", standingReason],
    ["while", banReason],
  ])(
    "says nothing of a user named %s by taking that word out of a sentence of the bridge's",
    (user, reason) => {
      expect(told(user, { reason }).reason).toBe(reason);
    },
  );

  it.each([
    ["tokens", "no token", "token"],
    ["limits.connections", "3 of 5", "3"],
    ["limits.connections", "frps does not tell ends of tcp", "frps"],
    ["proxies.max", "3 others of 3", "others"],
    ["proxies.domains", "alice.example.com", "alice"],
    ["hours", "Mon 10:00 in UTC", "UTC"],
  ])("says of what %s saw, %s, nothing of a user named %s", (condition, seen, user) => {
    expect(told(user, { checks: [check(condition, seen)] }).checks[0]?.seen).toBe(seen);
  });

  it("has an address and a type that nobody knows as the op has them", () => {
    const checks = [
      check("clientFrom", v4),
      check("visitorFrom", "no address"),
      check("proxies.types", "bob2"),
    ];
    const seen = told("alice", { checks }, "bob2").checks.map((one) => one.seen);
    expect(seen).toEqual([of4, "no address", names.text("bob2")]);
    expect(seen[2]).toBe(pseudonyms.op(newProxy("alice", "bob2")).content.proxy_type);
  });
});

describe("a key of the policy as it is told of", () => {
  it.each([
    ["alice", names.text("alice")],
    ["alice:ssh", `${names.text("alice")}:${names.text("ssh")}`],
    ["user:alice", `user:${names.user("alice")}`],
    ["ip:203.0.113.999", `ip:${names.text("203.0.113.999")}`],
    ["default", "default"],
    ["", ""],
  ])("%j, holds no name that was written in the place of a scope", (written, expected) => {
    const note = { kind: "rejected", key: written, problem: "x", revision: { from: "a", to: "b" } } as const;
    expect(pseudonyms.note(note)).toMatchObject({ key: expected });
  });
});
