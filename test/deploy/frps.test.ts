/** The configurations of deploy/frps, by the released frps and a real bridge. */
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { expect, it } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { startBackend } from "../hosts/backend.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { type FrpcHost, startFrpc } from "../hosts/frp.ts";
import { frpEndsProgram } from "../hosts/frp-ends-program.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { startConfiguredFrps, verifiedByFrps } from "../hosts/frps-config.ts";
import { JournalEvents } from "../hosts/journal-events.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { run } from "../hosts/process.ts";

const folder = join(import.meta.dirname, "../../deploy/frps");
const goodOnes = ["frps.toml", "tls.toml", "standby.toml", "several/edge-1.toml", "several/edge-2.toml"];

type Frps = Awaited<ReturnType<typeof startConfiguredFrps>>;

const withPassword: BridgeSettings = { "http.auth": "frps:s3cret" };

/** A client that is let in, and a visitor's connection through its proxy, begun and ended. */
async function used(frps: Frps, user = "alice"): Promise<FrpcHost> {
  const { echoPort } = await startBackend();
  const remotePort = await freePort();
  const proxy = { name: "ssh", type: "tcp", localPort: echoPort, remotePort };
  const frpc = await startFrpc({ frps, user, proxies: [proxy], until: "all" });
  const visitor = await tcpUser(remotePort);
  expect(await visitor.served).toBe(true);
  await visitor.close();
  return frpc;
}

const typed = (type: string) => (event: { type: string }) => event.type === `sluice.${type}`;

async function refusedFrpc(frps: Frps, why: RegExp): Promise<void> {
  const frpc = await startFrpc({ frps, user: "alice", until: "nothing" });
  await frpc.log.saw(why);
  await frpc.close();
}

