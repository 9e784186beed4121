/**
 * What is known of each frps: its clients and their proxies, who owns which proxy name, and of what kinds of proxies
 * it tells the ends.
 *
 * Memory: clients that have no proxy and were not heard of for an hour are forgotten; beyond `mostClients` the one
 * that came first and has no session. Of proxies that no connection came through, which frps may have turned away,
 * only the last `mostUnused` are known.
 */
import { frpProxyTypes, type ProxyFacts } from "../op.ts";
import { Kind } from "./kind.ts";
import { AdmittedLogins } from "./logins.ts";
import { Returns } from "./returns.ts";
import { Client, type OpenProxy } from "./session.ts";

const idleMs = 3_600_000;
const mostClients = 100_000;
const mostKinds = 32;
const mostUnused = 10_000;
/** Those of frp have their place, whatever else clients invent. */
const frpTypes: ReadonlySet<string> = new Set(frpProxyTypes);

export class FrpsNode {
  readonly name: string;
  readonly clients = new Map<string, Client>();
  logins = new AdmittedLogins();
  returns = new Returns();
  readonly kinds = new Map<string | null, Kind>();
  /** By proxy name: a frps has each name once. */
  readonly owners = new Map<string, OpenProxy>();
  #announcedTypes: readonly string[] = [];
  /** Oldest first. */
  readonly #unused = new Set<OpenProxy>();
  /** By user and name, how many clients have a proxy of that name open. */
  readonly #openNames = new Map<string, Map<string, number>>();
  #lostSinceMs = Number.NEGATIVE_INFINITY;

  /** @param announcedTypes proxy types of which this frps is said to send CloseUserConn */
  constructor(name: string, announcedTypes: readonly string[]) {
    this.name = name;
    this.announce(announcedTypes);
  }

  /** @param types of which this frps is said to send CloseUserConn from now on */
  announce(types: readonly string[]): void {
    this.#announcedTypes = types;
    for (const kind of this.kinds.values()) kind.said = this.#isAnnounced(kind.type);
    for (const type of types) this.kindOf(type);
  }

  kindOf(type: string | null): Kind {
    const known = this.kinds.get(type);
    if (known) return known;
    // Clients choose the type, and frps asks before it looks whether there is one.
    if (this.kinds.size >= mostKinds && type !== null && !frpTypes.has(type)) return this.kindOf(null);
    const kind = new Kind(this.name, type, this.#isAnnounced(type));
    this.kinds.set(type, kind);
    return kind;
  }

  addClient(id: string, user: string | null, seenMs: number): Client {
    const client = new Client(this.name, id, user, seenMs);
    this.clients.set(id, client);
    if (this.clients.size > mostClients) this.#dropFirst();
    return client;
  }

  /** Forgets who has gone without a word. */
  forgetIdle(monotonicMs: number): void {
    for (const client of this.clients.values()) {
      if (client.proxies.size === 0 && monotonicMs - client.seenMs > idleMs) this.clients.delete(client.id);
    }
  }

  /** But for what it tells the ends of. */
  forgetAll(): void {
    this.clients.clear();
    this.owners.clear();
    this.#unused.clear();
    this.#openNames.clear();
    this.logins = new AdmittedLogins();
    this.returns = new Returns();
  }

  /** Gives up the proxies of clients that were not heard of since. */
  *losesSince(monotonicMs: number): Generator<OpenProxy> {
    // Asked for each proxy that was lost; what was not found the first time has been heard of.
    if (monotonicMs <= this.#lostSinceMs) return;
    this.#lostSinceMs = monotonicMs;
    for (const client of this.clients.values()) {
      if (client.seenMs >= monotonicMs) continue;
      for (const proxy of client.proxies.values()) {
        if (!proxy.open) continue;
        this.shut(proxy);
        yield proxy;
      }
    }
  }

  /** Kinds whose ends it told before this moment and not since: they are as unknown as at first. */
  *unprovenSince(monotonicMs: number): Generator<Kind> {
    for (const kind of this.kinds.values()) {
      if (kind.proof !== "told" || kind.toldMs >= monotonicMs) continue;
      kind.proof = "none";
      if (!kind.said) yield kind;
    }
  }

  /** How many proxies of other names a user has open. */
  othersOf(user: string, name: string): number {
    const names = this.#openNames.get(user);
    return names === undefined ? 0 : names.size - (names.has(name) ? 1 : 0);
  }

  open(proxy: OpenProxy): void {
    if (!proxy.open) this.#countName(proxy, 1);
    proxy.counted ||= !proxy.open;
    proxy.open = true;
  }

  /** What was open before the bridge was started may have been closed while it was away: it takes nobody's place. */
  uncount(): void {
    this.#openNames.clear();
    for (const { proxies } of this.clients.values())
      for (const proxy of proxies.values()) proxy.counted = false;
  }

  /** A proxy has no more connections to come. */
  shut(proxy: OpenProxy): void {
    if (proxy.counted) this.#countName(proxy, -1);
    proxy.counted = false;
    proxy.open = false;
    if (this.owners.get(proxy.name) === proxy) this.owners.delete(proxy.name);
  }

  /** A proxy was asked for, and may be used or not. */
  expect(proxy: OpenProxy): void {
    this.#unused.add(proxy);
    const [oldest] = this.#unused;
    if (this.#unused.size <= mostUnused || !oldest) return;
    this.shut(oldest);
    this.dropIfIdle(oldest);
  }

  /** A connection came through it. */
  use(proxy: OpenProxy): void {
    if (this.owners.get(proxy.name) !== proxy) this.owners.set(proxy.name, proxy);
    if (proxy.used) return;
    proxy.used = true;
    this.#unused.delete(proxy);
  }

  /** Forgets a proxy that nothing is left of. */
  dropIfIdle(proxy: OpenProxy): void {
    if (!proxy.idle) return;
    const { client, name } = proxy;
    this.#unused.delete(proxy);
    if (client.proxies.get(name) === proxy) client.proxies.delete(name);
    if (this.owners.get(name) === proxy) this.owners.delete(name);
  }

  #isAnnounced(type: string | null): boolean {
    return type !== null && this.#announcedTypes.includes(type);
  }

  #countName({ client, name }: OpenProxy, change: 1 | -1): void {
    const user = client.user ?? "";
    const names = this.#openNames.get(user) ?? new Map<string, number>();
    const count = (names.get(name) ?? 0) + change;
    if (count === 0) names.delete(name);
    else names.set(name, count);
    if (names.size === 0) this.#openNames.delete(user);
    else this.#openNames.set(user, names);
  }

  #dropFirst(): void {
    for (const client of this.clients.values()) {
      if ([...client.proxies.values()].some(({ sessions, departures }) => sessions.size + departures > 0))
        continue;
      for (const proxy of client.proxies.values()) {
        this.shut(proxy);
        this.dropIfIdle(proxy);
      }
      this.clients.delete(client.id);
      return;
    }
  }
}

/** What an op says of its proxy, filled up with what the proxy's NewProxy said. */
export function knownFacts(said: ProxyFacts, known: ProxyFacts | undefined): ProxyFacts {
  if (known === undefined) return said;
  const { remotePort, domains } = known;
  return { name: said.name, type: said.type ?? known.type, remotePort, domains };
}
