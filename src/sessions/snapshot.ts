/**
 * The state of the sessions on disk: what the journal need not be read for.
 *
 *   header   { version, instance, through }       through: a journalseq
 *   lines    one JSON array each: kind, client, setting, proxy, grounds, session, departure
 *   trailer  { lines, crc }
 *
 * It is written while ops pass by, so it may already hold some of what was journaled behind `through`. Reading the
 * journal from there on over it comes to the same state: each record says by id what it is about.
 */
import type { EndReason } from "../events/data.ts";
import type { ClientInfo } from "../op.ts";
import type { Client, Grounds, OpenProxy, Session, Setting } from "./session.ts";
import type { Sessions } from "./sessions.ts";

type Line =
  | readonly ["kind", node: string, type: string | null, announced: boolean, judged: boolean]
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
  | readonly ["proxy", ref: number, client: number, setting: number, open: boolean, current: boolean]
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
  | readonly ["departure", proxy: number, reason: EndReason, signMs: number, sessions: number];

/** The state, a line at a time. Whoever takes them may let time pass in between. */
export function* snapshotLines(sessions: Sessions): Generator<string> {
  const refs = new Map<object, number>();
  const refOf = (thing: object): number => refs.get(thing)!;
  function* once(thing: object, line: (ref: number) => Line): Generator<string> {
    if (refs.has(thing)) return;
    refs.set(thing, refs.size);
    yield JSON.stringify(line(refOf(thing)));
  }
  const { roster, open, late, departures } = sessions;
  function* clientLine(client: Client): Generator<string> {
    const { node, id, user, info, confirmed } = client;
    yield* once(client, (ref) => ["client", ref, node, id, user, info, confirmed]);
  }
  function* proxyLines(proxy: OpenProxy): Generator<string> {
    yield* clientLine(proxy.client);
    yield* once(proxy.setting, (ref) => ["setting", ref, proxy.setting]);
    const current = proxy.client.proxies.get(proxy.name) === proxy;
    yield* once(proxy, (ref) => [
      "proxy",
      ref,
      refOf(proxy.client),
      refOf(proxy.setting),
      proxy.open,
      current,
    ]);
  }
  function* sessionLines(session: Session, isLate: boolean): Generator<string> {
    const { id, key, through, setting, grounds, remote, startedMs } = session;
    yield* proxyLines(through);
    yield* once(setting, (ref) => ["setting", ref, setting]);
    yield* once(grounds, (ref) => ["grounds", ref, grounds]);
    const [ip, port] = [remote?.ip ?? null, remote?.port ?? null];
    const refs = [refOf(through), refOf(setting), refOf(grounds)] as const;
    const line: Line = ["session", isLate, id, key, ...refs, ip, port, remote !== null, startedMs];
    yield JSON.stringify(line);
  }

  for (const { node, type, announced, judged } of [...roster.kinds()]) {
    yield JSON.stringify(["kind", node, type, announced, judged] satisfies Line);
  }
  for (const node of [...roster.nodes.values()]) {
    for (const client of [...node.clients.values()]) {
      yield* clientLine(client);
      for (const proxy of [...client.proxies.values()]) yield* proxyLines(proxy);
    }
  }
  const waiting = [...departures.all()];
  for (const session of open.all()) if (!session.over) yield* sessionLines(session, false);
  for (const session of late.all()) yield* sessionLines(session, true);
  for (const { proxy, reason, signMs, throughOrder } of waiting) {
    if (!refs.has(proxy)) continue;
    const meant = proxy.sessions.all().filter(({ order }) => order <= throughOrder).length;
    yield JSON.stringify(["departure", refOf(proxy), reason, signMs, meant] satisfies Line);
  }
}

/** Puts the lines of a snapshot into sessions that know of none yet. @throws when a line is none of a snapshot */
export class SnapshotLoading {
  readonly #sessions: Sessions;
  readonly #nowMs: number;
  readonly #things: unknown[] = [];

  /** @param monotonicMs now: clients that were there are taken to have been heard of at this moment */
  constructor(sessions: Sessions, monotonicMs: number) {
    this.#sessions = sessions;
    this.#nowMs = monotonicMs;
  }

  take(json: string): void {
    const line = JSON.parse(json) as Line;
    const { roster } = this.#sessions;
    switch (line[0]) {
      case "kind": {
        const kind = roster.node(line[1]).kindOf(line[2]);
        kind.announced ||= line[3];
        kind.judged ||= line[4];
        return;
      }
      case "client": {
        const [, ref, node, id, user, info, confirmed] = line;
        this.#things[ref] = Object.assign(roster.node(node).addClient(id, user, this.#nowMs), {
          info,
          confirmed,
        });
        return;
      }
      case "setting":
        this.#things[line[1]] = line[2];
        return;
      case "grounds":
        this.#things[line[1]] = line[2];
        return;
      case "proxy": {
        const [, ref, client, setting, open, current] = line;
        this.#things[ref] = roster.restoreProxy(this.#thing(client), this.#thing(setting), open, current);
        return;
      }
      case "session":
        this.#session(line);
        return;
      case "departure":
        this.#sessions.restoreDeparture(this.#thing(line[1]), line[2], line[3], line[4]);
        return;
      default:
        throw new Error(`unknown line ${String(line[0])}`);
    }
  }

  #session([, late, id, key, proxy, setting, grounds, ip, port, remote, startedMs]: Extract<
    Line,
    readonly ["session", ...unknown[]]
  >): void {
    this.#sessions.restore(
      {
        id,
        key,
        through: this.#thing(proxy),
        setting: this.#thing(setting),
        grounds: this.#thing(grounds),
        remote: remote ? { ip, port } : null,
        startedMs,
      },
      late,
    );
  }

  #thing<T>(ref: number): T {
    const thing = this.#things[ref];
    if (thing === undefined) throw new Error(`nothing has the number ${ref}`);
    return thing as T;
  }
}
