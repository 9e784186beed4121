/** The plugin port and the admin port: free for a bridge, or answered by one. */
import { request } from "node:http";
import { request as requestTls } from "node:https";
import { createServer } from "node:net";
import type { Clock } from "../../clock.ts";
import type { Settings } from "../../config/settings.ts";
import { SluiceError, textOf } from "../../errors.ts";
import { systemCode } from "../../journal/files.ts";
import { askAdmin } from "../admin-client.ts";
import { ownCertificates } from "./certificates.ts";
import { type Finding, green, red, yellow } from "./finding.ts";

const answerWithinMs = 5_000;

export async function portFindings(settings: Settings, clock: Clock): Promise<Finding[]> {
  const { http } = settings;
  const [plugin, admin, certificates] = await Promise.all([
    pluginFinding(settings),
    adminFinding(settings),
    ownCertificates("http.tls", http.tls, clock.now()),
  ]);
  return [plugin, admin, ...certificates];
}

async function pluginFinding({ http }: Settings): Promise<Finding> {
  const what = "plugin port";
  const place = placeOf(http.host, http.port);
  if (http.port === 0) return green(what, `${place}: a free one is taken`);
  const free = await freeFinding(what, "http", http.host, http.port);
  if (free !== null) return free;
  const tls = http.tls.cert !== undefined;
  try {
    const { status, body } = await got(tls, http.host, http.port, http.path);
    // It answers POST alone, and says so in these words.
    if (status === 405 && body.includes("only POST is answered here")) {
      return green(what, `${place}${http.path} is answered by a running bridge${tls ? ", over TLS" : ""}`);
    }
    return red(
      what,
      `${place} is taken by something that is no bridge (status ${status} for ${http.path})`,
      other("http"),
    );
  } catch (thrown) {
    const seen = `${place} is taken, and does not answer as a bridge ${tls ? "with" : "without"} TLS would: ${textOf(thrown)}`;
    return red(what, seen, other("http"));
  }
}

async function adminFinding({ admin }: Settings): Promise<Finding> {
  const what = "admin port";
  const place = placeOf(admin.host, admin.port);
  if (admin.port === 0) return green(what, `${place}: a free one is taken`);
  const free = await freeFinding(what, "admin", admin.host, admin.port);
  if (free !== null) return free;
  try {
    const health = await got(false, admin.host, admin.port, "/healthz");
    if (health.status !== 200 || health.body !== "ok\n") {
      return red(what, `${place} is taken by something that is no bridge`, other("admin"));
    }
    const ready = await got(false, admin.host, admin.port, "/readyz");
    if (ready.status !== 200) {
      return red(
        what,
        `the bridge at ${place} is ${ready.body.trim()}`,
        "see its log: it refuses until it is ready",
      );
    }
    await askAdmin(admin, { path: "/v1/policy" });
    return green(what, `${place} is answered by a bridge that is ready`);
  } catch (thrown) {
    const denied = thrown instanceof SluiceError && /wants its token/.test(thrown.message);
    return denied
      ? yellow(what, thrown.message, "set admin.token to that of the running bridge, or restart the bridge")
      : red(what, `${place} is taken, and does not answer: ${textOf(thrown)}`, other("admin"));
  }
}

function other(group: "http" | "admin"): string {
  return `end what listens there (ss -ltnp), or take another port: ${group}.port (SLUICE_${group.toUpperCase()}_PORT)`;
}

/** Whoever listens on all addresses is asked on this machine's own. */
function ownOf(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}

function placeOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** By listening there for a moment; null: somebody else does. */
function freeFinding(
  what: string,
  group: "http" | "admin",
  host: string,
  port: number,
): Promise<Finding | null> {
  const place = placeOf(host, port);
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (thrown) => {
      const code = systemCode(thrown);
      if (code === "EADDRINUSE") return resolve(null);
      const next =
        code === "EACCES"
          ? `ports below 1024 need a right: take another ${group}.port, or give CAP_NET_BIND_SERVICE`
          : `see ${group}.host and ${group}.port: is this address one of this machine?`;
      resolve(red(what, `${place} cannot be listened on (${code ?? textOf(thrown)})`, next));
    });
    server.listen(port, host, () =>
      server.close(() => resolve(green(what, `${place} is free: no bridge runs`))),
    );
  });
}

interface Got {
  readonly status: number;
  readonly body: string;
}

function got(tls: boolean, host: string, port: number, path: string): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const signal = AbortSignal.timeout(answerWithinMs);
  const options = { host: ownOf(host), port, path, signal, agent: false as const };
  const asking = tls ? requestTls({ ...options, rejectUnauthorized: false }) : request(options);
  asking.once("error", reject).once("response", async (response) => {
    try {
      let body = "";
      for await (const piece of response) if (body.length < 4_096) body += piece;
      resolve({ status: response.statusCode ?? 0, body });
    } catch (thrown) {
      reject(thrown);
    }
  });
  asking.end();
  return promise;
}
