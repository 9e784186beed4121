/** Calls as frps makes them, in a mix that is the same for the same seed. */
import { randomFrom } from "../random.ts";

export type OpName =
  | "Login"
  | "NewProxy"
  | "CloseProxy"
  | "Ping"
  | "NewWorkConn"
  | "NewUserConn"
  | "CloseUserConn";

export interface Call {
  readonly op: OpName;
  readonly user: string;
  /** As frps makes it: 16 hex digits, never the same twice. */
  readonly reqid: string;
  readonly body: string;
}

export const users = ["alice", "bob", "carol", "dave", "erin", "frank"];
const proxiesPerUser = 4;
/** Each op as often as it stands here. */
const ops: readonly OpName[] = [
  ...many("Ping", 5),
  ...many("NewWorkConn", 5),
  ...many("NewUserConn", 5),
  ...many("CloseUserConn", 4),
  ...many("NewProxy", 3),
  ...many("CloseProxy", 2),
  ...many("Login", 1),
];

/** A refusal of these has no effect, so they are never refused. */
export function isRefusable({ op }: Call): boolean {
  return op !== "CloseProxy" && op !== "CloseUserConn";
}

export function callMix(seed: number): () => Call {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const connections: { user: string; proxy: string; remote: string }[] = [];
  let count = 0;

  return () => {
    count += 1;
    const op = pick(ops);
    const user = pick(users);
    const proxy = `${user}.p${Math.floor(random() * proxiesPerUser)}`;
    // Users of an stcp proxy come through their visitor's one connection.
    const port = typeOf(proxy) === "stcp" ? 1000 : 1024 + (count % 60_000);
    const remote = `192.0.2.${users.indexOf(user)}:${port}`;
    const reqid = `${seed.toString(16).padStart(6, "0")}${count.toString(16).padStart(10, "0")}`;
    if (op === "NewUserConn") connections.push({ user, proxy, remote });
    const closed = op === "CloseUserConn" ? connections.shift() : undefined;
    if (closed) return call(op, closed.user, closed.proxy, closed.remote, reqid);
    return call(op === "CloseUserConn" ? "Ping" : op, user, proxy, remote, reqid);
  };
}

/** Nothing but the pings of one user. */
export function pingsOf(user: string, seed = 1): () => Call {
  let count = 0;
  return () => {
    count += 1;
    return call(
      "Ping",
      user,
      "",
      "",
      `b${seed.toString(16).padStart(7, "0")}${count.toString(16).padStart(8, "0")}`,
    );
  };
}

/** As an frps asks of each proxy of a client that has gone. */
export function closeProxies(user: string, count: number, seed: number): Call[] {
  return Array.from({ length: count }, (_, at) =>
    call(
      "CloseProxy",
      user,
      `${user}.q${at}`,
      "",
      `c${seed.toString(16).padStart(7, "0")}${at.toString(16).padStart(8, "0")}`,
    ),
  );
}

/** A Login whose event has about this many bytes. */
export function longLogin(user: string, reqid: string, bytes: number): Call {
  const content = { ...loginOf(user, "192.0.2.99:1024"), hostname: "h".repeat(bytes) };
  return { op: "Login", user, reqid, body: bodyOf("Login", content) };
}

function call(op: OpName, user: string, proxy_name: string, remote_addr: string, reqid: string): Call {
  const run_id = runIdOf(user);
  const proxy_type = typeOf(proxy_name);
  const whose = { user: { user, metas: { team: "blue" }, run_id } };
  const contents: Record<OpName, object> = {
    Login: loginOf(user, remote_addr),
    NewProxy: { ...whose, proxy_name, proxy_type, ...(proxy_type === "tcp" && { remote_port: 17101 }) },
    CloseProxy: { ...whose, proxy_name },
    Ping: whose,
    NewWorkConn: { ...whose, run_id },
    NewUserConn: { ...whose, proxy_name, proxy_type, remote_addr },
    CloseUserConn: { ...whose, proxy_name, proxy_type, remote_addr },
  };
  return { op, user, reqid, body: bodyOf(op, contents[op]) };
}

/** Of each user's proxies the last is one for visitors. */
function typeOf(proxy: string): "tcp" | "stcp" {
  return proxy.endsWith(`.p${proxiesPerUser - 1}`) ? "stcp" : "tcp";
}

function loginOf(user: string, client_address: string): object {
  const about = { version: "0.70.1", hostname: "frpc-host", os: "linux", arch: "amd64" };
  return { ...about, user, run_id: runIdOf(user), metas: { team: "blue" }, pool_count: 1, client_address };
}

function bodyOf(op: OpName, content: object): string {
  return JSON.stringify({ version: "0.1.0", op, content });
}

function runIdOf(user: string): string {
  return (users.indexOf(user) + 1).toString(16).padStart(16, "a");
}

/** Credentials, which no event may hold. */
export const runIds = users.map(runIdOf);

function many(op: OpName, count: number): OpName[] {
  return Array.from({ length: count }, () => op);
}
