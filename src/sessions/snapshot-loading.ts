/** Reads what snapshot.ts writes. */
import type { Clock } from "../clock.ts";
import { Restoring } from "./restoring.ts";
import type { Sessions } from "./sessions.ts";
import type { Line } from "./snapshot.ts";

/** Takes the lines of a snapshot into sessions that know of nothing yet. */
export class SnapshotLoading {
  readonly #sessions: Sessions;
  readonly #restoring: Restoring;
  /** Clients that were there are taken to have been heard of now. */
  readonly #nowMs: number;
  readonly #things: unknown[] = [];

  constructor(sessions: Sessions, clock: Clock) {
    this.#sessions = sessions;
    this.#restoring = new Restoring(sessions, clock);
    this.#nowMs = clock.monotonic();
  }

  /** @throws when it is no line of a snapshot */
  take(json: string): void {
    const line = JSON.parse(json) as Line;
    const { roster } = this.#sessions;
    switch (line[0]) {
      case "kind": {
        const kind = roster.node(line[1]).kindOf(line[2]);
        // The settings may say so because it has been mended.
        kind.proof = kind.said && line[3] === "doubted" ? "none" : line[3];
        return;
      }
      case "login": {
        const [, node, id, user, client, info, atMs, doubtful, agreed] = line;
        this.#restoring.login(node, { id, user, client, info, atMs, doubtful, agreed });
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
        const [, ref, client, setting, open, current, owner, used] = line;
        const state = { open, current, owner, used };
        this.#things[ref] = roster.restoreProxy(this.#thing(client), this.#thing(setting), state);
        return;
      }
      case "session":
        this.#session(line);
        return;
      case "departure":
        this.#restoring.departure(this.#thing(line[1]), line[2], line[3], line[4], line[5]);
        return;
      case "return":
        this.#restoring.returned(this.#thing(line[1]), line[2], line[3], line[4]);
        return;
      default:
        throw new Error(`unknown line ${String(line[0])}`);
    }
  }

  #session([, late, id, key, proxy, setting, grounds, ip, port, remote, startedMs]: Extract<
    Line,
    readonly ["session", ...unknown[]]
  >): void {
    this.#restoring.session(
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
