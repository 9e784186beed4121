/** `sluice sessions` against a bridge that runs. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ageText, sessionTable } from "../../src/cli/session-table.ts";
import type { ListedSession } from "../../src/sessions/listing.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { freePort } from "../hosts/ports.ts";
import { call, sluice } from "./sluice.ts";

const token = "s3cret-admin";

describe("sluice sessions", () => {
  let bridge: BridgeHost;
  let settings: Record<string, string | number>;

  beforeAll(async () => {
    bridge = await startBridge({ "admin.token": token });
    settings = { "admin.port": Number(new URL(bridge.adminUrl).port), "admin.token": token };
    const connect = (node: string, user: string, proxy_type: string, remote_addr: string) =>
      call(`${bridge.url}/${node}`, "NewUserConn", {
        user: { user, metas: null, run_id: `0123456789abcd${user.length}` },
        proxy_name: `${user}.p`,
        proxy_type,
        remote_addr,
      });
    await connect("edge-1", "alice", "tcp", "203.0.113.9:50000");
    await connect("edge-2", "bob", "stcp", "[2001:db8::1]:50001");
    await connect("edge-1", "alice", "tcp", "198.51.100.3:50002");
    await call(`${bridge.url}/edge-1`, "CloseUserConn", {
      user: { user: "alice", metas: null, run_id: "0123456789abcd5" },
      proxy_name: "alice.p",
      proxy_type: "tcp",
      remote_addr: "198.51.100.3:50002",
    });
  });

  it("lists who is connected, newest first, and whether the end will be told", async () => {
    const { code, stdout, stderr } = await sluice(["sessions"], { settings });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [head, bob, alice, sum] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^STATE +USER +PROXY +FROM +NODE +SINCE +ADMITTED BY +AGE$/);
    expect(bob).toMatch(
      /^unknown +bob +bob\.p \(stcp\) +\[2001:db8::1\]:50001 +edge-2 +\S+Z +default_allow +\d+s$/,
    );
    expect(alice).toMatch(/^open +alice +alice\.p \(tcp\) +203\.0\.113\.9:50000 +edge-1 /);
    expect(sum).toBe("1 open, 1 unknown (their frps does not tell when connections end)");
  });

  it.each([
    [["--user", "alice"], "alice.p"],
    [["--proxy", "bob.p"], "bob.p"],
    [["--node", "edge-2"], "bob.p"],
    [["--ip", "203.0.113.0/24"], "alice.p"],
    [["--ip", "2001:db8::/32"], "bob.p"],
  ])("%j leaves one of them", async (filter, proxy) => {
    const { stdout } = await sluice(["sessions", "--json", ...filter], { settings });
    const { sessions } = JSON.parse(stdout);
    expect(sessions.map((session: { proxy: { name: string } }) => session.proxy.name)).toEqual([proxy]);
  });

  it("counts all where it lists few", async () => {
    const { stdout } = await sluice(["sessions", "--limit", "1"], { settings });
    expect(stdout).toContain("1 open, 1 unknown (their frps does not tell when connections end); shown");
    expect(stdout).not.toContain("alice.p");
  });

  it("says what is wrong with a filter, and ends with 2", async () => {
    const { code, stderr } = await sluice(["sessions", "--ip", "example.com"], { settings });
    expect(code).toBe(2);
    expect(stderr).toContain("ip must be an address or a CIDR, such as 203.0.113.0/24");
  });

  it("says why none of prox is listed, where a plugin of prox works", async () => {
    const dir = await temporaryFolder("sessions");
    await mkdir(join(dir.path, "prox-1", "journal"), { recursive: true });
    const ofProx = { ...settings, "data.dir": dir.path };
    const { code, stdout, stderr } = await sluice(["sessions", "--user", "nobody"], { settings: ofProx });
    expect([code, stdout]).toEqual([0, "0 open, 0 unknown\n"]);
    expect(stderr).toContain("connections of prox are not listed");
    await dir.remove();
  });

  it("names the setting where the token is wrong, and never the token", async () => {
    const wrong = { ...settings, "admin.token": "s3cret-wrong" };
    const { code, stderr } = await sluice(["sessions"], { settings: wrong });
    expect(code).toBe(1);
    expect(stderr).toContain("wants its token (admin.token, SLUICE_ADMIN_TOKEN) [admin_unavailable]");
    expect(stderr).not.toContain("s3cret");
  });

  it("says where no bridge answers", async () => {
    const port = await freePort();
    const { code, stderr } = await sluice(["sessions"], { settings: { "admin.port": port } });
    expect(code).toBe(1);
    expect(stderr).toContain(`no bridge answers at http://127.0.0.1:${port} (admin.host, admin.port)`);
  });

  it("is refused an unknown filter by the admin port", async () => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${bridge.adminUrl}/v1/sessions?usr=alice`, { headers });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: "no such filter: usr, did you mean user?" },
    ]);
    expect((await fetch(`${bridge.adminUrl}/v1/sessions`)).status).toBe(401);
  });
});

describe("the table", () => {
  const session: ListedSession = {
    id: "0",
    key: "0",
    state: "ending",
    node: "edge-1",
    user: "",
    client: null,
    clientInfo: null,
    proxy: { name: `${"long-".repeat(20)}name`, type: "tcp" },
    remote: { ip: "2001:db8::1234:5678:9abc:def0", port: 50000 },
    rule: "user:a-user-with-a-rather-long-name",
    code: "rule_allow",
    startedAt: "2026-01-01T00:00:00.000Z",
    ageMs: 90_000,
  };
  const list = { at: session.startedAt, open: 0, ending: 1, unknown: 0, sessions: [session] };

  it("keeps a row on one line of a terminal, and leaves nothing out elsewhere", () => {
    for (const line of sessionTable(list, 80)) expect(line.length).toBeLessThanOrEqual(80);
    expect(sessionTable(list, 80)[1]).toMatch(/^ending .*1m 30s$/);
    expect(sessionTable(list, null)[1]).toContain(
      `${session.proxy.name} (tcp)  [${session.remote!.ip}]:50000`,
    );
    expect(sessionTable(list, null).at(-1)).toBe("0 open, 1 ending, 0 unknown");
  });
});

describe("an age", () => {
  it.each([
    [0, "0s"],
    [59_999, "59s"],
    [60_000, "1m 0s"],
    [3_725_000, "1h 2m"],
    [90_000_000, "1d 1h"],
  ])("%d ms is %s", (ms, text) => expect(ageText(ms)).toBe(text));
});
