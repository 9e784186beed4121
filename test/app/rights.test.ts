/** The rights that the README gives in Redis: enough for what they are given for, and no more. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, it, vi } from "vitest";
import { call, sluice } from "../cli/sluice.ts";
import { eventually } from "../eventually.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { run } from "../hosts/process.ts";
import { startRedis } from "../hosts/redis.ts";
import { redisCliFor } from "../hosts/redis-cli.ts";
import { linesOf } from "./recipes.ts";

vi.setConfig({ testTimeout: 60_000 });

describeWith(["redis"], "with the rights of the README", () => {
  it("a bridge reads rules and writes bans, and whoever writes rules can do all that sluice policy does", async () => {
    const redis = await startRedis();
    const path = `${await redisCliFor(redis.port)}:${process.env.PATH}`;
    await run({ program: "sh", args: ["-euc", linesOf("rights")], env: { PATH: path } });
    const as = (user: string): string => redis.url.replace("//", `//${user}@`);
    const bridge = await startBridge({ "redis.url": as("sluice-bridge:its-password"), "ban.after": 1 });
    const folder = await temporaryFolder("rights");
    const file = join(folder.path, "rules.json");
    await writeFile(file, JSON.stringify({ "user:bob": "deny too loud", "user:alice": "deny moved away" }));
    const olga = (...args: string[]) =>
      sluice(["policy", ...args], { cwd: folder.path, settings: { "redis.url": as("olga:her-password") } });
    for (const args of [
      ["set", "user:carol", "allow", "--ttl", "1h"],
      ["import", file],
      ["export"],
      ["rm", "user:bob"],
    ]) {
      const { code, stderr } = await olga(...args);
      expect({ args, code, denied: /NOPERM/.test(stderr) }).toEqual({ args, code: 0, denied: false });
    }
    expect((await olga("list")).stdout).toContain("user:alice");

    const login = (): Promise<unknown> =>
      call(bridge.url, "Login", { user: "alice", client_address: "198.51.100.7:1" });
    await eventually(async () => expect(await login()).toMatchObject({ reject_reason: "moved away" }));
    await eventually(async () =>
      expect(await login()).toMatchObject({ reject_reason: expect.stringMatching(/^banned/) }),
    );
    expect((await olga("rm", "ban:198.51.100.7")).code).toBe(0);

    const narrow = new Redis(as("sluice-bridge:its-password"), { enableReadyCheck: false });
    await expect(narrow.set("sluice:policy:user:alice", "allow")).rejects.toThrow("NOPERM");
    narrow.disconnect();
    await bridge.close();
    await redis.close();
    await folder.remove();
  });
});
