import { describe, expect, it } from "vitest";
import { Callers } from "../../src/frp/caller.ts";

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const open = { node: "frps", auth: undefined, nodes: {} };
const guarded = {
  node: "frps",
  auth: "all:pw",
  nodes: { a: { auth: "a:pw-a", subdomainHost: "a.test" }, b: { auth: "b:pw-b" }, c: {} },
};

describe("a caller", () => {
  it("without passwords anywhere is the node its path names, or the default one", () => {
    const callers = new Callers(open);
    expect(callers.identify(undefined, undefined)).toMatchObject({ ok: true, node: "frps" });
    expect(callers.identify("edge-1", undefined)).toMatchObject({ ok: true, node: "edge-1" });
  });

  it.each([
    ["the common password and no name", undefined, "all:pw", "frps"],
    ["the common password and a free name", "x", "all:pw", "x"],
    ["the common password and a declared name without its own", "c", "all:pw", "c"],
    ["a node's password and no name", undefined, "a:pw-a", "a"],
    ["a node's password and its name", "a", "a:pw-a", "a"],
  ])("with %s is admitted", (_what, named, password, node) => {
    expect(new Callers(guarded).identify(named, basic(password))).toMatchObject({ ok: true, node });
  });

  it.each([
    ["no password", undefined, undefined],
    ["a wrong password", undefined, basic("all:nope")],
    ["the common password for a node with its own", "a", basic("all:pw")],
    ["one node's password for another's name", "b", basic("a:pw-a")],
    ["one node's password for a free name", "x", basic("a:pw-a")],
    ["another scheme", undefined, "Bearer all:pw"],
  ])("with %s gets 401", (_what, named, header) => {
    expect(new Callers(guarded).identify(named, header)).toMatchObject({ ok: false, status: 401 });
  });

  it("fixed by its password cannot take a free name where no common password is set", () => {
    const callers = new Callers({ node: "frps", auth: undefined, nodes: { a: { auth: "a:pw-a" } } });
    expect(callers.identify("x", basic("a:pw-a"))).toMatchObject({ ok: false, status: 401 });
    expect(callers.identify(undefined, basic("a:pw-a"))).toMatchObject({ ok: true, node: "a" });
  });

  it("brings the subdomain host of its node", () => {
    expect(new Callers(guarded).identify("a", basic("a:pw-a"))).toMatchObject({ subdomainHost: "a.test" });
  });

  it.each(["", "x".repeat(65), "a b", "ü", "a/b", "a\u0000"])("named %j is no node", (named) => {
    expect(new Callers(open).identify(named, undefined)).toMatchObject({ ok: false, status: 404 });
  });

  it("with the hundred and first undeclared name is turned away, the known ones are not", () => {
    const callers = new Callers(open);
    for (let n = 0; n < 100; n++) expect(callers.identify(`n${n}`, undefined).ok).toBe(true);
    expect(callers.identify("constructor", undefined)).toMatchObject({ ok: false, status: 404 });
    expect(callers.identify("one-more", undefined)).toMatchObject({ ok: false, status: 404 });
    expect(callers.identify("n7", undefined).ok).toBe(true);
    expect(callers.identify(undefined, undefined).ok).toBe(true);
  });
});
