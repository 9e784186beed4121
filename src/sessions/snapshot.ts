/**
 * The state of the sessions on disk: what the journal need not be read for.
 *
 *   header   { version, instance, through }       through: a journalseq
 *   lines    one JSON array each: kind, login, client, setting, proxy, grounds,
 *            session, departure, return
 *   trailer  { lines, crc }
 *
 * What it holds is of one moment, that of `through`: it is copied at once, and made into lines while ops pass by. Only
 * what may be a secret, the metas of the logins that wait, is left out.
 */
import type { EndReason } from "../events/data.ts";
import type { ClientInfo } from "../op.ts";
import type { Kind } from "./kind.ts";
import type { Client, Grounds, OpenProxy, Session, Setting } from "./session.ts";
import type { Sessions } from "./sessions.ts";

export type Line =
  | readonly ["kind", node: string, type: string | null, proof: Kind["proof"]]
  | readonly [
      "client",
      ref: number,
      node: string,
      id: string,
      user: string | null,
      info: ClientInfo | null,
      confirmed: boolean,
    ]
  | readonly ["setting", ref: number, setting: Setting]
  | readonly [
      "login",
      node: string,
      id: string,
      user: string | null,
      client: string | null,
      info: ClientInfo | null,
      atMs: number,
      doubtful: boolean,
      agreed: ClientInfo | null,
    ]
  | readonly ["proxy", ref: number, client: number, setting: number, ...ProxyState]
  | readonly ["grounds", ref: number, grounds: Grounds]
  | readonly [
      "session",
      late: boolean,
      id: string,
      key: string,
      proxy: number,
      setting: number,
      grounds: number,
      ip: string | null,
      port: number | null,
      remote: boolean,
      startedMs: number,
    ]
  | readonly ["return", client: number, atMs: number, closed: boolean, left: readonly string[]]
  | readonly [
      "departure",
      proxy: number,
      reason: EndReason,
      signMs: number,
      sessions: number,
      closed: number,
    ];
/** Whether it is open, its client's one of that name, its frps's, and had a connection. */
type ProxyState = readonly [open: boolean, current: boolean, owner: boolean, used: boolean];

/** The state at this moment, a line at a time. Whoever takes them may let time pass in between. */
export function snapshotLines(sessions: Sessions): Generator<string> {
  return linesOf(copyOf(sessions));
}

/** All that may change while the lines are taken. */
function copyOf(sessions: Sessions) {
  const { roster, open, late, departures } = sessions;
  const nodes = [...roster.nodes.values()];
  const clients = nodes.flatMap((node) => [...node.clients.values()]);
  return {
    kinds: [...roster.kinds()].map(({ node, type, proof }) => ({
      node,
      type,
      proof,
    })),
    logins: nodes.flatMap(({ name, logins }) => logins.all().map((login) => ({ node: name, ...login }))),
    clients: clients.map((client) => ({ client, info: client.info, confirmed: client.confirmed })),
    proxies: copiesOf(clients, roster),
    returns: nodes.flatMap(({ returns }) =>
      returns.all().map(([client, { monotonicMs, closed }]) => {
        return { client, atMs: sessions.wallMs(monotonicMs), closed, left: [...client.left] };
      }),
    ),
    open: open.all(),
    late: late.all(),
    departures: departures.all().map(({ proxy, reason, signMs, throughOrder, closes }) => {
      const meant = proxy.sessions.all().filter(({ order }) => order <= throughOrder).length;
      return { proxy, reason, signMs, meant, closed: proxy.closes - closes };
    }),
  };
}

/** In loops: nobody is answered meanwhile, and there are more of them than of all else but sessions. */
function copiesOf(clients: readonly Client[], roster: Sessions["roster"]) {
  const copies: { proxy: OpenProxy; setting: Setting; open: boolean; owner: boolean; used: boolean }[] = [];
  for (const { node, proxies } of clients) {
    const { owners } = roster.node(node);
    for (const proxy of proxies.values()) {
      const { setting, open, name } = proxy;
      const used = proxy.used || proxy.sessions.size > 0;
      copies.push({ proxy, setting, open, owner: owners.get(name) === proxy, used });
    }
  }
  return copies;
}

function* linesOf({
  kinds,
  logins,
  clients,
  returns,
  proxies,
  open,
  late,
  departures,
}: ReturnType<typeof copyOf>) {
  const refs = new Map<object, number>();
  const refOf = (thing: object): number => refs.get(thing)!;
  function* once(thing: object, line: (ref: number) => Line): Generator<string> {
    if (refs.has(thing)) return;
    refs.set(thing, refs.size);
    yield JSON.stringify(line(refOf(thing)));
  }
  function* clientLine(
    client: Client,
    { info, confirmed }: Pick<Client, "info" | "confirmed"> = client,
  ): Generator<string> {
    yield* once(client, (ref) => ["client", ref, client.node, client.id, client.user, info, confirmed]);
  }
  function* proxyLines(proxy: OpenProxy, setting: Setting, state: ProxyState): Generator<string> {
    yield* clientLine(proxy.client);
    yield* once(setting, (ref) => ["setting", ref, setting]);
    yield* once(proxy, (ref) => ["proxy", ref, refOf(proxy.client), refOf(setting), ...state]);
  }
  function* sessionLines(session: Session, isLate: boolean): Generator<string> {
    const { id, key, through, setting, grounds, remote, startedMs } = session;
    yield* proxyLines(through, setting, [false, false, false, true]);
    yield* once(setting, (ref) => ["setting", ref, setting]);
    yield* once(grounds, (ref) => ["grounds", ref, grounds]);
    const [ip, port] = [remote?.ip ?? null, remote?.port ?? null];
    const refs = [refOf(through), refOf(setting), refOf(grounds)] as const;
    const line: Line = ["session", isLate, id, key, ...refs, ip, port, remote !== null, startedMs];
    yield JSON.stringify(line);
  }

  for (const { node, type, proof } of kinds) {
    yield JSON.stringify(["kind", node, type, proof] satisfies Line);
  }
  for (const { node, id, user, client, info, atMs, doubtful, agreed } of logins) {
    yield JSON.stringify(["login", node, id, user, client, info, atMs, doubtful, agreed] satisfies Line);
  }
  for (const { client, ...state } of clients) yield* clientLine(client, state);
  for (const { proxy, setting, open, owner, used } of proxies) {
    yield* proxyLines(proxy, setting, [open, true, owner, used]);
  }
  for (const { client, atMs, closed, left } of returns) {
    yield* clientLine(client);
    yield JSON.stringify(["return", refOf(client), atMs, closed, left] satisfies Line);
  }
  for (const session of open) yield* sessionLines(session, false);
  for (const session of late) yield* sessionLines(session, true);
  for (const { proxy, reason, signMs, meant, closed } of departures) {
    if (meant > 0)
      yield JSON.stringify(["departure", refOf(proxy), reason, signMs, meant, closed] satisfies Line);
  }
}
