/** Recipes about when, from where and how often, against real servers. */
import { randomBytes } from "node:crypto";
import { expect, it, vi } from "vitest";
import { decide } from "../../src/policy/decide.ts";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startEndingFrps } from "../hosts/frp-ends.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { freePort } from "../hosts/ports.ts";
import { facts, login, view } from "../policy/cases.ts";
import { linesOf, Place } from "./recipes.ts";

vi.setConfig({ testTimeout: 60_000 });

const blocked = /blocked/;

describeWith(["redis", "frp"], "the README's recipe", () => {
  it("for office hours lets in within them and not outside, in that zone's time", async () => {
    const place = await Place.start();
    const lines = await place.follow("hours");
    // Asked again should the hour have turned meanwhile.
    for (let was: boolean | null = null; was !== isOfficeHour(Date.now()); ) {
      was = isOfficeHour(Date.now());
      const frpc = await place.frpc("dave", { until: "nothing" });
      await frpc.log.saw(was ? /login to server success/ : /not at this hour/).catch((thrown) => {
        if (was === isOfficeHour(Date.now())) throw thrown;
      });
      await frpc.close();
    }
    const value = await place.sh("redis-cli GET sluice:policy:user:dave");
    const rules = new RuleSet([["user:dave", value]]);
    const codeAt = (time: string): string =>
      decide(view(rules), login("dave"), { ...facts, nowMs: Date.parse(time) }).code;
    // Berlin is two hours ahead of UTC in summer, one in winter; 2026-06-01 is a Monday.
    expect(codeAt("2026-06-01T06:00:00Z")).toBe("rule_allow");
    expect(codeAt("2026-06-01T05:59:59Z")).toBe("outside_hours");
    expect(codeAt("2026-06-01T15:59:59Z")).toBe("rule_allow");
    expect(codeAt("2026-06-01T16:00:00Z")).toBe("outside_hours");
    expect(codeAt("2026-12-01T06:30:00Z")).toBe("outside_hours");
    expect(codeAt("2026-12-01T16:30:00Z")).toBe("rule_allow");
    expect(codeAt("2026-06-06T12:00:00Z")).toBe("outside_hours");
    await place.takeBack(lines);
    await place.frpc("dave");
  });

  it("for an address range refuses visitors and clients from there, and nobody else", async () => {
    const place = await Place.start();
    const asWritten = await place.follow("range");
    const askedFrom = (ip: string) => asVisitor(place.bridge.url, ip);
    for (const ip of ["203.0.113.0", "203.0.113.255", "[2001:db8::1]", "[::ffff:203.0.113.9]"])
      expect(await askedFrom(ip), ip).toMatchObject({ reject: true, reject_reason: "blocked" });
    for (const ip of ["203.0.112.255", "203.0.114.0", "[2001:db9::1]"])
      expect(await askedFrom(ip), ip).toMatchObject({ reject: false });
    await place.takeBack(asWritten);

    // The same, for the addresses that real clients and visitors have here.
    const remotePort = await freePort();
    const proxies = [place.tcp("ssh", remotePort)];
    const settings = { transport: { poolCount: 1, heartbeatInterval: -1 } };
    await place.frpc("alice", { proxies, until: "all", settings });
    expect(await (await tcpUser(remotePort)).served).toBe(true);
    const lines = await place.follow("range", { "203.0.113.0/24": "127.0.0.0/8" });
    expect(await (await tcpUser(remotePort)).served).toBe(false);
    await place.turnsAway("bob", blocked);
    const { data } = await place.event("session.refused", ({ remote }) => remote.ip === "127.0.0.1");
    expect(data.decision).toMatchObject({ code: "rule_deny", rule: "ip:127.0.0.0/8" });
    await place.takeBack(lines);
    expect(await (await tcpUser(remotePort)).served).toBe(true);
    await place.frpc("bob");
  });
});

describeWith(["redis", "frp", "frp-ends"], "the README's recipe for limited connections", () => {
  const { connections, connectionsPerMinute } = limitsIn(linesOf("connections"));

  it("lets so many be open at once, where frps tells their ends", async () => {
    const place = await Place.start({}, (addr) => startEndingFrps({ plugins: [{ addr }] }));
    const remotePort = await freePort();
    await place.frpc("erin", { proxies: [place.tcp("ssh", remotePort)], until: "all" });
    // By this the bridge knows that it is told.
    await (await tcpUser(remotePort)).dismissed();
    await place.event("session.closed");
    const lines = await place.follow("connections");
    const open = [];
    for (let n = 0; n < connections; n++) open.push(await tcpUser(remotePort));
    for (const user of open) expect(await user.served).toBe(true);
    expect(await (await tcpUser(remotePort)).served).toBe(false);
    const { data } = await place.event("session.refused");
    expect(data.decision).toMatchObject({ code: "too_many_connections", rule: "user:erin" });
    const from = place.journal.events.length;
    await open[0]!.dismissed();
    await place.event("session.ended", () => true, from);
    expect(await (await tcpUser(remotePort)).served).toBe(true);
    expect(await (await tcpUser(remotePort)).served).toBe(false);
    await place.takeBack(lines);
    expect(await (await tcpUser(remotePort)).served).toBe(true);
  });

  it("lets so many begin within a minute, at every frps", async () => {
    const place = await Place.start();
    const remotePort = await freePort();
    await place.frpc("erin", { proxies: [place.tcp("ssh", remotePort)], until: "all" });
    const lines = await place.follow("connections");
    const served: boolean[] = [];
    // The minute may turn once meanwhile.
    while (served.at(-1) !== false && served.length <= 2 * connectionsPerMinute) {
      await using user = await tcpUser(remotePort);
      served.push(await user.served);
    }
    expect(served.at(-1)).toBe(false);
    expect(served.length).toBeGreaterThan(connectionsPerMinute);
    const { data } = await place.event("session.refused");
    expect(data.decision).toMatchObject({ code: "too_many_new_connections", rule: "user:erin" });
    await place.takeBack(lines);
    expect(await (await tcpUser(remotePort)).served).toBe(true);
  });
});

/** By another way than the condition's own. */
function isOfficeHour(ms: number): boolean {
  const berlin = new Date(new Date(ms).toLocaleString("en-US", { timeZone: "Europe/Berlin" }));
  return berlin.getDay() >= 1 && berlin.getDay() <= 5 && berlin.getHours() >= 8 && berlin.getHours() < 18;
}

function limitsIn(lines: string): { connections: number; connectionsPerMinute: number } {
  return JSON.parse(/'(.*)'/.exec(lines)![1]!).limits;
}

/** What frps is told when somebody comes to a proxy from this address. */
async function asVisitor(url: string, ip: string): Promise<unknown> {
  const user = { user: "alice", metas: null, run_id: "0123456789abcdef" };
  const content = { user, proxy_name: "alice.ssh", proxy_type: "tcp", remote_addr: `${ip}:50000` };
  const headers = { "Content-Type": "application/json", "X-Frp-Reqid": randomBytes(8).toString("hex") };
  const body = JSON.stringify({ version: "0.1.0", op: "NewUserConn", content });
  return (await fetch(url, { method: "POST", headers, body })).json();
}
