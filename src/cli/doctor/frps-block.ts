/** The `[[httpPlugins]]` of frps for a bridge with these settings, in TOML. */
import { hostname } from "node:os";
import type { Settings } from "../../config/settings.ts";
import { SluiceError } from "../../errors.ts";

/** A released frps knows these, and does not start with others. */
const ops = ["Login", "NewProxy", "CloseProxy", "Ping", "NewWorkConn", "NewUserConn"];
const mask = "***:***";

export interface BlockOptions {
  /** The frps's name; null: the one of `node`. */
  readonly node: string | null;
  readonly showSecrets: boolean;
}

/** @throws SluiceError config_invalid for a node that is no name */
export function frpsBlock(
  { http, node: ownNode, nodes }: Settings,
  { node, showSecrets }: BlockOptions,
): string {
  if (node !== null && !/^[A-Za-z0-9._-]{1,64}$/.test(node)) {
    throw new SluiceError(
      "config_invalid",
      "--frps: a node's name is 1 to 64 of the characters A-Z a-z 0-9 . _ -",
    );
  }
  const name = node ?? ownNode;
  const auth = (Object.hasOwn(nodes, name) ? nodes[name]?.auth : undefined) ?? http.auth;
  const tls = http.tls.cert !== undefined;
  const password = auth === undefined ? "" : `${showSecrets ? inUrl(auth) : mask}@`;
  const addr = `${tls ? "https://" : ""}${password}${hostOf(http.host)}:${http.port}`;
  const path = node === null ? http.path : `${http.path === "/" ? "" : http.path}/${node}`;
  return [
    ...(http.port === 0 ? ["# http.port is 0: put the port here that the bridge prints."] : []),
    ...(auth !== undefined && !showSecrets ? ["# *** is http.auth: --show-secrets fills it in."] : []),
    "[[httpPlugins]]",
    'name = "sluice"',
    `addr = ${JSON.stringify(addr)}`,
    `path = ${JSON.stringify(path)}`,
    `ops = ${listOf(ops)}`,
    "# For a frps that has CloseUserConn; a released one does not start with it:",
    `# ops = ${listOf([...ops, "CloseUserConn"])}`,
    ...(tls
      ? [
          "# Without it any certificate will do. Another CA than the system's: SSL_CERT_FILE in frps's environment.",
          "tlsVerify = true",
        ]
      : []),
    "",
  ].join("\n");
}

/** frps reads it as the user information of a URL, behind its own templates. */
function inUrl(auth: string): string {
  const colon = auth.indexOf(":");
  return [auth.slice(0, colon), auth.slice(colon + 1)].map(encodeURIComponent).join(":");
}

/** Who listens on all addresses is found by the machine's name. */
function hostOf(host: string): string {
  if (host === "0.0.0.0" || host === "::") return hostname();
  return host.includes(":") ? `[${host}]` : host;
}

function listOf(names: readonly string[]): string {
  return `[${names.map((name) => `"${name}"`).join(", ")}]`;
}
