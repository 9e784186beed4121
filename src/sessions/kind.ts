/**
 * A node and a proxy type: whether frps tells the ends of its user connections, and how many are open.
 *
 *   unknown ──a close, or nodes.<name>.closeUserConn──▶ announced
 *      ▲                                                    │
 *      └── a proxy closed, and neither its sessions nor any of its kind got a close within the grace; or frps was
 *          started anew, and has told none since
 *
 * Guarantee: counts that limits are enforced by hold only what is sure to be taken back: sessions that began in this
 * process, since closes are lost while the bridge is away, and whose client has not gone.
 */
import { type CountedBy, subscriberOf } from "../policy/facts.ts";
import { type Places, Tally } from "./tally.ts";

/** What of a session is counted. */
interface Counted {
  /** Whether it takes a place of those that are limited. */
  counted: boolean;
  readonly setting: { readonly user: string | null; readonly proxy: { readonly name: string } };
  readonly remote: { readonly ip: string | null } | null;
  readonly places: { readonly open: Places };
}

/** Types whose user connections each have an address of their own; with the others many share one. */
const byConnection: ReadonlySet<string | null> = new Set(["tcp", "https", "tcpmux"]);

export class Kind {
  readonly node: string;
  readonly type: string | null;
  /** Whether a session key is that of one connection, and not of a visitor's frpc. */
  readonly byConnection: boolean;
  /** Whether the settings say that ends are announced. */
  said: boolean;
  /** What frps itself has shown. */
  proof: "none" | "told" | "doubted" = "none";
  /** When a close of it came last, by this process's clock. */
  toldMs = Number.NEGATIVE_INFINITY;
  open = 0;
  readonly #counts: Readonly<Record<CountedBy, Tally>> = {
    user: new Tally(),
    proxy: new Tally(),
    ip: new Tally(),
  };

  constructor(node: string, type: string | null, said: boolean) {
    this.node = node;
    this.type = type;
    this.byConnection = byConnection.has(type);
    this.said = said;
  }

  /** Whether ends are known to be announced. */
  get announced(): boolean {
    return this.proof === "told" || (this.said && this.proof === "none");
  }

  openOf(by: CountedBy, id: string): number {
    return this.#counts[by].of(id);
  }

  started(session: Counted): void {
    this.open++;
    if (session.counted) this.#count(session, 1);
  }

  ended(session: Counted): void {
    this.open--;
    this.release(session);
  }

  /** It may be open still, and takes nobody's place any more. */
  release(session: Counted): void {
    if (session.counted) this.#count(session, -1);
    session.counted = false;
  }

  #count({ setting: { user, proxy }, remote, places: { open } }: Counted, change: 1 | -1): void {
    const counts = this.#counts;
    if (user !== null) open.user = counts.user.add(user, change, open.user);
    open.proxy = counts.proxy.add(proxy.name, change, open.proxy);
    if (remote?.ip) counts.ip.add(subscriberOf(remote.ip), change);
  }
}
