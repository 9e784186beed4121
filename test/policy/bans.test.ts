import { describe, expect, it } from "vitest";
import type { Decision, ReasonCode } from "../../src/decision.ts";
import type { Op } from "../../src/op.ts";
import { parseNetwork } from "../../src/policy/addresses.ts";
import { Bans, type BansOptions } from "../../src/policy/bans.ts";
import { parseRule } from "../../src/policy/rule.ts";
import { FakeClock } from "../fake-clock.ts";
import { login, newProxy, userConn } from "./cases.ts";

const stranger = "198.51.100.7";

/** Bans after three refusals within a minute, for ten. */
class Trial {
  readonly clock = new FakeClock();
  readonly written: { network: string; value: string; forMs: number }[] = [];
  readonly outcomes: string[] = [];
  readonly logged: string[] = [];
  forgotten = 0;
  standing = 0;
  /** What the next write does. */
  write: () => Promise<boolean> = async () => true;
  readonly bans: Bans;

  constructor(options: Partial<BansOptions> = {}) {
    const line = (fields: object, text: string): unknown =>
      this.logged.push(`${text} ${JSON.stringify(fields)}`);
    const usual: BansOptions = {
      after: 3,
      withinMs: 60_000,
      forMs: 600_000,
      except: [],
      by: "i_1",
      clock: this.clock,
      log: { info: line, warn: line, error: line },
      standing: () => this.standing,
      write: (network, value, forMs) => {
        this.written.push({ network, value, forMs });
        return this.write();
      },
      onOutcome: (outcome) => this.outcomes.push(outcome),
      onForgotten: () => {
        this.forgotten += 1;
      },
    };
    // A spread would ask for what changes, once.
    this.bans = new Bans(Object.defineProperties(usual, Object.getOwnPropertyDescriptors(options)));
  }

  refuse(times: number, op = login("alice", `${stranger}:1`), code: ReasonCode = "token_rejected"): void {
    for (let n = 0; n < times; n++) this.bans.refused(op, refusal(code, ruleOf(code, op)));
  }

  get networks(): string[] {
    return this.written.map(({ network }) => network);
  }
}

function refusal(code: ReasonCode, rule: string | null): Decision {
  return { effect: "refused", reason: "no", code, rule, revision: "0", checks: [] };
}

function ruleOf(code: ReasonCode, op: Op): string {
  return code === "rule_deny" && op.name !== "Login" ? `ip:${op.remote?.ip}` : `user:${op.user}`;
}

