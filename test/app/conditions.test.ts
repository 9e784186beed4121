/** Conditions, groups and rewrites as a real frps and frpc meet them. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { startBackend } from "../hosts/backend.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startFrpc, startFrps } from "../hosts/frp.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { freePort } from "../hosts/ports.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { eventsOf, ruledBy, toKafka } from "./stack.ts";

const hashOf = (token: string): string => `sha256:${createHash("sha256").update(token).digest("hex")}`;
const token = "s3cret-of-alice";

describeWith(["kafka", "frp"], "rules with conditions at a real frps", () => {
  it("admit by token, keep to ports, set fields, and refuse with a reason that frpc shows", async () => {
    const [asked, given, forbidden] = [await freePort(), await freePort(), await freePort()];
    const kafka = toKafka(await sharedKafka());
    const bridge = await startBridge({
      ...kafka,
      ...(await ruledBy({
        "user:alice": {
          tokens: [hashOf("an old one"), hashOf(token)],
          groups: ["tenants"],
          set: { NewProxy: { remote_port: given } },
        },
        "group:tenants": { effect: "require", proxies: { types: ["tcp"], ports: [asked] } },
      })),
    });
    const topics = await eventsOf(bridge, kafka);
    await using frps = await startFrps({ plugins: [{ addr: bridge.addr }] });
    const { echoPort } = await startBackend();
    const proxy = (name: string, remotePort: number) => ({
      name,
      type: "tcp",
      localPort: echoPort,
      remotePort,
    });

    const stranger = await startFrpc({
      frps,
      user: "alice",
      metadatas: { token: "wrong" },
      until: "nothing",
    });
    await stranger.log.saw(/token missing or wrong/);
    await stranger.stop();

    const metadatas = { token };
    const frpc = await startFrpc({
      frps,
      user: "alice",
      metadatas,
      proxies: [proxy("ok", asked), proxy("elsewhere", forbidden)],
    });
    await frpc.log.saw(/\[ok\] start proxy success/);
    await frpc.log.saw(/\[elsewhere\] start error: .*this port is not allowed/);
    // frps has taken the port that the rule set, and not the one that was asked for.
    expect(await (await tcpUser(given)).served).toBe(true);
    await expect(tcpUser(asked)).rejects.toThrow("ECONNREFUSED");

    const { event } = await topics.saw(
      ({ type, data }) => type === "sluice.proxy.allowed" && data.proxy.name === "alice.ok",
    );
    expect(event.data.rewrite).toEqual({ remote_port: { from: asked, to: given } });
    const session = await topics.saw(({ type }) => type === "sluice.session.started");
    expect(session.event.data.proxy.remotePort).toBe(given);
    const refused = await topics.saw(({ type }) => type === "sluice.proxy.refused");
    expect(refused.event.data.decision).toMatchObject({ code: "proxy_port", rule: "group:tenants" });
    const loginRefused = await topics.saw(({ type }) => type === "sluice.login.refused");
    expect(loginRefused.event.data.decision).toMatchObject({ code: "token_rejected", rule: "user:alice" });
    for (const { value } of topics.events) expect(value).not.toContain(token);
    await bridge.close();
  });
});
