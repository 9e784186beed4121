/** Recipes about what a user may open, against real servers. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect, createServer } from "node:net";
import { expect, it, vi } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { freePort, freePortOf } from "../hosts/ports.ts";
import { Place } from "./recipes.ts";

vi.setConfig({ testTimeout: 60_000 });

describeWith(["redis", "frp"], "the README's recipe", () => {
  it("for ports per user opens those, and refuses others and other types of proxies", async () => {
    const place = await Place.start();
    const lines = await place.follow("ports");
    const [listed, other] = [await freePortOf(6000, 6100), await freePort()];
    const web = { name: "web", type: "http", localPort: place.backend.httpPort, subdomain: "bob" };
    const proxies = [place.tcp("ok", listed), place.tcp("elsewhere", other), web];
    const frpc = await place.frpc("bob", { proxies });
    await frpc.log.saw(/\[ok\] start proxy success/);
    await frpc.log.saw(/\[elsewhere\] start error: .*this port is not allowed/);
    await frpc.log.saw(/\[web\] start error: .*this type of proxy is not allowed/);
    expect(await (await tcpUser(listed)).served).toBe(true);
    await expect(tcpUser(other)).rejects.toThrow("ECONNREFUSED");
    await frpc.close();
    // Nobody else is meant.
    await place.frpc("alice", { proxies: [place.tcp("ok", other)], until: "all" });
    await place.takeBack(lines);
    await place.frpc("bob", { proxies: [place.tcp("elsewhere", await freePort()), web], until: "all" });
  });

  it("for only these domains opens those, and refuses a proxy that asks for any other", async () => {
    const place = await Place.start();
    const lines = await place.follow("domains");
    const http = (name: string, customDomains: string[]) => ({
      name,
      type: "http",
      localPort: place.backend.httpPort,
      customDomains,
    });
    const foreign = http("foreign", ["shop.carol.example.com", "bank.example.com"]);
    const below = http("below", ["a.b.carol.example.com"]);
    const proxies = [http("own", ["carol.example.com"]), below, foreign, place.tcp("ssh", await freePort())];
    const frpc = await place.frpc("carol", { proxies });
    await frpc.log.saw(/\[own\] start proxy success/);
    await frpc.log.saw(/\[below\] start proxy success/);
    await frpc.log.saw(/\[foreign\] start error: .*this domain is not allowed/);
    await frpc.log.saw(/\[ssh\] start error: .*this type of proxy is not allowed/);
    const statusOf = (domain: string) => statusAt(place.frps.httpPort, domain);
    expect(await statusOf("carol.example.com")).toBe(200);
    expect(await statusOf("a.b.carol.example.com")).toBe(200);
    expect(await statusOf("bank.example.com")).toBe(404);
    expect(await statusOf("shop.carol.example.com")).toBe(404);
    const { data } = await place.event("proxy.refused", ({ proxy }) => proxy.name === "carol.foreign");
    expect(data.decision).toMatchObject({ code: "proxy_domain", rule: "user:carol" });
    await frpc.close();
    await place.takeBack(lines);
    await place.frpc("carol", { proxies: [foreign], until: "all" });
    expect(await statusOf("bank.example.com")).toBe(200);
  });

  it("for a bandwidth cap lets nothing through faster, and says in the event what it set", async () => {
    const place = await Place.start();
    const bytes = 768 * 1024;
    const source = createServer((socket) => socket.on("error", () => {}).end(Buffer.alloc(bytes)));
    const localPort = await freePort();
    await once(source.listen(localPort, "127.0.0.1"), "listening");
    await using _ = { [Symbol.asyncDispose]: async () => void source.close() };
    const lines = await place.follow("bandwidth");
    const remotePort = await freePort();
    const capped = await place.frpc("frank", {
      proxies: [{ name: "files", type: "tcp", localPort, remotePort }],
      until: "all",
    });
    const startedMs = performance.now();
    expect(await downloaded(remotePort)).toBe(bytes);
    // frps lets a second's worth through at once; the rest takes its time, whatever the machine does.
    const leastMs = (bytes / (256 * 1024) - 1) * 1000;
    expect(performance.now() - startedMs).toBeGreaterThan(leastMs * 0.98);
    const { data } = await place.event("proxy.allowed");
    expect(data.rewrite).toEqual({
      bandwidth_limit: { from: null, to: "256KB" },
      bandwidth_limit_mode: { from: null, to: "server" },
    });
    await capped.close();
    await place.takeBack(lines);
    const from = place.journal.events.length;
    await place.frpc("frank", { proxies: [place.tcp("files", await freePort())], until: "all" });
    expect((await place.event("proxy.allowed", () => true, from)).data.rewrite).toBeNull();
  });
});

/** How many bytes came until the other side ended. */
async function downloaded(port: number): Promise<number> {
  let bytes = 0;
  for await (const chunk of connect(port, "127.0.0.1")) bytes += chunk.length;
  return bytes;
}

/** What an HTTP request for a domain gets from frps. */
async function statusAt(port: number, host: string): Promise<number | undefined> {
  const asked = request({ host: "127.0.0.1", port, headers: { host }, agent: false }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
