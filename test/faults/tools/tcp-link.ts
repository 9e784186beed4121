/** A line between a client and a server that can be cut, loudly or silently. */
import { type Passage, Relay, type RelayedConnection } from "./relay.ts";

export interface SeenConnection {
  /** The first 4 KiB that came from the client, as latin1. */
  readonly sent: string;
}

export interface FreezeOptions {
  /** Of which connections nothing passes any more; all by default. */
  readonly which?: (seen: SeenConnection) => boolean;
  /** Connections to come too, as soon as `which` says so of them. */
  readonly alsoNew?: boolean;
}

type Which = (seen: SeenConnection) => boolean;

const seenBytes = 4096;
const all = (): boolean => true;

export class TcpLink implements AsyncDisposable {
  readonly #relay: Relay;
  readonly #seen: Map<RelayedConnection, string>;
  /** What becomes of connections to come. */
  readonly #new: { freeze: Which | null };

  static async open(targetPort: number, { port }: { readonly port?: number } = {}): Promise<TcpLink> {
    const seen = new Map<RelayedConnection, string>();
    const fresh: { freeze: Which | null } = { freeze: null };
    const passage = (connection: RelayedConnection): Passage => {
      seen.set(connection, "");
      // Whoever freezes all takes connections and never even asks the server for one.
      if (fresh.freeze === all) connection.freeze();
      return {
        up(chunk) {
          const before = seen.get(connection)!;
          if (before.length < seenBytes) {
            seen.set(connection, (before + chunk.toString("latin1")).slice(0, seenBytes));
            if (fresh.freeze?.({ sent: seen.get(connection)! })) connection.freeze();
          }
          return chunk;
        },
        down: (chunk) => chunk,
        ended: () => void seen.delete(connection),
      };
    };
    return new TcpLink(await Relay.open(targetPort, passage, port), seen, fresh);
  }

  private constructor(relay: Relay, seen: Map<RelayedConnection, string>, fresh: { freeze: Which | null }) {
    this.#relay = relay;
    this.#seen = seen;
    this.#new = fresh;
  }

  get port(): number {
    return this.#relay.port;
  }

  /** Ends every connection with RST and takes no new one until heal(). */
  cut(): Promise<void> {
    return this.#relay.cut();
  }

  /**
   * Nothing passes any more on these connections either way: no byte, no FIN, no RST, also when the far side
   * closes. Returns how many are frozen now.
   */
  freeze({ which = all, alsoNew = false }: FreezeOptions = {}): number {
    if (alsoNew) this.#new.freeze = which;
    for (const [connection, sent] of this.#seen) if (which({ sent })) connection.freeze();
    return [...this.#seen.keys()].filter(({ frozen }) => frozen).length;
  }

  /** Passes again for new connections; what is frozen ends with RST. */
  heal(): Promise<void> {
    this.#new.freeze = null;
    return this.#relay.heal();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#relay[Symbol.asyncDispose]();
  }
}