/** One address before bridges that come and go, as a TCP balancer or a floating address is. */
async function movingAddress(): Promise<{ addr: string; moveTo(bridge: BridgeHost): void }> {
  let port = 0;
  const server = createTcpServer((from) => {
    const to = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const)
      one.pipe(other).on("error", () => one.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeWithFile({ [Symbol.asyncDispose]: async () => void server.close() });
  return {
    addr: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    moveTo(bridge) {
      port = Number(bridge.addr.split(":")[1]);
    },
  };
}

/** TLS taken off before the bridge. */
async function tlsBefore(bridge: BridgeHost): Promise<{ addr: string; authority: string }> {
  const place = await temporaryFolder("certificate");
  closeWithFile({ [Symbol.asyncDispose]: () => place.remove() });
  const [key, cert] = [join(place.path, "key.pem"), join(place.path, "cert.pem")];
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "1"];
  const named = ["-subj", "/CN=sluice", "-addext", "subjectAltName=IP:127.0.0.1"];
  await run({ program: "openssl", args: [...made, ...named] });
  const options = { key: await readFile(key), cert: await readFile(cert) };
  const server = createTlsServer(options, (from) => {
    const to = connect(Number(bridge.addr.split(":")[1]), "127.0.0.1");
    from.pipe(to).on("error", () => from.destroy());
    to.pipe(from).on("error", () => to.destroy());
  }).on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeWithFile({ [Symbol.asyncDispose]: async () => void server.close() });
  return { addr: `127.0.0.1:${(server.address() as AddressInfo).port}`, authority: cert };
}

describeWith(["frp", "frp-ends"], "the configurations of frps", () => {
  it.each(goodOnes)("%s is taken by the released frps", async (config) => {
    expect(await verifiedByFrps(config)).toContain("syntax is ok");
  });

  it("close-user-conn.toml is refused by the released frps", async () => {
    await expect(verifiedByFrps("close-user-conn.toml")).rejects.toThrow(/invalid http plugin ops/);
  });

  it("frps.toml: a released frps asks Sluice about all that it can", async () => {
    const bridge = await startBridge();
    await using frps = await startConfiguredFrps({ config: "frps.toml", addr: bridge.addr });
    const frpc = await used(frps);
    await frpc.stop();
    const journal = await JournalEvents.read(bridge.dataDir);
    for (const type of [
      ...["login.allowed", "login.confirmed", "heartbeat.allowed", "proxy.allowed"],
      ...["workconn.allowed", "session.started", "proxy.closed"],
    ])
      expect((await journal.saw(typed(type), type)).data.node, type).toBe("frps");
  });

  it("close-user-conn.toml: a frps that can tells of each end", async () => {
    const bridge = await startBridge();
    const [program, args] = [await frpEndsProgram(), ["-record", "/dev/null"]];
    const config = { config: "close-user-conn.toml", addr: bridge.addr, program, args };
    await using frps = await startConfiguredFrps(config);
    await used(frps);
    const journal = await JournalEvents.read(bridge.dataDir);
    const ended = await journal.saw(typed("session.ended"), "session.ended");
    expect(ended.data).toMatchObject({ user: "alice", end: { inferred: false }, pairing: "exact" });
  });

  it("tls.toml: the password goes over TLS, and only to who has a certificate that frps trusts", async () => {
    const bridge = await startBridge(withPassword);
    const { addr, authority } = await tlsBefore(bridge);
    const config = { config: "tls.toml", addr, password: "s3cret" };
    await using trusting = await startConfiguredFrps({ ...config, env: { SSL_CERT_FILE: authority } });
    await used(trusting);
    await using doubting = await startConfiguredFrps(config);
    await refusedFrpc(doubting, /send Login request to plugin error/);
    await doubting.log.saw(/certificate signed by unknown authority/);
  });

  it("standby.toml: the second bridge answers once the address is its own", async () => {
    const [first, second] = [await startBridge(withPassword), await startBridge(withPassword)];
    const { addr, moveTo } = await movingAddress();
    moveTo(first);
    await using frps = await startConfiguredFrps({ config: "standby.toml", addr, password: "s3cret" });
    await used(frps);
    await first.kill();
    moveTo(second);
    await used(frps, "bob");
    const journal = await JournalEvents.read(second.dataDir);
    await journal.saw(typed("session.started"), "session.started");
  });

  it("standby.toml: a second plugin instead would be asked too, and without it nobody gets in", async () => {
    const [first, second] = [await startBridge(withPassword), await startBridge(withPassword)];
    const text = await readFile(join(folder, "standby.toml"), "utf8");
    const plugin = text.slice(text.indexOf("[[httpPlugins]]")).replace('"sluice"', '"second"');
    const instead = {
      "# One plugin only.": `${plugin.replace(/@[^"]+/, `@${second.addr}`)}\n# Two plugins.`,
    };
    const config = { config: "standby.toml", addr: first.addr, password: "s3cret", instead };
    await using frps = await startConfiguredFrps(config);
    await used(frps);
    for (const bridge of [first, second]) {
      const journal = await JournalEvents.read(bridge.dataDir);
      await journal.saw(typed("session.started"), "session.started");
    }
    await second.kill();
    await refusedFrpc(frps, /send Login request to plugin error/);
  });

  it("several/: each frps is known by its path, and its password admits to that alone", async () => {
    const settings = join((await temporaryFolder("several")).path, "sluice.toml");
    const shipped = await readFile(join(folder, "several/sluice.toml"), "utf8");
    expect(loadSettings(join(folder, "several/sluice.toml"), {}).settings.nodes).toMatchObject({
      "edge-1": { subdomainHost: "edge-1.example.com" },
      "edge-2": { subdomainHost: "edge-2.example.com" },
    });
    await writeFile(settings, shipped);
    const env = { SLUICE_CONFIG: settings };
    const bridge = await startBridge({ "http.host": "127.0.0.1" }, { env });
    const journal = await JournalEvents.read(bridge.dataDir);
    for (const n of [1, 2]) {
      const config = { config: `several/edge-${n}.toml`, addr: bridge.addr, password: `change-me-${n}` };
      await using frps = await startConfiguredFrps(config);
      await used(frps);
      const isOurs = (event: { data: { node: string }; type: string }) =>
        event.data.node === `edge-${n}` && typed("session.started")(event);
      await journal.saw(isOurs, `session.started of edge-${n}`);
    }
    const strange = { config: "several/edge-2.toml", addr: bridge.addr, password: "change-me-1" };
    await using frps = await startConfiguredFrps({ ...strange, instead: { "edge-2:{{": "edge-1:{{" } });
    await refusedFrpc(frps, /send Login request to plugin error/);
    await frps.log.saw(/do http request error code: 401/);
  });
});
