/** Who asks us and where: the plugin port, each frps, prox, and the admin port. */
import { z } from "zod";
import { auth, host, nodeName, pemFile, port, setting, someMilliseconds, text } from "../setting.ts";

/** Types of user connections that frps asks its plugins about. */
const askedType = z.enum(["tcp", "https", "tcpmux", "stcp", "sudp"], {
  error: "must be one of tcp, https, tcpmux, stcp, sudp: frps asks about no others",
});
const pathProblem =
  "must be a path such as /handler: begin with /, not end with one, and hold none of ? # : *";

export const http = z.strictObject({
  host: setting(host.default("127.0.0.1"), "address the plugin port listens on"),
  port: setting(port.default(9000), "plugin port; 0 takes a free one"),
  path: setting(
    z
      .string(pathProblem)
      .regex(/^\/$|^\/[^\s?#:*]*[^\s?#:*/]$/, pathProblem)
      .default("/handler"),
    "path that frps posts to; `<path>/<node>` names the frps",
  ),
  auth: setting(
    auth.optional(),
    "user:password that every call must bring; needed to listen beyond loopback",
    { secret: true, live: true },
  ),
  tls: z.strictObject({
    cert: setting(
      pemFile.optional(),
      "certificate of the plugin port, its chain behind it: frps then calls https://; taken anew when the file changes",
    ),
    key: setting(pemFile.optional(), "its private key"),
  }),
  deadlineMs: setting(
    someMilliseconds.default(2000),
    "longest wait for the record of an op to be durable before journal.onFailure decides",
    { unit: "ms" },
  ),
  loginsPerMinute: setting(
    z.int().min(0).default(1200),
    "logins taken per client address (IPv6: /64) and minute, further ones are refused unrecorded and counted; 0 is no limit",
    { unit: "per min", live: true },
  ),
});

export const nodeSettings = z.strictObject({
  auth: setting(auth.optional(), "user:password that fixes a call to this node", { secret: true }),
  subdomainHost: setting(
    text.optional(),
    "this frps's subDomainHost, joined to a proxy's subdomain for domain rules",
  ),
  closeUserConn: setting(
    z.array(askedType, 'must be a list, such as ["tcp"]').default([]),
    "proxy types of which this frps sends CloseUserConn, known before the first has come",
  ),
});

export const prox = z.strictObject({
  node: setting(nodeName.default("prox"), "the prox's name, in events and for node rules"),
  deadlineMs: setting(
    someMilliseconds.default(1000),
    "as http.deadlineMs, for what prox asks; its plugin_timeout must be at least twice as long",
    { unit: "ms" },
  ),
  log: setting(
    z.boolean().default(false),
    "put the log's lines of info into prox's own log too; warnings and errors always are",
    { live: true },
  ),
});

export const admin = z.strictObject({
  host: setting(host.default("127.0.0.1"), "address of the admin port"),
  port: setting(
    port.default(9001),
    "port of /healthz, /readyz, /metrics, /v1/sessions, /v1/explain and /v1/policy; 0 takes a free one",
  ),
  token: setting(
    text.optional(),
    "bearer token for all but /healthz and /readyz; needed to listen beyond loopback",
    { secret: true, live: true },
  ),
});
