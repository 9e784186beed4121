/** Who is there: finds and adds nodes, clients and proxies as ops name them. */
import type { Origin } from "../events/draft.ts";
import type { OpContext } from "../events/render.ts";
import type { ClientInfo, Op, ProxyFacts } from "../op.ts";
import type { Kind } from "./kind.ts";
import { FrpsNode } from "./nodes.ts";
import { type Client, type Confirmation, OpenProxy, type Setting } from "./session.ts";

/** What a client may name is kept short: it goes into every event of its proxies. */
const mostDomains = 16;

/** Is told a proxy that is no more, and how that shows. */
type Lost = (proxy: OpenProxy, reason: "client_gone" | "proxy_closed") => void;

interface RosterOptions {
  readonly announcedTypes: (node: string) => readonly string[];
  readonly origin: Pick<Origin, "naming">;
}

export class Roster {
  readonly nodes = new Map<string, FrpsNode>();
  /** What users and addresses are known by, as events say it; "" is their names. Null: nothing is known yet. */
  naming: string | null;
  readonly #announcedTypes: (node: string) => readonly string[];

  constructor({ announcedTypes, origin }: RosterOptions) {
    this.#announcedTypes = announcedTypes;
    this.naming = origin.naming ?? "";
  }

  node(name: string): FrpsNode {
    const known = this.nodes.get(name);
    if (known) return known;
    const node = new FrpsNode(name, this.#announcedTypes(name));
    this.nodes.set(name, node);
    return node;
  }

  /** It is said anew which frps tells what ends. */
  announceAnew(): void {
    for (const [name, node] of this.nodes) node.announce(this.#announcedTypes(name));
  }

  kind(node: string, type: string | null): Kind | undefined {
    return this.nodes.get(node)?.kinds.get(type);
  }

  *kinds(): Generator<Kind> {
    for (const node of this.nodes.values()) yield* node.kinds.values();
  }

  sumOfAnnounced(count: (kind: Kind) => number): number {
    let sum = 0;
    for (const { kinds } of this.nodes.values()) {
      for (const kind of kinds.values()) if (kind.announced) sum += count(kind);
    }
    return sum;
  }

  find({ node, client }: Op): Client | undefined {
    return client === null ? undefined : this.nodes.get(node)?.clients.get(client);
  }

  /** What the proxy's NewProxy said: of this client, else of whoever has a proxy of that name. */
  factsOf({ node, proxy }: Op, client: Client | undefined): ProxyFacts | undefined {
    if (proxy === null) return undefined;
    const own = client?.proxies.get(proxy.name);
    return (own ?? (client ? undefined : this.nodes.get(node)?.owners.get(proxy.name)))?.setting.proxy;
  }

  /** A Login that the policy let through. */
  admit(op: Op, id: string, metas: string | null, monotonicMs: number): void {
    const { user, client, clientInfo: info } = op;
    this.node(op.node).logins.add({ id, user, client, metas, info, atMs: op.atMs, monotonicMs });
  }

  /** The client of an op, which frps knows, so that we do from now on. */
  meet(op: Op, monotonicMs: number): Client {
    const node = this.node(op.node);
    const id = op.client ?? "";
    const client = node.clients.get(id) ?? node.addClient(id, op.user, monotonicMs);
    client.seenMs = monotonicMs;
    return client;
  }

  /** Whether confirm() would find something at an op that may confirm. */
  confirms(op: Op, monotonicMs: number): boolean {
    const client = this.find(op);
    if (op.client === null) return false;
    return !client?.confirmed || this.node(op.node).logins.awaits(client.id, monotonicMs);
  }

  /**
   * Finds the Login of a client at its first op, and at the first after it logged in anew.
   * @param lost is told each proxy that a client had before it came back
   */
  confirm(op: Op, client: Client, id: string, monotonicMs: number, lost: Lost): Confirmation | null {
    const node = this.node(op.node);
    const { logins, returns } = node;
    const returned = client.confirmed && logins.awaits(client.id, monotonicMs);
    if (op.client === null || (client.confirmed && !returned)) return null;
    const { pairing, login, info } = logins.take(op, monotonicMs);
    client.confirmed = true;
    client.info = info;
    client.confirming = { by: { id, op: op.name }, atMs: op.atMs, pairing, login };
    if (returned) {
      client.returnedMs = monotonicMs;
      client.left.clear();
      let used = false;
      for (const proxy of client.proxies.values()) {
        if (!proxy.open) continue;
        client.left.add(proxy.name);
        used ||= proxy.used || proxy.sessions.size > 0;
        node.shut(proxy);
        lost(proxy, "client_gone");
      }
      if (used) returns.add(client, monotonicMs);
    }
    return client.confirming;
  }

  *confirming(): Generator<Client> {
    for (const { clients } of this.nodes.values()) {
      for (const client of clients.values()) if (client.confirming) yield client;
    }
  }

  /** @param lost is told the client's proxy of that name and another type: its CloseProxy comes behind, or never */
  openProxy(op: Op, client: Client, context: OpContext, lost: Lost): OpenProxy {
    const node = this.node(op.node);
    const setting = settingOf(op, context, this.naming ?? "");
    const kind = node.kindOf(setting.proxy.type);
    const known = client.proxies.get(setting.proxy.name);
    const proxy = known?.kind === kind ? known : new OpenProxy(client, kind, setting);
    if (known && proxy !== known && known.open) {
      node.shut(known);
      lost(known, "proxy_closed");
    }
    proxy.setting = setting;
    if (!proxy.open) proxy.used = false;
    node.open(proxy);
    if (proxy !== known) client.proxies.set(proxy.name, proxy);
    // One that still has connections is known by them.
    if (!proxy.used && proxy.sessions.size === 0) node.expect(proxy);
    // frps may turn a NewProxy away because another client has the name: a connection shows who has it.
    if (!node.owners.has(proxy.name)) node.owners.set(proxy.name, proxy);
    return proxy;
  }

  /**
   * The proxy that a connection goes through, with what is known of its client by now.
   * @param lost is told another client's proxy of that name: a frps has each name once
   */
  proxyOf(op: Op, client: Client, context: OpContext, lost: Lost): OpenProxy {
    const name = op.proxy?.name ?? "";
    const node = this.node(op.node);
    this.handOver(op, client, lost);
    const known = client.proxies.get(name);
    const fits = known?.open && known.kind.type === (op.proxy?.type ?? null);
    const proxy =
      fits && isAlike(known.setting.clientInfo, context.clientInfo)
        ? known
        : this.openProxy(op, client, context, lost);
    node.use(proxy);
    return proxy;
  }

  /** frps asks about connections through the proxy that it has: whoever else had the name has lost it. */
  handOver(op: Op, client: Client, lost: Lost): void {
    const node = this.node(op.node);
    const owner = node.owners.get(op.proxy?.name ?? "");
    if (!owner || owner.client === client) return;
    node.shut(owner);
    lost(owner, "client_gone");
  }

  /** A proxy that frps was told not to open. One that has connections was there before. */
  forgetProxy(op: Op): void {
    const proxy = this.find(op)?.proxies.get(op.proxy?.name ?? "");
    if (proxy?.sessions.size === 0) this.closeProxy(op);
  }

  /** Undefined when there is none to be closed. */
  closeProxy({ node: name, client, proxy: closed }: Op): OpenProxy | undefined {
    const node = this.node(name);
    const proxy = node.clients.get(client ?? "")?.proxies.get(closed?.name ?? "");
    if (!proxy?.open) return undefined;
    node.shut(proxy);
    node.dropIfIdle(proxy);
    return proxy;
  }

  /** A proxy as a snapshot has it. */
  restoreProxy(
    client: Client,
    setting: Setting,
    { open, current, owner, used }: Record<"open" | "current" | "owner" | "used", boolean>,
  ): OpenProxy {
    const node = this.node(client.node);
    const proxy = new OpenProxy(client, node.kindOf(setting.proxy.type), setting);
    if (open) node.open(proxy);
    if (current) client.proxies.set(proxy.name, proxy);
    proxy.used = used;
    if (open && !used) node.expect(proxy);
    if (owner) node.owners.set(proxy.name, proxy);
    return proxy;
  }

  /** Users and addresses are known by other names from now on: nobody who was there would be found again. */
  rename(naming: string): void {
    this.naming = naming;
    for (const node of this.nodes.values()) node.forgetAll();
  }

  forgetIdle(monotonicMs: number): void {
    for (const node of this.nodes.values()) node.forgetIdle(monotonicMs);
  }
}

/** After a restart the same information is in other objects. */
function isAlike(one: ClientInfo | null, other: ClientInfo | null): boolean {
  if (one === other) return true;
  if (one === null || other === null) return false;
  const { address, port, hostname, version } = one;
  return (
    address === other.address &&
    port === other.port &&
    hostname === other.hostname &&
    version === other.version
  );
}

function settingOf(op: Op, { clientInfo, proxy }: OpContext, naming: string): Setting {
  const { protocol, node, user, client } = op;
  const facts = proxy ?? { name: "", type: null, remotePort: null, domains: [] };
  const domains = facts.domains.slice(0, mostDomains);
  const setting = { protocol, node, user, client, clientInfo, proxy: { ...facts, domains } };
  return naming === "" ? setting : { ...setting, naming };
}
