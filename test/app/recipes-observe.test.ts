/** The recipe for a default deny that is tried in production first, against real servers. */
import { expect, it, vi } from "vitest";
import { sluice } from "../cli/sluice.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { freePort } from "../hosts/ports.ts";
import { Place, recipeNames } from "./recipes.ts";

vi.setConfig({ testTimeout: 60_000 });

describeWith(["redis", "frp"], "the README's recipe for a default deny", () => {
  it("refuses nobody while it is tried, tells who would have been refused, and then refuses them", async () => {
    const place = await Place.start();
    const noted = await place.follow("observe");
    const [ofAlice, ofBob] = [await freePort(), await freePort()];
    const alice = await place.frpc("alice", { proxies: [place.tcp("ssh", ofAlice)], until: "all" });
    const bob = await place.frpc("bob", { proxies: [place.tcp("ssh", ofBob)], until: "all" });
    for (const port of [ofAlice, ofBob]) expect(await (await tcpUser(port)).served).toBe(true);

    const started = await place.event("session.started", ({ user }) => user === "bob");
    const wouldRefuse = { code: "default_deny", rule: "default", reason: "refused by policy" };
    expect(started.data.decision).toMatchObject({ effect: "allowed", wouldRefuse });
    const known = await place.event("session.started", ({ user }) => user === "alice");
    expect(known.data.decision).toMatchObject({ effect: "allowed", rule: "user:alice" });
    expect(known.data.decision.wouldRefuse ?? null).toBeNull();
    const { stdout } = await sluice(["tail", "--type", "login.*"], {
      settings: { "data.dir": place.bridge.dataDir },
    });
    const loginOf = (user: string): string => stdout.split("\n").find((line) => line.includes(` ${user} `))!;
    expect(loginOf("bob")).toContain("would be refused by default: refused by policy");
    expect(loginOf("alice")).toContain("allowed by user:alice");
    const metrics = await (await fetch(`${place.bridge.adminUrl}/metrics`)).text();
    for (const op of ["Login", "NewProxy", "NewUserConn"]) {
      const labels = `{op="${op}",scope="default",code="default_deny"}`;
      expect(metrics).toContain(`sluice_ops_would_refuse_total${labels} 1\n`);
    }
    expect(metrics).not.toMatch(/^sluice_ops_total\{.*effect="refused"/m);
    await bob.close();

    const enforced = await place.follow("enforce");
    await place.turnsAway("bob", /ask for access/);
    expect(await (await tcpUser(ofAlice)).served).toBe(true);
    await alice.close();
    await place.frpc("alice");
    await place.takeBack(enforced);
    await place.frpc("bob");
    await place.takeBack(noted.split("\n")[0]!);
  });

  it("refuses nobody either where the whole bridge observes, whatever the rules say", async () => {
    const place = await Place.start({ "policy.mode": "observe" });
    await place.follow("enforce");
    const remotePort = await freePort();
    await place.frpc("bob", { proxies: [place.tcp("ssh", remotePort)], until: "all" });
    expect(await (await tcpUser(remotePort)).served).toBe(true);
    const { data } = await place.event("session.started");
    const wouldRefuse = { code: "default_deny", rule: "default", reason: "ask for access" };
    expect(data.decision).toMatchObject({ effect: "allowed", wouldRefuse });
    const metrics = await (await fetch(`${place.bridge.adminUrl}/metrics`)).text();
    const labels = `{op="NewUserConn",scope="default",code="default_deny"}`;
    expect(metrics).toContain(`sluice_ops_would_refuse_total${labels} 1\n`);
  });
});

it("every recipe of the README is proven", () => {
  const proven = ["tokens", "ports", "domains", "guest", "hours", "range", "out", "connections", "bandwidth"];
  expect(recipeNames).toEqual([...proven, "observe", "enforce", "rights"]);
});
