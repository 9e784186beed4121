/** `sluice policy` with a policy file, and beside a bridge that runs on it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileStore } from "../../src/policy/file-store.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { keep } from "../hosts/keeper.ts";
import { call, type Ended, environment, sluice } from "./sluice.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const token = "s3cret-admin";

describe("sluice policy with a file", () => {
  let folder: Folder;
  let file: string;

  beforeEach(async () => {
    folder = await temporaryFolder("policy-file");
    file = join(folder.path, "policy.json");
  });
  afterEach(() => folder.remove());

  function policy(args: readonly string[], input = ""): Promise<Ended> {
    return sluice(["policy", ...args], { cwd: folder.path, env: { USER: "olga" }, input });
  }

  it("makes the file where there is none, for its owner alone, and edits it without touching the rest", async () => {
    expect((await policy(["list"])).stdout).toBe(`0 rules in file ${file}, which is not there\n`);
    expect((await policy(["check"])).stdout).toContain(
      `0 rules in file ${file}, which is not there: 0 errors`,
    );
    await policy(["set", "user:alice", "allow", "--plain"]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, '{ "user:zoe":   "allow",\n  "user:alice": {"note":"x"} }\n');
    await chmod(file, 0o640);
    await policy(["set", "user:alice", "deny"]);
    await policy(["set", "default", "deny", "--plain"]);
    expect(await readFile(file, "utf8")).toBe(
      '{ "user:zoe":   "allow",\n  "user:alice": {\n    "effect": "deny",\n    "by": "olga"\n  },\n  "default": "deny" }\n',
    );
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    const { code, stdout } = await policy(["rm", "user:zoe"]);
    expect([code, stdout.split("\n")[0]]).toEqual([0, "user:zoe removed, was allow"]);
    expect(Object.keys(JSON.parse(await readFile(file, "utf8")))).toEqual(["user:alice", "default"]);
  });

  it("loses no change of commands that run at once, and writes what a link names", async () => {
    const real = join(folder.path, "real.json");
    await writeFile(real, "{}");
    await symlink(real, file);
    const users = ["a", "b", "c", "d", "e"];
    const all = await Promise.all(users.map((user) => policy(["set", `user:${user}`, "allow", "--plain"])));
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(Object.keys(JSON.parse(await readFile(real, "utf8"))).sort()).toEqual(
      users.map((user) => `user:${user}`),
    );
    expect(await readFile(file, "utf8")).toBe(await readFile(real, "utf8"));
  });

  it("names what a killed command left, and changes nothing beside it", async () => {
    await writeFile(`${file}.new`, "");
    const { code, stderr } = await policy(["set", "user:a", "allow"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}.new is there; if none is, remove it [policy_unwritable]`);
    expect((await policy(["list"])).stdout).toBe(`0 rules in file ${file}, which is not there\n`);
  });

  it("takes an empty file for a mistake, as a bridge does, and says what to write", async () => {
    for (const text of ["", " \n"]) {
      await writeFile(file, text);
      for (const args of [
        ["list"],
        ["check"],
        ["get", "user:a"],
        ["set", "user:a", "allow"],
        ["rm", "user:a"],
      ]) {
        const { code, stdout, stderr } = await policy(args);
        expect({ args, code, stdout, stderr }).toEqual({
          args,
          code: 1,
          stdout: "",
          stderr: `sluice: the policy file ${file} is empty: write {} for no rules [policy_unreadable]\n`,
        });
      }
      expect(await readFile(file, "utf8")).toBe(text);
    }
  });

  it.each(["EBUSY", "EXDEV"])("writes over a file that cannot be replaced: %s", async (code) => {
    await writeFile(file, '{"user:alice":"deny moved away","user:zoe":"allow"}', { mode: 0o640 });
    const { ino } = await stat(file);
    const store = new FileStore(file, () => Promise.reject(Object.assign(new Error("mounted"), { code })));
    await store.remove("user:alice");
    expect(await readFile(file, "utf8")).toBe('{"user:zoe":"allow"}');
    await store.set("user:bob", "deny moved away, and nobody knows where to");
    expect(Object.keys(JSON.parse(await readFile(file, "utf8")))).toEqual(["user:zoe", "user:bob"]);
    expect((await stat(file)).ino).toBe(ino);
    expect(await readdir(folder.path)).toEqual(["policy.json"]);
  });

  it("warns where no rule is left, which a bridge takes for a mistake", async () => {
    await writeFile(file, '{"user:a":"allow","user:b":"deny"}');
    expect((await policy(["rm", "user:a"])).stderr).toBe("");
    const emptied = "sluice: warning: no rule is left: a running bridge keeps the ones it had until there is";
    const pruned = await policy(["import", "-", "--prune", "--dry-run"], "{}");
    expect([pruned.code, pruned.stderr.slice(0, emptied.length)]).toEqual([0, emptied]);
    const { code, stderr } = await policy(["rm", "user:b"]);
    expect([code, stderr.slice(0, emptied.length)]).toEqual([0, emptied]);
    expect((await policy(["rm", "user:b"])).stderr).toBe("");
  });

  it("warns of users that are left without a group, and takes keys as Redis has them", async () => {
    const users = ["a", "b", "c", "d", "e", "f"].map((user) => [`user:${user}`, { groups: ["staff", "eu"] }]);
    const rules = { ...Object.fromEntries(users), "group:staff": "allow", "group:eu": "allow" };
    await writeFile(file, JSON.stringify(rules));
    const text = (keys: string): string =>
      `sluice: warning: ${keys}, and are refused without it unless another group holds\n`;
    expect((await policy(["rm", "sluice:policy:group:eu", "user:f"])).stderr).toBe(
      text("user:a, user:b, user:c, user:d, user:e list group:eu"),
    );
    const wanted = JSON.stringify({ ...Object.fromEntries(users), "user:e": "allow" });
    expect((await policy(["import", "-", "--prune"], wanted)).stderr).toBe(
      text("user:a, user:b, user:c, user:d, user:f list group:staff"),
    );
    const alone = JSON.stringify({ "user:e": { groups: ["staff"] } });
    await policy(["import", "-"], '{"group:staff":"allow"}');
    expect((await policy(["import", "-", "--prune"], alone)).stderr).toBe(
      "sluice: warning: user:e lists group:staff, and is refused without it\n",
    );
    await policy(["import", "-", "--prune"], wanted);
    await policy(["set", "group:staff", "allow"]);
    await policy(["set", "user:e", '{"groups":["staff"]}']);
    expect((await policy(["rm", "group:staff"])).stderr).toBe(
      text("user:a, user:b, user:c, user:d, user:e and 1 other list group:staff"),
    );
  });

  it("list names a pattern that fits nothing while there are rules, and how one is written", async () => {
    await writeFile(file, '{"user:a":"allow","user:b":"deny"}');
    const none = await policy(["list", "user"]);
    expect([none.code, none.stdout, none.stderr]).toEqual([
      0,
      "",
      "sluice: no key fits 'user'; 2 rules in all; a pattern is such as 'user:*'\n",
    ]);
    expect((await policy(["list", "ip:*"])).stderr).toBe("sluice: no key fits 'ip:*'; 2 rules in all\n");
    expect((await policy(["list", "user:*"])).stderr).toBe("");
  });

  it("has no TTLs, and names expiresAt", async () => {
    const { code, stderr } = await policy(["set", "user:a", "allow", "--ttl", "2h"]);
    expect(code).toBe(2);
    expect(stderr).toContain("a policy file has no TTLs: give the rule an expiresAt instead");
    expect((await policy(["set", "user:a", "allow", "--ttl", "2 hours"])).stderr).toContain(
      "such as 90s, 15m, 24h or 7d",
    );
  });

  it("leaves a file that it cannot understand as it is, and says where the mistake is", async () => {
    await writeFile(file, '{"user:a": s3cret}');
    const { code, stderr } = await policy(["set", "user:a", "allow"]);
    expect(code).toBe(1);
    expect(stderr).toContain("is not JSON in line 1, column 12");
    expect(stderr).not.toContain("s3cret");
    expect(await readFile(file, "utf8")).toBe('{"user:a": s3cret}');
  });

  it("watch shows nothing of a file that cannot be understood, and ends", async () => {
    await writeFile(file, "{");
    const { code, stdout, stderr } = await policy(["watch"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("is not JSON in line 1, column 2");
  });

  it("watch waits for a file in a folder that is not there yet", async () => {
    const later = join(folder.path, "later", "policy.json");
    const env = environment({ settings: { "policy.file": later } });
    const child = spawn(process.execPath, [main, "policy", "watch"], { env, cwd: folder.path });
    const release = keep("process", child.pid!);
    const ended = once(child, "close");
    const notices = createInterface(child.stderr)[Symbol.asyncIterator]();
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    expect((await notices.next()).value).toMatch(/^sluice: watching 0 rules, /);
    await mkdir(join(folder.path, "later"));
    await writeFile(later, '{"user:alice":"allow"}');
    expect((await lines.next()).value).toMatch(/ user:alice {2}\(none\) → allow /);
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
    release();
  });

  it("a token is told once with its hash, which its rule takes, and the hash of an old one alone", async () => {
    const { stdout } = await policy(["token"]);
    const made = /^ {2}metadatas\.token = "([\w-]{43})"$/m.exec(stdout)![1]!;
    const value = /sluice policy set user:NAME '(.*)'$/m.exec(stdout)![1]!;
    expect(stdout).toContain(`token: ${made} `);
    expect((await policy(["set", "user:dave", value])).code).toBe(0);
    const { stdout: hash } = await policy(["token", "--hash"], `${made}\n`);
    expect(JSON.parse(await readFile(file, "utf8"))["user:dave"].tokens).toEqual([hash.trim()]);
    expect((await policy(["token"])).stdout).not.toContain(made);
    expect((await policy(["token", "--hash"], "\n")).code).toBe(2);
  });
});

describe("sluice policy beside a bridge", () => {
  let bridge: BridgeHost;
  let file: string;

  beforeEach(async () => {
    const folder = await temporaryFolder("policy-bridge");
    file = join(folder.path, "policy.json");
    await writeFile(file, '{"user:alice":"deny moved away","user:bob":{"limits":{"connections":1}}}');
    bridge = await startBridge({ "policy.file": file, "admin.token": token });
  });
  afterEach(() => bridge.close());

  function policy(args: readonly string[], adminToken = token): Promise<Ended> {
    const port = Number(new URL(bridge.adminUrl).port);
    return sluice(["policy", ...args], {
      settings: { "policy.file": file, "admin.port": port, "admin.token": adminToken },
    });
  }

  it("check knows where limits cannot be enforced, and accept-empty ends the rules that vanished at once", async () => {
    await call(`${bridge.url}/edge-1`, "NewUserConn", {
      user: { user: "bob", metas: null, run_id: "0123456789abcdef" },
      proxy_name: "bob.p",
      proxy_type: "tcp",
      remote_addr: "203.0.113.9:50000",
    });
    const checked = await policy(["check"]);
    expect([checked.code, checked.stderr]).toEqual([0, ""]);
    expect(checked.stdout).toContain("user:bob limits.connections cannot be enforced at edge-1 (tcp):");

    await writeFile(file, "{}");
    const login = (): Promise<unknown> => call(bridge.url, "Login", { user: "alice" });
    await bridge.log.saw(/every policy rule vanished at once/);
    expect(await login()).toMatchObject({ reject: true, reject_reason: "moved away" });
    expect((await policy(["check"])).stderr).toContain("keeps 2 rules in force that are not there any more");

    expect((await policy(["accept-empty"], "wrong")).stderr).toContain("wants its token");
    const accepted = await policy(["accept-empty"]);
    expect([accepted.code, accepted.stdout]).toEqual([0, "2 kept rules ended.\n"]);
    expect(await login()).toMatchObject({ reject: false });
    expect((await policy(["accept-empty"])).stdout).toContain("nothing changed");
  });
});
