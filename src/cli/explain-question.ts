/** What `sluice explain` asks: its options as the body of /v1/explain. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { Settings } from "../config/settings.ts";
import { SluiceError, textOf } from "../errors.ts";
import { parseJson } from "../exact-json.ts";
import { lastRecords } from "../journal/tail.ts";
import { parseRemote } from "../policy/addresses.ts";
import { misspeltOp } from "../policy/op-names.ts";
import { hookNames } from "../prox/payloads.ts";
import { namesOf } from "./names-of.ts";

export interface OpOptions {
  readonly op?: string;
  readonly user?: string;
  readonly ip?: string;
  readonly node?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly client?: string;
  readonly proxy?: string;
  readonly proxyType?: string;
  readonly remotePort?: number;
  readonly domain?: readonly string[];
  readonly subdomain?: string;
  readonly encrypted?: boolean;
  readonly route?: string;
  readonly method?: string;
  readonly path?: string;
}

export interface QuestionOptions extends OpOptions {
  readonly input?: string;
  readonly last?: string;
  readonly refused?: boolean;
  readonly at?: Date;
}

const withAddress = ["Login", "NewUserConn", "CloseUserConn"];
const aboutProxy = ["NewProxy", "CloseProxy", "NewUserConn", "CloseUserConn"];
const known = new Set([...withAddress, ...aboutProxy, "Ping", "NewWorkConn"]);
const hooksWithDomain = ["on_connect", "on_request", "on_response"];
const hooksWithPath = ["on_request", "on_response"];
/** What frp's ops tell besides. */
const ofFrp = ["user", "token", "tokenFile", "client"] as const;
/** Ops that tell what an option says. */
const tellers: { readonly [Name in keyof OpOptions]?: readonly string[] } = {
  ip: [...withAddress, ...hookNames],
  proxy: aboutProxy,
  proxyType: aboutProxy,
  remotePort: ["NewProxy"],
  domain: ["NewProxy", ...hooksWithDomain],
  subdomain: ["NewProxy"],
  encrypted: ["NewProxy"],
  route: [...hookNames],
  method: hooksWithPath,
  path: hooksWithPath,
};

/**
 * Null where the journal has no op of `--last`.
 *
 * @throws SluiceError config_invalid for options that contradict each other, or a file that holds nothing to explain
 */
export async function questionOf(options: QuestionOptions, settings: Settings): Promise<object | null> {
  const at = options.at && { at: options.at.toISOString() };
  if (options.input !== undefined) return { ...(await inputOf(options.input, settings)), ...at };
  if (options.last !== undefined) {
    if (options.op !== undefined && hookNames.has(options.op)) {
      const instead = "sluice tail --json -n 1 -t request.refused | sluice explain --input -";
      throw wrong(`${options.op} of prox names no user, as --last does; take the event: ${instead}`);
    }
    const names = namesOf(options.last, settings);
    const event = await lastOpOf(names, options, resolve(settings.data.dir));
    return event && { event, ...at };
  }
  const { op = opMeant(options), node, client } = options;
  checkOp(op, options);
  if (hookNames.has(op))
    return { op: { op, content: hookContent(op, options) }, node: node ?? settings.prox.node, ...at };
  const token = options.tokenFile === undefined ? options.token : (await read(options.tokenFile)).trim();
  const metas = token === undefined ? null : { [settings.policy.tokenMeta]: token };
  return { op: { op, content: contentOf(op, options, metas) }, node, client, ...at };
}

/** Only what prox asks tells these. */
function opMeant({ user, route, method, path }: OpOptions): string {
  const isOfProx = user === undefined && [route, method, path].some((told) => told !== undefined);
  return isOfProx ? "on_request" : "Login";
}

