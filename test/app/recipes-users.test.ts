/** Recipes about who gets in, against real servers. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, vi } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { freePort } from "../hosts/ports.ts";
import { Place } from "./recipes.ts";

vi.setConfig({ testTimeout: 60_000 });

/** As frpc has it by default; the other tests' frpcs send pings. */
const withoutPings = { settings: { transport: { poolCount: 1, heartbeatInterval: -1 } } };

describeWith(["redis", "frp"], "the README's recipe", () => {
  it("for a token per user lets in who brings it, and nobody without it or with another", async () => {
    const place = await Place.start();
    const lines = await place.follow("tokens");
    const metadatas = { token: "token-of-alice" };
    await place.frpc("alice", { metadatas });
    await place.turnsAway("alice", /token missing or wrong/);
    await place.turnsAway("alice", /token missing or wrong/, { metadatas: { token: "token-of-bob" } });
    await place.frpc("bob");
    const codes = place.journal.events.filter(({ type }) => type === "sluice.login.refused");
    expect(codes.length).toBeGreaterThan(1);
    for (const { data } of codes)
      expect(data.decision).toMatchObject({ code: "token_rejected", rule: "user:alice" });
    expect(JSON.stringify(place.journal.events)).not.toContain("token-of-");
    await place.takeBack(lines);
    await place.frpc("alice");
  });

  it("for a guest lets one in for two hours, and refuses when they are over", async () => {
    const place = await Place.start();
    const lines = await place.follow("guest");
    const left = Number(await place.sh("redis-cli TTL sluice:policy:user:guest"));
    expect(left).toBeGreaterThan(7100);
    expect(left).toBeLessThanOrEqual(7200);
    const remotePort = await freePort();
    const frpc = await place.frpc("guest", {
      ...withoutPings,
      proxies: [place.tcp("ssh", remotePort)],
      until: "all",
    });
    await using before = await tcpUser(remotePort);
    expect(await before.served).toBe(true);
    await place.turnsAway("stranger", /ask for access/);
    // Two hours later.
    const from = place.journal.events.length;
    await place.sh("redis-cli PEXPIRE sluice:policy:user:guest 1");
    await place.changed("user:guest", (after) => after === null, from);
    expect(await (await tcpUser(remotePort)).served).toBe(false);
    await place.turnsAway("guest", /ask for access/);
    const { data } = await place.event("session.refused");
    expect(data.decision).toMatchObject({ code: "default_deny", rule: "default" });
    await frpc.close();
    await place.takeBack(lines.split("\n")[0]!);
    await place.frpc("guest");
  });

  it("for keeping somebody out refuses what is asked next, and leaves open what is open", async () => {
    const place = await Place.start();
    const [remotePort, ofPinging] = [await freePort(), await freePort()];
    await place.frpc("mallory", {
      ...withoutPings,
      proxies: [place.tcp("ssh", remotePort)],
      until: "all",
    });
    const pinging = await place.frpc("mallory", { proxies: [place.tcp("web", ofPinging)], until: "all" });
    const open = connect(remotePort, "127.0.0.1").setEncoding("utf8");
    expect(await echoed(open, "hello")).toBe("hello");
    const lines = await place.follow("out");
    expect(await (await tcpUser(remotePort)).served).toBe(false);
    await place.turnsAway("mallory", /moved away/);
    // The one that sends pings is told at the next, and is gone with its proxy.
    await pinging.log.saw(/pong message contains error.*moved away|moved away/i);
    await place.event("proxy.closed", ({ proxy }) => proxy.name === "mallory.web");
    // Through all of that the old connection has been open.
    expect(await echoed(open, "still here")).toBe("still here");
    open.destroy();
    const { data } = await place.event("session.refused");
    expect(data.decision).toMatchObject({ code: "rule_deny", rule: "user:mallory", reason: "moved away" });
    await place.takeBack(lines);
    expect(await (await tcpUser(remotePort)).served).toBe(true);
  });
});

/** What comes back of a text that is sent; the end of the connection fails. */
async function echoed(socket: Socket, text: string): Promise<unknown> {
  socket.write(text);
  const ended = once(socket, "close").then(() => ["the connection ended"]);
  return (await Promise.race([once(socket, "data"), ended]))[0];
}
