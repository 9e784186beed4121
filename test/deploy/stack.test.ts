/** What `npm run stack` prints, used as it stands: its settings by commands, its lines for frps by a real one. */
import { parse } from "smol-toml";
import { expect, it, vi } from "vitest";
import { sluice } from "../cli/sluice.ts";
import { eventually } from "../eventually.ts";
import { startBackend } from "../hosts/backend.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startFrpc, startFrps } from "../hosts/frp.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { freePort } from "../hosts/ports.ts";
import { start } from "../scripts/started.ts";

vi.setConfig({ testTimeout: 120_000 });

describeWith(["redis", "kafka", "frp"], "npm run stack", () => {
  it("prints settings and lines for frps that work as they stand", async () => {
    const { child, log, ended, leavesNothing } = await start("../../scripts/stack.ts");
    await log.saw(/topics created/, { timeoutMs: 60_000 });
    const [, config] = /SLUICE_CONFIG=(\S+)/.exec(await log.saw(/export SLUICE_CONFIG=/))!;
    const command = (...args: string[]) => sluice(args, { env: { SLUICE_CONFIG: config! } });
    const from = log.lines.indexOf("  [[httpPlugins]]");
    const lines = log.lines.slice(from, log.lines.indexOf("", from)).map((line) => line.trim());

    const port = await freePort();
    const backend = await startBackend();
    const frps = await startFrps({ settings: parse(lines.join("\n")) });
    const proxy = { name: "web", type: "tcp" as const, localPort: backend.echoPort, remotePort: port };
    // One that sends pings leaves when its user is denied, and its port with it.
    const frpc = await startFrpc({
      frps,
      user: "alice",
      proxies: [proxy],
      heartbeatSeconds: -1,
      until: "all",
    });
    const isServed = async () => {
      const user = await tcpUser(port);
      const served = await user.served;
      await user.close();
      return served;
    };
    expect(await isServed()).toBe(true);
    expect((await command("policy", "set", "user:alice", "deny moved away")).code).toBe(0);
    await eventually(async () => expect(await isServed()).toBe(false));

    await frpc.stop();
    await frps.stop();
    await eventually(async () => {
      const { stdout } = await command("tail", "--kafka");
      expect(stdout).toMatch(/session\.started .*alice[\s\S]*session\.refused .*moved away/);
    });
    expect(await command("doctor", "--only", "settings,data,redis,kafka")).toMatchObject({ code: 0 });
    expect(await command("verify")).toMatchObject({ code: 0 });

    child.kill("SIGINT");
    expect(await ended).toBe(0);
    await leavesNothing();
  });
});