function checkOp(op: string, options: OpOptions): void {
  const meant = misspeltOp(op);
  if (meant !== null) throw wrong(`no op is called ${op}, did you mean ${meant}?`);
  if (!known.has(op) && !hookNames.has(op)) return;
  const frpOnly = ofFrp.find((name) => options[name] !== undefined);
  if (hookNames.has(op)) {
    if (frpOnly !== undefined) throw wrong(`${flagOf(frpOnly)} goes with ops of frp: ${op} is asked by prox`);
    if ((options.domain?.length ?? 0) > 1) throw wrong(`${op} is about one --domain`);
  } else if (options.user === undefined) {
    throw wrong(
      'say whose op it is with --user ("" is the anonymous one), or --route for one of prox, or use --input or --last',
    );
  }
  for (const [name, ops] of Object.entries(tellers)) {
    if (options[name as keyof OpOptions] !== undefined && !ops.includes(op)) {
      throw wrong(`${flagOf(name)} goes with ${ops.join(", ")}: ${op} does not tell it`);
    }
  }
  if (aboutProxy.includes(op) && options.proxy === undefined)
    throw wrong(`${op} is about a proxy: name it with --proxy, such as alice.ssh`);
  const { ip } = options;
  if (ip !== undefined && ip !== "pipe" && parseRemote(ip).ip === null) {
    throw wrong("--ip must be an address, with or without a port, such as 203.0.113.9");
  }
}

/** As frps sends it: what is not there is left out. */
function contentOf(op: string, options: OpOptions, metas: object | null): object {
  const { user, ip, proxy, proxyType, remotePort, domain, subdomain, encrypted } = options;
  if (op === "Login") return { user, metas, client_address: ip };
  return {
    user: user === undefined ? undefined : { user, metas },
    proxy_name: proxy,
    proxy_type: proxyType,
    remote_port: remotePort,
    custom_domains: domain,
    subdomain,
    use_encryption: encrypted,
    remote_addr: ip,
  };
}

/** As prox tells it. */
function hookContent(op: string, { ip, route, domain, method, path }: OpOptions): object {
  const told = { r: route, d: domain?.[0], a: ip, m: method, p: path };
  return op === "on_response" ? { req: told } : told;
}

async function inputOf(file: string, { prox }: Settings): Promise<object> {
  const name = file === "-" ? "standard input" : file;
  let input: unknown;
  try {
    input = parseJson(await read(file));
  } catch (thrown) {
    // The parser's own words quote what was read.
    throw thrown instanceof SluiceError ? thrown : wrong(`${name} is not one JSON text`);
  }
  const { op, content, type, data } = (input ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof type === "string" && typeof data === "object") return { event: input };
  if (typeof op === "string" && typeof content === "object")
    return { op: input, ...(hookNames.has(op) && { node: prox.node }) };
  throw wrong(
    `${name} holds neither an op as frps sends it, {"op": "Login", "content": {…}}, nor an event of Sluice`,
  );
}

async function read(file: string): Promise<string> {
  try {
    return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (thrown) {
    throw wrong(`${file} cannot be read: ${textOf(thrown)}`);
  }
}

/** The newest event about an op of a user; of this name, and one that was refused, if that is wanted. */
async function lastOpOf(
  names: readonly string[],
  { op, refused }: QuestionOptions,
  dataDir: string,
): Promise<object | null> {
  const fields = names.map((name) => `"user":${JSON.stringify(name)}`);
  const isMeant = (event: string): boolean => {
    // Most events are of others, and parsing takes its time.
    if (!fields.some((field) => event.includes(field))) return false;
    const { data } = JSON.parse(event) as { readonly data: Readonly<Record<string, unknown>> };
    if (
      !names.some((name) => name === data.user) ||
      data.content === undefined ||
      (op ?? data.op) !== data.op
    )
      return false;
    const { effect, wouldRefuse } = data.decision as { effect?: unknown; wouldRefuse?: unknown };
    return !refused || effect === "refused" || wouldRefuse !== undefined;
  };
  try {
    const [record] = await lastRecords(dataDir, 1, isMeant);
    return record === undefined ? null : (JSON.parse(record.event) as object);
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    const problem = `the journal in ${dataDir} (data.dir, SLUICE_DATA_DIR) cannot be read: ${textOf(thrown)}`;
    throw new SluiceError("data_dir_unusable", problem, { cause: thrown });
  }
}

/** `remotePort` as `--remote-port`. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function wrong(text: string): SluiceError {
  return new SluiceError("config_invalid", text);
}
