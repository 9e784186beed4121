/** The plugin under a prox: what users get, and what is published of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { anyEvent } from "../events/strict.ts";
import { startBackend } from "../hosts/backend.ts";
import { bridged, proxes, startUpstream } from "../hosts/prox-setting.ts";
import { askOnce, passUser } from "../hosts/prox-user.ts";
import { makeDir, readAll, recordsOf } from "../journal/harness.ts";
import { pluginPath } from "./plugin-process.ts";

describe.each(proxes)("under $name", ({ start }) => {
  it("users get what the policy lets them have, and all four hooks are published", async () => {
    const dir = makeDir();
    const policy = join(dir, "policy.json");
    writeFileSync(
      policy,
      JSON.stringify({ "domain:deny.test": "deny not here", "domain:no.l4.test": "deny" }),
    );
    const [upstream, { echoPort }] = [await startUpstream(), await startBackend()];
    const prox = await start({
      config: bridged(pluginPath, upstream.address, `127.0.0.1:${echoPort}`),
      env: {
        SLUICE_DATA_DIR: dir,
        SLUICE_POLICY_FILE: policy,
        SLUICE_ADMIN_PORT: "0",
        SLUICE_PROX_LOG: "true",
      },
    });
    await prox.log.saw(/answers prox/);
    const allowed = await askOnce(prox.port("web"), { path: "/a?token=s3cret" });
    expect([allowed.status, String(allowed.body), allowed.headers["x-up"]]).toEqual([200, "upstream", "yes"]);
    const denied = await askOnce(prox.port("web"), { host: "deny.test", path: "/b" });
    expect([denied.status, String(denied.body)]).toEqual([403, "not here\n"]);
    expect(upstream.seen.map(({ url }) => url)).toEqual(["/a?token=s3cret"]);
    for (const domain of ["yes.l4.test", "no.l4.test"]) {
      const user = await passUser(prox.port("gw"), domain);
      expect((await user.first) !== "").toBe(domain === "yes.l4.test");
      user.close();
    }
    await prox.stop();
    const events = recordsOf(await readAll(join(dir, "prox-1"))).map(({ event }) => JSON.parse(event));
    for (const event of events) expect(anyEvent.safeParse(event).error).toBeUndefined();
    const hooks = events.filter(({ op }) => op !== undefined);
    const ofWeb = hooks.filter(({ data }) => data.prox.route === "web:0");
    expect(ofWeb.map(({ type }) => type).sort()).toEqual([
      "sluice.request.allowed",
      "sluice.request.completed",
      "sluice.request.refused",
      "sluice.response.seen",
    ]);
    const { id } = ofWeb.find(({ type }) => type === "sluice.request.allowed");
    const completed = ofWeb.find(({ type }) => type === "sluice.request.completed");
    expect(completed.data).toMatchObject({ request: { id, pairing: "exact" }, bytes: { in: 0, out: 8 } });
    const ofGateway = hooks.filter(({ data }) => data.prox.route === "gw:0");
    expect(ofGateway.map(({ type, data }) => [type, data.prox.domain])).toEqual([
      ["sluice.session.admitted", "yes.l4.test"],
      ["sluice.session.refused", "no.l4.test"],
    ]);
    expect(JSON.stringify(events)).not.toContain("s3cret");
  });

  it("users are refused while its settings are wrong, and prox's log says what is", async () => {
    const [dir, upstream, { echoPort }] = [makeDir(), await startUpstream(), await startBackend()];
    const prox = await start({
      config: bridged(pluginPath, upstream.address, `127.0.0.1:${echoPort}`),
      env: { SLUICE_DATA_DIR: dir, SLUICE_LOG_LEVEL: "loud" },
    });
    expect(await prox.log.saw(/sluice cannot start/)).toContain("SLUICE_LOG_LEVEL");
    await prox.readied();
    expect((await askOnce(prox.port("web"))).status).toBe(500);
    const passed = await passUser(prox.port("gw"), "a.l4.test");
    expect(await passed.first).toBe("");
    passed.close();
    expect(upstream.seen).toEqual([]);
    await prox.stop();
  });
});
