/** The README's way into production: what its blocks write is what the unit's bridge, and the commands beside it, can use. */
import { cp, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { run } from "../hosts/process.ts";
import { environmentOf, textOf } from "./unit.ts";

const project = new URL("../..", import.meta.url).pathname;

/** The lines of the README that are marked so, with `folder` in place of the machine's root. */
async function linesOf(mark: string, folder: string): Promise<string> {
  const readme = await readFile(join(project, "README.md"), "utf8");
  const [, lines] = new RegExp(`<!-- production: ${mark} -->\\n\`\`\`sh\\n(.*?)\`\`\``, "s").exec(readme)!;
  return lines!.replaceAll("/etc/", `${folder}/etc/`);
}

it("writes settings that the unit's bridge can read, and secrets that only root can", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await temporaryFolder("production");
  stack.defer(() => folder.remove());
  const etc = join(folder.path, "etc/sluice");
  for (const name of ["credentials", "operator"]) await mkdir(join(etc, name), { recursive: true });
  for (const name of ["as-bridge.sh", "as-operator.sh"]) {
    await writeFile(join(etc, name), (await textOf(name)).replaceAll("/etc/", `${folder.path}/etc/`));
  }
  const bin = join(folder.path, "bin");
  await mkdir(bin);
  await writeFile(
    join(bin, "sluice"),
    `#!/bin/sh\nexec ${process.execPath} ${join(project, "src/main.ts")} "$@"\n`,
    { mode: 0o755 },
  );
  const redis = join(folder.path, "etc/redis");
  await cp(join(project, "deploy/redis"), join(folder.path, "deploy/redis"), { recursive: true });
  await mkdir(redis);
  const script = [
    `PATH=${bin}:$PATH; deploy=${folder.path}/deploy`,
    "chown() { :; }; systemctl() { :; }",
    await linesOf("settings", folder.path),
    // Up to the rules, which want a Redis.
    (await linesOf("redis", folder.path)).replace(/^sluice policy .*$/gm, ""),
  ].join("\n");
  const shown = await run({ program: "bash", args: ["-euc", script] });
  expect(shown).toMatch(/^policy\.mode +"observe"/m);

  const mode = async (name: string): Promise<number> => (await stat(join(etc, name))).mode & 0o777;
  expect(await mode("sluice.toml")).toBe(0o644);
  const secrets: Record<string, string> = {};
  for (const name of ["http-auth", "admin-token", "redis-url", "kafka-sasl-password"]) {
    expect(await mode(`credentials/${name}`)).toBe(0o600);
    secrets[name] = await readFile(join(etc, "credentials", name), "utf8");
  }
  const unit = ["sluice.service", "redis.conf", "kafka.conf"].map(textOf);
  const copies = join(folder.path, "copies");
  await mkdir(copies);
  const { SLUICE_CONFIG, ...env } = await environmentOf(
    (await Promise.all(unit)).join("\n"),
    copies,
    secrets,
  );
  const { settings } = loadSettings(join(folder.path, SLUICE_CONFIG!), env);
  expect(settings.policy.mode).toBe("observe");
  expect(settings.kafka.sasl.password).toBe(secrets["kafka-sasl-password"]?.trim());

  const users = await readFile(join(redis, "users.acl"), "utf8");
  const [, password] = /sluice-bridge:(\w+)@/.exec(settings.redis.url!)!;
  expect(users).toContain(`user sluice-bridge on >${password} `);
  const writer = (await readFile(join(etc, "operator/redis-password"), "utf8")).trim();
  expect(users).toContain(`user sluice-writer on >${writer} `);
  expect(users).not.toContain("change-me");
});
