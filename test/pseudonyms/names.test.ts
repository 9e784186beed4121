import { isIPv6 } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress, contains, parseNetwork } from "../../src/policy/addresses.ts";
import { subscriberOf } from "../../src/policy/facts.ts";
import { Names } from "../../src/pseudonyms/names.ts";
import { Remembered } from "../../src/pseudonyms/remembered.ts";

const key = "key-of-the-tests-";
const names = new Names(key);
const address = fc.oneof(fc.ipV4(), fc.ipV6());
const local = parseNetwork("fd00::/8")!;

describe("a user's pseudonym", () => {
  it("is short, and the same wherever the key is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (user) => {
        expect(names.user(user)).toMatch(/^u-[0-9a-f]{16}$/);
        expect(new Names(key).user(user)).toBe(names.user(user));
        expect(new Names("another-key-of-tests").user(user)).not.toBe(names.user(user));
      }),
    );
  });

  it("of the anonymous one is none, and of one that looks like a pseudonym is another one", () => {
    expect(names.user("")).toBe("");
    const told = names.user("alice");
    expect(names.user(told)).not.toBe(told);
  });

  it("is that of two users alike only where they are one", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(names.user(a) === names.user(b)).toBe(a === b);
      }),
    );
  });
});

describe("an address's pseudonym", () => {
  it("is a unique local address in the one form that addresses have", () => {
    fc.assert(
      fc.property(address, (ip) => {
        const told = names.address(ip);
        expect(isIPv6(told)).toBe(true);
        expect(canonicalAddress(told)).toBe(told);
        expect(contains(local, told)).toBe(true);
      }),
    );
  });

  it("tells whether two are the same address, or of one subscriber, and nothing more", () => {
    const near = fc
      .tuple(fc.ipV6(), fc.nat(0xffff), fc.nat(0xffff))
      .map(([ip, a, b]) => {
        const net = parseNetwork(`${ip}/64`)!.text.replace(/::\/64$|\/64$/, "");
        const groups = net.split(":").slice(0, 4).join(":");
        return [`${groups}::${a.toString(16)}`, `${groups}::${b.toString(16)}`] as const;
      })
      .filter((pair) => pair.every((ip) => isIPv6(ip)));
    const pair = fc.oneof(fc.tuple(address, address), near);
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const [one, other] = [canonicalAddress(a)!, canonicalAddress(b)!];
        const [toldOne, toldOther] = [names.address(a), names.address(b)];
        expect(toldOne === toldOther).toBe(one === other);
        expect(subscriberOf(toldOne) === subscriberOf(toldOther)).toBe(
          subscriberOf(one) === subscriberOf(other),
        );
      }),
    );
  });

  it.each([
    ["203.0.113.9", "::ffff:203.0.113.9"],
    ["2001:db8::1", "2001:0DB8:0:0::0001"],
    ["fe80::1", "fe80::1%eth0"],
  ])("of %s is that of %s", (ip, written) => {
    expect(names.address(written)).toBe(names.address(ip));
  });

  it("stands where the address stood, beside its port", () => {
    const [v4, v6] = [names.address("203.0.113.9"), names.address("2001:db8::1")];
    expect(names.addressWithPort("203.0.113.9:4711")).toBe(`[${v4}]:4711`);
    expect(names.addressWithPort("[::ffff:203.0.113.9]:4711")).toBe(`[${v4}]:4711`);
    expect(names.addressWithPort("[2001:db8::1]:80")).toBe(`[${v6}]:80`);
    expect(names.addressWithPort("2001:db8::1")).toBe(v6);
    expect(names.addressWithPort("pipe")).toBe("pipe");
  });

  it("is made of whatever is no address, too, and does not hold it", () => {
    const told = names.addressWithPort("alice-at-home:99");
    expect(contains(local, told)).toBe(true);
    expect(names.addressWithPort("alice-at-home:99")).toBe(told);
  });
});

describe("a network's pseudonym", () => {
  it("holds the pseudonyms of its addresses where it is a subscriber's", () => {
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        const subscriber = subscriberOf(canonicalAddress(ip)!);
        fc.pre(subscriber.endsWith("/64"));
        const told = parseNetwork(names.network(subscriber))!;
        expect(told.length).toBe(64);
        expect(contains(told, names.address(ip))).toBe(true);
      }),
    );
  });

  it("of others says only that it is the same, however it is written", () => {
    expect(names.network("203.0.113.77/24")).toBe(names.network("203.0.113.0/24"));
    expect(names.network("203.0.113.0/24")).not.toBe(names.network("203.0.113.0/25"));
    expect(names.network("203.0.113.9/32")).toBe(names.address("203.0.113.9"));
  });
});

it("one text has another pseudonym as a user, as an address, and as a text", () => {
  const hexOf = (told: string): string => told.replace(/[^0-9a-f]/g, "");
  const [user, ip, text] = [names.user("x"), names.address("x"), names.text("x")].map(hexOf);
  expect(text).not.toContain(user);
  expect(text).not.toContain(ip!.slice(-12));
  expect(names.text("x")).toMatch(/^hmac:[0-9a-f]{32}$/);
});

it("what is remembered is bounded, and made once while it is in use", () => {
  let made = 0;
  const remembered = new Remembered(10, (name) => {
    made++;
    return `told ${name}`;
  });
  for (let n = 0; n < 1000; n++) {
    expect(remembered.of("often")).toBe("told often");
    expect(remembered.of(`once ${n}`)).toBe(`told once ${n}`);
    expect(remembered.size).toBeLessThanOrEqual(20);
  }
  expect(made).toBe(1001);
});

it("what is remembered of a long text is the piece alone", () => {
  const bytesBefore = heapBytes();
  const remembering = new Names(key);
  for (let n = 0; n < 1000; n++) {
    const header = Buffer.from(
      `198.51.100.${100 + (n % 100)}, user-of-some-length-${n}${" ".repeat(50_000)}`,
    ).toString();
    header.replace(/[^,\s]+/g, (one) => remembering.user(one));
  }
  expect(heapBytes() - bytesBefore).toBeLessThan(10_000_000);
});

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
