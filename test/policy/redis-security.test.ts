/** Redis as it is in the field: TLS, users with rights, and what is said when either goes wrong. */
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { type RedisSettings, redisAddress } from "../../src/policy/redis-address.ts";
import { RedisLink } from "../../src/policy/redis-link.ts";
import { RedisStore } from "../../src/policy/redis-store.ts";
import { call, sluice } from "../cli/sluice.ts";
import { startBridge } from "../hosts/bridge.ts";
import { Authority, type Certificate } from "../hosts/certificates.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { type RedisHost, startRedis } from "../hosts/redis.ts";
import { redisMissing, redisProgram } from "../hosts/redis-program.ts";
import { NativeServer } from "../hosts/server.ts";

const password = "correct-horse-battery";
const rights = "+auth +ping +subscribe +select +client|id +client|tracking +scan +get +mget +pttl";
const keys = "%R~sluice:policy:* %R~sluice:ban:* %R~sluice:prox:*";

type Files = Record<"ca" | "otherCa" | "cert" | "key" | "strangerCert" | "strangerKey", string>;
type Place = { readonly url: string; readonly plain: string; readonly host: RedisHost };

describeWith(["redis"], "a Redis that is secured", () => {
  let folder: string;
  let files: Files;
  let places: Record<"open" | "strict" | "elsewhere" | "expired", Place>;
  let operator: Redis;

  beforeAll(async () => {
    const authority = new Authority("Redis's CA");
    const stranger = new Authority("Another CA");
    const own = authority.issue({ hosts: ["localhost"] });
    const [client, unknown] = [authority.issue({ name: "client" }), stranger.issue({ name: "client" })];
    const made = await temporaryFolder("redis-tls");
    closeWithFile({ [Symbol.asyncDispose]: () => made.remove() });
    folder = made.path;
    const pems = {
      ca: authority.cert,
      otherCa: stranger.cert,
      cert: client.cert,
      key: client.key,
      strangerCert: unknown.cert,
      strangerKey: unknown.key,
    };
    const written = Object.entries(pems).map(async ([name, pem]) => {
      const path = join(folder, `${name}.pem`);
      await writeFile(path, pem);
      return [name, path];
    });
    files = Object.fromEntries(await Promise.all(written));
    const place = async ({ cert, key }: Certificate, clients: "yes" | "no"): Promise<Place> => {
      const port = await freePort();
      const args = ["--tls-auth-clients", clients];
      const host = await startRedis({ args, tls: { port, ca: authority.cert, cert, key } });
      return { url: `rediss://localhost:${port}`, plain: `redis://localhost:${port}`, host };
    };
    const until = new Date(Date.now() - 60_000);
    const [open, strict, elsewhere, expired] = await Promise.all([
      place(own, "no"),
      place(own, "yes"),
      place(authority.issue({ hosts: ["elsewhere.test"] }), "no"),
      place(authority.issue({ hosts: ["localhost"], until }), "no"),
    ]);
    places = { open, strict, elsewhere, expired };
    operator = new Redis(open.host.url);
    closeWithFile({ [Symbol.asyncDispose]: async () => operator.disconnect() });
    await user("sluice", password, `${rights} +set ${keys} %W~sluice:ban:*`);
    await user("poor", password, "+auth +ping ~other:*");
  });

  async function user(name: string, word: string, may: string): Promise<void> {
    const words = ["reset", "on", `>${word}`, "&__redis__:invalidate", ...may.split(" ")];
    await operator.call("ACL", "SETUSER", name, ...words);
  }

  const settingsOf = (url: string, more: Partial<RedisSettings> = {}): RedisSettings => ({
    url,
    prefix: "sluice:",
    ...more,
  });

  /** A link as the bridge holds it, and a connection as a command opens it. */
  async function open(settings: RedisSettings, openWithinMs = 10_000) {
    const ending = new AbortController();
    onTestFinished(() => ending.abort());
    return RedisLink.open({
      address: redisAddress(settings),
      prefixes: ["sluice:policy:"],
      timing: { connectWithinMs: 10_000, openWithinMs, pingEveryMs: 1_000, pingWithinMs: 5_000 },
      clock: systemClock,
      signal: ending.signal,
      onInvalidated: () => {},
      onAlive: () => {},
      warn: () => {},
    });
  }

  it("gives rules over TLS to the user of redis.user, who outranks the one of the URL", async () => {
    await operator.set("sluice:policy:user:alice", "deny");
    const url = places.open.url.replace("//", "//nobody:nothing@");
    const settings = settingsOf(url, { user: "sluice", password, tls: { ca: files.ca } });
    const link = await open(settings);
    expect(await link.read(["sluice:policy:user:alice"])).toMatchObject([{ value: "deny" }]);
    const store = await RedisStore.open(settings);
    expect(await store.get("user:alice")).toMatchObject({ value: "deny" });
    await store.close();
  });

  it.each<[string, () => RedisSettings, unknown, RegExp]>([
    [
      "the password is wrong",
      () =>
        settingsOf(places.open.url, { user: "sluice", password: "wrong-password", tls: { ca: files.ca } }),
      "redis_denied",
      /see redis\.user and redis\.password .*WRONGPASS/,
    ],
    [
      "the user lacks a right",
      () => settingsOf(places.open.url, { user: "poor", password, tls: { ca: files.ca } }),
      "redis_denied",
      /does not allow our user what Sluice needs: .*users\.acl: .*NOPERM/,
    ],
    [
      "the CA is another",
      () => settingsOf(places.open.url, { tls: { ca: files.otherCa } }),
      "redis_untrusted",
      /a CA that is not trusted .*redis\.tls\.ca/,
    ],
    [
      "the CA is none of the system's",
      () => settingsOf(places.open.url),
      "redis_untrusted",
      /a CA that is not trusted .*redis\.tls\.ca/,
    ],
    [
      "the certificate is for another host",
      () => settingsOf(places.elsewhere.url, { tls: { ca: files.ca } }),
      "redis_untrusted",
      /for another name .*elsewhere\.test/,
    ],
    [
      "the certificate has expired",
      () => settingsOf(places.expired.url, { tls: { ca: files.ca } }),
      "redis_untrusted",
      /has expired/,
    ],
    [
      "it wants a certificate of ours",
      () => settingsOf(places.strict.url, { tls: { ca: files.ca } }),
      // Its alert may be lost with the connection, which it cuts at once.
      expect.stringMatching(/redis_(denied|unavailable)/),
      /redis\.tls\.cert/,
    ],
    [
      "our certificate is of an unknown CA",
      () =>
        settingsOf(places.strict.url, {
          tls: { ca: files.ca, cert: files.strangerCert, key: files.strangerKey },
        }),
      expect.stringMatching(/redis_(denied|unavailable)/),
      /redis\.tls\.cert/,
    ],
    [
      "it speaks TLS and we do not",
      () => settingsOf(places.open.plain, { user: "sluice", password }),
      "redis_unavailable",
      /does it want TLS .*rediss:\/\//,
    ],
    [
      "we speak TLS and it does not",
      () => settingsOf(places.open.host.url.replace("redis:", "rediss:"), { tls: { ca: files.ca } }),
      "redis_unavailable",
      /does it speak TLS on this port/,
    ],
    [
      "our CA's file is not there",
      () => settingsOf(places.open.url, { tls: { ca: "/nowhere/ca.pem" } }),
      "config_invalid",
      /redis\.tls\.ca names \/nowhere\/ca\.pem, which is not there \(ENOENT\)/,
    ],
  ])(
    "that is out of reach because %s is told in words that name the setting",
    async (why, of, code, text) => {
      const store = async (): Promise<unknown> => {
        const opened = await RedisStore.open(of());
        return opened.get("user:alice").finally(() => opened.close());
      };
      // It waits for more of what it takes for a command: as long as a command would.
      const isSilent = why === "we speak TLS and it does not";
      for (const attempt of isSilent ? [() => open(of(), 1_500)] : [() => open(of()), store]) {
        const error = await attempt().then(
          () => null,
          (thrown) => thrown,
        );
        expect(error).toMatchObject({ code, message: expect.stringMatching(text) });
        expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(
          new RegExp(`${password}|wrong-password`),
        );
      }
    },
  );

  it("ends no process by cutting the connection right behind its alert, which is a second error of one socket", async () => {
    const { ca, strangerCert: cert, strangerKey: key } = files;
    const settings = settingsOf(places.strict.url, { tls: { ca, cert, key } });
    const uncaught: unknown[] = [];
    const note = (thrown: unknown): void => void uncaught.push(thrown);
    process.on("uncaughtException", note);
    onTestFinished(() => void process.off("uncaughtException", note));
    for (let round = 0; round < 25; round++) {
      const opened = await Promise.allSettled(Array.from({ length: 4 }, () => open(settings)));
      expect(opened.map(({ status }) => status)).not.toContain("fulfilled");
    }
    expect(uncaught).toEqual([]);
  });

  it("takes us with a new certificate from the next connection on, and with the old one while that is broken", async () => {
    const at = (name: string): string => join(folder, `mine-${name}.pem`);
    const put = async (cert: "cert" | "strangerCert", key: "key" | "strangerKey"): Promise<void> => {
      await copyFile(files[cert], at("cert"));
      await copyFile(files[key], at("key"));
    };
    const tls = { ca: files.ca, cert: at("cert"), key: at("key") };
    await put("strangerCert", "strangerKey");
    const address = redisAddress(settingsOf(places.strict.url, { tls }));
    const warnings: string[] = [];
    const context = () => address.tls!.context((problem) => warnings.push(problem));
    const stranger = context();
    await put("cert", "key");
    const ours = context();
    expect(ours).not.toBe(stranger);
    await put("strangerCert", "key");
    expect(context()).toBe(ours);
    expect(context()).toBe(ours);
    expect(warnings).toEqual([expect.stringContaining("redis.tls.key")]);
    await put("cert", "key");
    await open(settingsOf(places.strict.url, { tls }));
  });

  it("keeps no bridge from answering while the password is wrong, which the log says once, and is taken up when it is right", async () => {
    await user("late", "not-yet", `${rights} ${keys}`);
    await operator.set("sluice:policy:user:alice", "deny by rule");
    const secret = join(folder, "password");
    await writeFile(secret, `${password}\n`);
    const settings = {
      "redis.url": places.open.url,
      "redis.user": "late",
      "redis.tls.ca": files.ca,
      "policy.default": "allow",
    };
    const env = { SLUICE_REDIS_PASSWORD_FILE: secret };
    const [bridge, shown] = await Promise.all([
      startBridge(settings, { env }),
      sluice(["policy", "list"], { settings, env }),
    ]);
    expect(await call(bridge.url, "Login", { user: "alice" })).toMatchObject({ reject: true });
    const said = (): string[] => bridge.log.lines.filter((line) => line.includes("WRONGPASS"));
    expect(said()).toEqual([expect.stringMatching(/"redis_denied|see redis\.user and redis\.password/)]);
    expect(shown.stderr).toMatch(/redis_denied|see redis\.user/);
    await user("late", password, `${rights} ${keys}`);
    await bridge.log.saw(/the policy's source is back/);
    expect(await call(bridge.url, "Login", { user: "alice" })).toMatchObject({ reject_reason: /by rule/ });
    await bridge.stop();
    expect(said()).toHaveLength(1);
    expect(bridge.log.lines.join("\n") + shown.stdout + shown.stderr).not.toContain(password);
  });

  it("is told from a Cluster, whose nodes have only some of the keys", async () => {
    const cluster = await startRedis({
      args: ["--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`],
    });
    const node = new Redis(cluster.url);
    onTestFinished(() => node.disconnect());
    await node.call("CLUSTER", "ADDSLOTSRANGE", "0", "8191");
    const saying = { code: "redis_unavailable", message: expect.stringMatching(/a node of a Redis Cluster/) };
    await expect(open(settingsOf(cluster.url))).rejects.toMatchObject(saying);
    const store = await RedisStore.open(settingsOf(cluster.url));
    // Their slots are 14 943 and 5 465 of 16 384 by CRC16: whichever it has, one of the two is not among them.
    const asked = Promise.all(["user:alice", "user:bob"].map((key) => store.set(key, "deny")));
    await expect(asked).rejects.toMatchObject(saying);
    await store.close();
  });

  it("is told from a Sentinel, which has no keys at all", async ({ skip }) => {
    const missing = await redisMissing();
    if (missing !== undefined) skip(missing);
    const [{ program, env }, own, port] = [
      await redisProgram(),
      await temporaryFolder("sentinel"),
      await freePort(),
    ];
    const config = join(own.path, "sentinel.conf");
    await writeFile(config, `bind 127.0.0.1\nport ${port}\nprotected-mode no\n`);
    const args = [config, "--sentinel"];
    await using sentinel = new NativeServer({
      command: { program, args, cwd: own.path, env },
      ready: /Sentinel ID is/,
      readyWithinMs: 20_000,
      graceMs: 5_000,
      folder: own,
    });
    await sentinel.start();
    const saying = { code: "redis_unavailable", message: expect.stringMatching(/a Sentinel/) };
    await expect(open(settingsOf(`redis://127.0.0.1:${port}`))).rejects.toMatchObject(saying);
  });
});