/** Until what was written has been taken note of. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

describe("an address that is refused", () => {
  it("is banned at the third time, by a rule that denies and says why", () => {
    const trial = new Trial();
    trial.refuse(2);
    expect(trial.written).toEqual([]);
    trial.refuse(1);
    expect(trial.written).toMatchObject([{ network: stranger, forMs: 600_000 }]);
    const rule = parseRule(`ban:${stranger}`, trial.written[0]!.value);
    expect(rule).toMatchObject({
      readable: true,
      terms: {
        effect: "deny",
        reason: "banned for a while after too many refusals",
        by: "i_1",
        note: "3 refusals within 60 s, the last: token_rejected by user:alice",
      },
    });
  });

  it("is banned by the settings of now", () => {
    const other = "203.0.113.5";
    let after = 0;
    let except = [parseNetwork(stranger)!];
    const trial = new Trial({
      get after() {
        return after;
      },
      get except() {
        return except;
      },
    });
    trial.refuse(5, login("alice", `${other}:1`));
    after = 2;
    trial.refuse(1, login("alice", `${other}:1`));
    expect(trial.written).toEqual([]);
    trial.refuse(1, login("alice", `${other}:1`));
    trial.refuse(5);
    expect(trial.networks).toEqual([other]);
    except = [];
    trial.refuse(2);
    expect(trial.networks).toEqual([other, stranger]);
  });

  it("is not banned when the three do not come within a minute", () => {
    const trial = new Trial();
    trial.refuse(2);
    trial.clock.advance(60_000);
    trial.refuse(2);
    expect(trial.written).toEqual([]);
    trial.clock.advance(59_999);
    trial.refuse(1);
    expect(trial.networks).toEqual([stranger]);
  });

  it("counts for itself", () => {
    const trial = new Trial();
    for (const ip of ["198.51.100.1", "198.51.100.2", "198.51.100.3"]) {
      trial.refuse(2, login("alice", `${ip}:1`));
    }
    expect(trial.written).toEqual([]);
  });

  it("counts with its /64 where it is IPv6, and is banned with it", () => {
    const trial = new Trial();
    for (const host of ["1", "2", "ffff:1"]) trial.refuse(1, login("alice", `[2001:db8:0:1::${host}]:1`));
    expect(trial.networks).toEqual(["2001:db8:0:1::/64"]);
  });

  it.each(["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"])(
    "is never banned where it is loopback: %s",
    (ip) => {
      const trial = new Trial();
      trial.refuse(10, login("alice", `${ip}:1`));
      expect(trial.written).toEqual([]);
    },
  );

  it("is never banned where it is excepted", () => {
    const trial = new Trial({ except: [parseNetwork("198.51.100.0/24")!] });
    trial.refuse(10);
    trial.refuse(3, login("alice", "203.0.113.9:1"));
    expect(trial.networks).toEqual(["203.0.113.9"]);
  });
});

describe("an address of IPv6", () => {
  const excepted = { except: [parseNetwork("2001:db8::5")!, parseNetwork("2001:db8:0:7:8::/80")!] };

  it.each([
    ["beside one that is excepted", "2001:db8::bad"],
    ["beside a network that is excepted", "2001:db8:0:7::1"],
    ["beside loopback", "::2"],
    ["that is link-local, whose /64 all neighbours share", "fe80::bad"],
    ["behind NAT64, whose /64 holds all of IPv4", "64:ff9b::c633:6407"],
  ])("%s is banned alone", (_what, ip) => {
    const trial = new Trial(excepted);
    trial.refuse(3, login("alice", `[${ip}]:1`));
    expect(trial.networks).toEqual([ip]);
  });

  it("is never banned within a network that is excepted", () => {
    const trial = new Trial(excepted);
    trial.refuse(3, login("alice", "[2001:db8:0:7:8::1]:1"));
    expect(trial.networks).toEqual([]);
  });
});

describe("what counts", () => {
  const bySomething = (op: Op, code: ReasonCode, rule: string | null): string[] => {
    const trial = new Trial();
    for (let n = 0; n < 3; n++) trial.bans.refused(op, refusal(code, rule));
    return trial.networks;
  };
  const visitor = userConn("alice", "alice.ssh", `${stranger}:1`);
  const client = login("alice", `${stranger}:1`);

  it.each<[string, Op, ReasonCode, string | null]>([
    ["a wrong token at Login", client, "token_rejected", "user:alice"],
    ["a wrong token that a group demands", client, "token_rejected", "group:staff"],
    ["a deny of the user at Login", client, "rule_deny", "user:alice"],
    ["a deny of the anonymous user", login("", `${stranger}:1`), "rule_deny", "user:"],
    ["a deny of the address at Login", client, "rule_deny", "ip:198.51.100.0/24"],
    ["a deny of the address of a visitor", visitor, "rule_deny", "ip:198.51.100.0/24"],
  ])("is %s", (_what, op, code, rule) => {
    expect(bySomething(op, code, rule)).toEqual([stranger]);
  });

  it.each<[string, Op, ReasonCode, string | null]>([
    ["the hour", client, "outside_hours", "user:alice"],
    ["a limit of logins", client, "too_many_logins", "user:alice"],
    ["a limit of connections", visitor, "too_many_connections", "ip:198.51.100.0/24"],
    ["an access that has ended", client, "access_ended", "user:alice"],
    ["an address that is not among those wanted", client, "client_address", "user:alice"],
    ["the default", client, "default_deny", "default"],
    ["a deny of a group", client, "rule_deny", "group:staff"],
    ["a deny of the op", client, "rule_deny", "op:Login"],
    ["a rule that cannot be read", client, "rule_unreadable", "user:alice"],
    ["a policy that is not there", client, "policy_unavailable", null],
    ["a policy that is out of date", client, "policy_stale", null],
    ["a journal that fails", client, "not_recorded", null],
    ["the ban itself", client, "banned", `ban:${stranger}`],
    ["the token of the proxy's owner, of a visitor", visitor, "token_rejected", "user:alice"],
    ["a deny of the proxy's owner, of a visitor", visitor, "rule_deny", "user:alice"],
    ["an op without an address", newProxy("alice", "alice.ssh"), "token_rejected", "user:alice"],
  ])("is not %s", (_what, op, code, rule) => {
    expect(bySomething(op, code, rule)).toEqual([]);
  });
});

describe("a ban", () => {
  it("is written once, however many are refused while it is", async () => {
    const trial = new Trial();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    trial.write = () => promise;
    trial.refuse(50);
    expect(trial.written).toHaveLength(1);
    resolve(true);
    await settled();
    expect(trial.outcomes).toEqual(["written"]);
  });

  it("begins a new count when it has been written", async () => {
    const trial = new Trial();
    trial.refuse(3);
    await settled();
    trial.refuse(2);
    expect(trial.written).toHaveLength(1);
    trial.refuse(1);
    expect(trial.written).toHaveLength(2);
  });

  it("that cannot be written is logged and counted, and tried again at the next refusal", async () => {
    const trial = new Trial();
    trial.write = () => Promise.reject(new Error("Redis is away"));
    trial.refuse(3);
    await settled();
    expect(trial.outcomes).toEqual(["failed"]);
    expect(trial.logged).toEqual([
      expect.stringMatching(/cannot be written.*198\.51\.100\.7.*Redis is away/),
    ]);
    trial.write = async () => true;
    trial.refuse(1);
    await settled();
    expect(trial.outcomes).toEqual(["failed", "written"]);
  });

  it("that another bridge has written already is left as it is", async () => {
    const trial = new Trial();
    trial.write = async () => false;
    trial.refuse(3);
    await settled();
    expect(trial.outcomes).toEqual(["already_banned"]);
    expect(trial.logged).toEqual([]);
  });
});

it("no ban is written while too many stand, which is told each time and logged once", async () => {
  const trial = new Trial();
  trial.standing = 100_000;
  trial.refuse(5);
  expect([trial.outcomes, trial.logged.length]).toEqual([["too_many", "too_many", "too_many"], 1]);
  trial.standing -= 1;
  trial.refuse(1);
  await settled();
  expect(trial.networks).toEqual([stranger]);
});

it("refusals of an address are forgotten when its time is over, whoever is refused then", () => {
  const trial = new Trial({ withinMs: 1000 });
  const address = (n: number): Op => login("alice", `10.0.${n >> 8}.${n & 255}:1`);
  for (let n = 0; n < 60_000; n++) trial.refuse(1, address(n));
  trial.clock.advance(1000);
  for (let n = 0; n < 60_000; n++) trial.refuse(1, address(n));
  expect(trial.forgotten).toBe(0);
});

it("refusals of more addresses than are counted cost the one that was quiet longest, which is told", () => {
  const trial = new Trial();
  const address = (n: number): Op => login("alice", `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:1`);
  trial.refuse(2, address(1));
  trial.refuse(2, address(2));
  for (let n = 3; n <= 100_000; n++) trial.refuse(1, address(n));
  expect(trial.forgotten).toBe(0);
  trial.refuse(1, login("alice", `${stranger}:1`));
  expect(trial.forgotten).toBe(1);
  trial.refuse(1, address(2));
  expect(trial.networks).toEqual(["10.0.0.2"]);
  trial.refuse(1, address(1));
  expect(trial.networks).toEqual(["10.0.0.2"]);
});
