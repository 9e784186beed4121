/** deploy/prox as it is: only where it listens, where it leads to and where its program lies are the test's. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import type { ProxConfig } from "../hosts/prox-config.ts";
import { proxes, startUpstream } from "../hosts/prox-setting.ts";
import { WebUser } from "../hosts/prox-user.ts";
import { makeDir } from "../journal/harness.ts";
import { pluginPath } from "./plugin-process.ts";

const folder = fileURLToPath(new URL("../../deploy/prox/", import.meta.url));
const settingsFile = join(folder, "sluice.toml");

/** What JSON5 has beyond JSON, JavaScript has too. */
function proxConfig(): ProxConfig {
  return structuredClone(runInNewContext(`(${readFileSync(join(folder, "prox.json5"), "utf8")}\n)`));
}

describe.each(proxes)("deploy/prox, run by $name", ({ start }) => {
  it("asks the policy for each request, and a rule that is written changes the next", async () => {
    const upstream = await startUpstream();
    const config = proxConfig();
    config.plugins.sluice!.path = pluginPath;
    delete (config.services.web as { listen?: string }).listen;
    const { action } = config.services.web!.routes[0]!;
    if (typeof action === "object") action.upstream = upstream.address;
    const policyFile = join(makeDir(), "policy.json");
    const policy = JSON.parse(readFileSync(join(folder, "policy.json"), "utf8"));
    writeFileSync(policyFile, JSON.stringify(policy));
    const prox = await start({
      config,
      env: {
        SLUICE_CONFIG: settingsFile,
        SLUICE_POLICY_FILE: policyFile,
        SLUICE_ADMIN_PORT: "0",
        SLUICE_PROX_LOG: "true",
      },
    });
    await prox.readied();
    await prox.log.saw(/answers prox/);
    const user = new WebUser(prox.port("web"));
    expect(await user.ask()).toMatchObject({ status: 200, body: Buffer.from("upstream") });
    writeFileSync(policyFile, JSON.stringify({ ...policy, "domain:web.test": "deny closed today" }));
    let answer = await user.ask();
    while (answer.status === 200) answer = await user.ask();
    expect([answer.status, String(answer.body).trimEnd()]).toEqual([403, "closed today"]);
    user.close();
    await prox.stop();
  });
});

describe("deploy/prox", () => {
  it("gives the plugin at least twice the time that it gives itself", () => {
    const { settings } = loadSettings(settingsFile, {});
    const timeouts = Object.values(proxConfig().services).flatMap(({ routes }) =>
      routes.map(({ plugin_timeout: timeout }) => Number(/^(\d+)s$/.exec(timeout ?? "")?.[1]) * 1_000),
    );
    expect(timeouts).not.toEqual([]);
    expect(Math.min(...timeouts)).toBeGreaterThanOrEqual(2 * settings.prox.deadlineMs);
  });
});
