/**
 * What one frps asks: the calls of 500 clients with four proxies each, in order of arrival, to be asked over and over.
 *
 *   closes   an frps that tells of ends (closeUserConn): each user connection begins and ends some 2,000 calls later
 *   stock    a released frps, which does not: connections end with their proxy, which opens and closes now and then
 *
 * A real call's fields in a real call's order (test/fixtures/frp), with metas as those have whose clients show a token:
 * a content of about 700 bytes. The users are those that made-rules.ts allows, so that the same calls meet a rule where
 * there are some. Each user connection has an address of its own; each pass gives it another port.
 */
import { randomFrom } from "../../random.ts";
import { allowedUser } from "../made-rules.ts";

export const mixes = ["closes", "stock"] as const;
export type Mix = (typeof mixes)[number];

export interface Call {
  readonly op: string;
  /** With `port` in the place of the remote port's five digits. */
  readonly body: string;
  /** Whether it ends what the pass before began. */
  readonly previous: boolean;
}

/** Five characters, as long as every port that takes its place. */
export const port = "@port";

interface Client {
  readonly user: { readonly user: string; readonly metas: Record<string, string>; readonly run_id: string };
  readonly address: string;
}

interface Start {
  readonly at: number;
  readonly content: object;
}

const clients = 500;
const leastBetween = 2_000;
const types = ["tcp", "tcp", "https", "tcpmux"] as const;
/** Of a thousand. */
const shares: Readonly<Record<Mix, Readonly<Record<string, number>>>> = {
  closes: {
    NewUserConn: 400,
    CloseUserConn: 400,
    NewWorkConn: 115,
    Ping: 65,
    NewProxy: 8,
    CloseProxy: 7,
    Login: 5,
  },
  stock: { NewUserConn: 600, NewWorkConn: 250, Ping: 130, NewProxy: 8, CloseProxy: 7, Login: 5 },
};

/** The same for the same arguments. */
export function callsOf(mix: Mix, count: number): Call[] {
  const random = randomFrom(7);
  const below = (end: number): number => Math.floor(random() * end);
  const all = Array.from({ length: clients }, (_, n) => clientOf(n, below));
  const ops = Object.entries(shares[mix]).flatMap(([op, share]) => Array<string>(share).fill(op));
  const calls: Call[] = [];
  const open: Start[] = [];
  const early: number[] = [];
  for (let at = 0; at < count; at++) {
    const op = ops[below(ops.length)]!;
    const client = all[below(clients)]!;
    if (op === "CloseUserConn" && (open[0] === undefined || at - open[0].at < leastBetween)) {
      early.push(at);
      calls.push(callOf("Ping", { user: client.user }));
      continue;
    }
    const content = op === "CloseUserConn" ? open.shift()!.content : contentOf(op, client, at, below);
    if (op === "NewUserConn") open.push({ at, content });
    calls.push(callOf(op, content));
  }
  if (mix === "stock") return calls;
  // What began near the end of a pass ends near the beginning of the next one.
  for (const { content } of open) {
    const call = { ...callOf("CloseUserConn", content), previous: true };
    const at = early.shift();
    if (at === undefined) calls.push({ ...call, previous: false });
    else calls[at] = call;
  }
  return calls;
}

function callOf(op: string, content: object): Call {
  return { op, body: JSON.stringify({ version: "0.1.0", op, content }), previous: false };
}

function contentOf(
  op: string,
  { user, address }: Client,
  at: number,
  below: (end: number) => number,
): object {
  const kind = below(types.length);
  const proxy_type = types[kind]!;
  const proxy_name = `${user.user}.${["ssh", "rdp", "web", "mux"][kind]}`;
  switch (op) {
    case "Login":
      return { ...loginOf(user.user), run_id: user.run_id, metas: user.metas, ...seen(address) };
    case "NewProxy": {
      const where =
        proxy_type === "tcp"
          ? { remote_port: 20_000 + kind }
          : { custom_domains: [`${proxy_name.replace(".", "-")}.apps.example.net`] };
      return { user, proxy_name, proxy_type, use_encryption: true, ...where };
    }
    case "CloseProxy":
      return { user, proxy_name };
    case "NewWorkConn":
      return { user, run_id: user.run_id };
    case "NewUserConn":
      return {
        user,
        proxy_name,
        proxy_type,
        remote_addr: `198.${18 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}:${port}`,
      };
    default:
      return { user };
  }
}

function loginOf(user: string): object {
  const about = { version: "0.70.1", hostname: `host-${user}`, os: "linux", arch: "amd64", user };
  return { ...about, privilege_key: "1ae27756619bcc1fd34a9211c3624fe9", timestamp: 1_795_219_010 };
}

function seen(address: string): object {
  return { client_spec: {}, pool_count: 5, client_address: `${address}:53080` };
}

function clientOf(n: number, below: (end: number) => number): Client {
  const text = (length: number, alphabet: string): string =>
    Array.from({ length }, () => alphabet[below(alphabet.length)]).join("");
  const hex = "0123456789abcdef";
  const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const metas = {
    device: `${text(8, hex)}-${text(4, hex)}-4${text(3, hex)}-a${text(3, hex)}-${text(12, hex)}`,
    region: ["eu-central", "us-east", "ap-south"][n % 3]!,
    team: `team-${n % 40}`,
    token: `eyJhbGciOiJFUzI1NiJ9.${text(290, base64)}.${text(86, base64)}`,
  };
  return {
    user: { user: allowedUser(n), metas, run_id: text(16, hex) },
    address: `203.0.${113 + (n >> 8)}.${n & 255}`,
  };
}
