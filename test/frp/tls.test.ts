/** The plugin port over TLS, as a real frps calls it. */
import { rename, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { Authority, type Certificate } from "../hosts/certificates.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { startFrpc, startFrps } from "../hosts/frp.ts";
import { closeWithFile } from "../hosts/open.ts";

describeWith(["frp"], "the plugin port over TLS", () => {
  const [authority, stranger] = [new Authority("The plugin's CA"), new Authority("Another CA")];
  let folder: string;
  let bridge: BridgeHost;
  let addr: string;

  async function put(name: string, content: string): Promise<void> {
    await writeFile(join(folder, `${name}.new`), content);
    await rename(join(folder, `${name}.new`), join(folder, name));
  }

  async function show({ cert, key }: Certificate): Promise<void> {
    await put("cert.pem", cert);
    await put("key.pem", key);
  }

  /** The names in the certificate that a new connection is shown, or the agent's if it has one open. */
  function shown(agent: Agent): Promise<string | undefined> {
    const { port } = new URL(`https://${addr}`);
    const options = { host: "localhost", port, path: "/handler", method: "POST", agent };
    return new Promise((resolve, reject) => {
      const asked = request({ ...options, ca: authority.cert, headers: { authorization: "Basic dTpw" } });
      asked.once("error", reject).once("response", (response) => {
        const name = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
        response.resume().once("end", () => resolve(String(name)));
      });
      asked.end('{"version":"0.1.0","op":"Ping","content":{}}');
    });
  }

  const fresh = (): Agent => new Agent({ keepAlive: false });

  beforeAll(async () => {
    const made = await temporaryFolder("http-tls");
    closeWithFile({ [Symbol.asyncDispose]: () => made.remove() });
    folder = made.path;
    await show(authority.issue({ name: "first", hosts: ["localhost"] }));
    await put("ca.pem", authority.cert);
    await put("other.pem", stranger.cert);
    await put("policy.json", '{"user:bob":"deny refused by rule"}');
    bridge = await startBridge({
      "policy.file": join(folder, "policy.json"),
      "http.tls.cert": join(folder, "cert.pem"),
      "http.tls.key": join(folder, "key.pem"),
      "http.auth": "u:p",
    });
    addr = bridge.addr.replace("127.0.0.1", "localhost");
  });

  it("answers a frps that checks the certificate by its CA", async () => {
    const env = { SSL_CERT_FILE: join(folder, "ca.pem") };
    await using frps = await startFrps({ plugins: [{ addr: `https://u:p@${addr}`, tlsVerify: true }], env });
    await using _alice = await startFrpc({ frps, user: "alice" });
    await using bob = await startFrpc({ frps, user: "bob", until: "nothing" });
    await bob.log.saw(/refused by rule/);
  });

  it("is refused by a frps that checks it by another CA, which the log says", async () => {
    const env = { SSL_CERT_FILE: join(folder, "other.pem") };
    await using frps = await startFrps({ plugins: [{ addr: `https://u:p@${addr}`, tlsVerify: true }], env });
    await using frpc = await startFrpc({ frps, user: "alice", until: "nothing" });
    await frpc.log.saw(/send Login request to plugin error/);
    await bridge.log.saw(/does not get through TLS/);
    expect(bridge.log.tail(5)).toMatch(/does not trust the certificate of http\.tls\.cert/);
  });

  it("shows a new certificate without a restart to who connects anew, and a broken one to nobody", async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => kept.destroy());
    expect(await shown(kept)).toBe("first");
    await show(authority.issue({ name: "second", hosts: ["localhost"] }));
    await bridge.log.saw(/a new certificate is in force/);
    expect(await shown(fresh())).toBe("second");
    expect(await shown(kept)).toBe("first");
    await put("key.pem", authority.issue().key);
    const line = await bridge.log.saw(/cannot be used; the old one stays in force/);
    expect(line).toContain("is not the key of the certificate that http.tls.cert names");
    expect(await shown(fresh())).toBe("second");
    await show(authority.issue({ name: "third", hosts: ["localhost"] }));
    await bridge.log.saw(/a new certificate is in force/, { from: bridge.log.lines.indexOf(line) });
    expect(await shown(fresh())).toBe("third");
  });
});
