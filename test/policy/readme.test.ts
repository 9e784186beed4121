/** The README's table of conditions, judged by the conditions themselves. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { frpProxyTypes, type Op } from "../../src/op.ts";
import type { Condition } from "../../src/policy/conditions/condition.ts";
import { proxFields } from "../../src/policy/prox-terms.ts";
import { conditionFields } from "../../src/policy/rule-conditions.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { facts, json } from "./cases.ts";
import { userOf, wireLogin, wireOp, wireProxy, wireUserConn } from "./wire-op.ts";

interface Row {
  readonly title: string;
  readonly names: readonly string[];
  readonly askedAt: string;
  readonly code: string;
  readonly reason: string;
}

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const table = readme.split("| condition | demands |")[1]!.split("\n\n")[0]!;
const rows: readonly Row[] = table
  .split("\n")
  .slice(2)
  .map((line) => {
    const [, named = "", , askedAt = "", refusal = ""] = line
      .split(" | ")
      .flatMap((cell) => cell.split(/^\| | \|$/));
    const [, code = "", reason = ""] = /^`(\w+)`: (.*)$/.exec(refusal) ?? [];
    const names = [...named.matchAll(/`([\w.]+)`/g)].map(([, name]) => name!);
    return { title: names.join(" and "), names, askedAt, code, reason };
  });

/** A value that each condition takes. */
const values: Readonly<Record<string, unknown>> = {
  tokens: [`sha256:${"0".repeat(64)}`],
  clientFrom: ["192.0.2.0/24"],
  visitorFrom: ["192.0.2.0/24"],
  hours: { zone: "UTC", windows: ["sun 00:00-00:01"] },
  "proxies.names": ["none"],
  "proxies.types": ["xtcp"],
  "proxies.max": 0,
  "proxies.requireEncryption": true,
  "proxies.ports": [1],
  "proxies.domains": ["none.example"],
  "proxies.subdomains": ["none"],
  "limits.loginsPerMinute": 0,
  "limits.connections": 0,
  "limits.connectionsPerMinute": 0,
};

const ops: Readonly<Record<string, Op>> = {
  Login: wireLogin(),
  Ping: wireOp("Ping", { user: userOf("alice") }),
  NewWorkConn: wireOp("NewWorkConn", { user: userOf("alice"), run_id: "b23d3b0e534b0222" }),
  NewUserConn: wireUserConn(),
  ...Object.fromEntries(
    frpProxyTypes.map((proxy_type) => [`NewProxy of ${proxy_type}`, wireProxy({ proxy_type })]),
  ),
};

/** Of a user's rule that makes it and nothing else. */
function conditionOf(name: string): Condition {
  const [first = "", second] = name.split(".");
  const value = second === undefined ? values[name] : { [second]: values[name] };
  const rule = new RuleSet([["user:alice", json({ [first]: value })]]).get("user:alice")!;
  if (!rule.readable) throw new Error(`${name}: ${rule.problem}`);
  expect(rule.terms.conditions).toHaveLength(1);
  return rule.terms.conditions[0]!;
}

/** `every op`, `Login`, `NewProxy of tcp, udp`, as names in `ops`. */
function namedOps(askedAt: string): string[] {
  if (askedAt === "every op") return Object.keys(ops);
  const [op = "", types] = askedAt.split(" of ");
  if (types !== undefined) return types.split(", ").map((type) => `${op} of ${type}`);
  return Object.keys(ops).filter((name) => name.split(" of ")[0] === op);
}

describe("the README's table of conditions", () => {
  it("has each that there is, and no other", () => {
    const { proxies, limits, ...whole } = conditionFields;
    const partsOf = (name: string, { shape }: { shape: object }): string[] =>
      Object.keys(shape).map((part) => `${name}.${part}`);
    const all = [
      ...Object.keys(whole),
      ...partsOf("proxies", proxies.unwrap()),
      ...partsOf("limits", limits.unwrap()),
    ];
    expect(rows.flatMap(({ names }) => names).sort()).toEqual(all.sort());
  });

  it.each(rows)(
    "says of $title where it is asked, and with what it refuses",
    ({ names, askedAt, code, reason }) => {
      for (const name of names) {
        const condition = conditionOf(name);
        expect([condition.code, condition.reason]).toEqual([code, reason]);
        const connections = { ...facts.connections, endsAnnounced: () => true };
        const results = Object.entries(ops).map(
          ([op, asked]) => [op, condition.ask(asked, { ...facts, connections }).result] as const,
        );
        const askedOf = results.filter(([, result]) => result !== "skip");
        expect(askedOf.map(([op]) => op).sort()).toEqual(namedOps(askedAt).sort());
        expect(askedOf.map(([, result]) => result)).toContain("fail");
      }
    },
  );
});

describe("the README's tables of what prox changes", () => {
  it.each(["on_request", "on_response"] as const)("have each field of %s, and no other", (hook) => {
    const tables = readme.split(`| \`prox.${hook}\` |`).slice(1);
    const named = tables.flatMap((text) =>
      [...text.split("\n\n")[0]!.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!),
    );
    expect(named.sort()).toEqual(proxFields[hook].toSorted());
  });
});
