/** The recipes of the README, run as they stand there, and what they are run against. */
import { readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { expect } from "vitest";
import { type Backend, startBackend } from "../hosts/backend.ts";
import { type BridgeHost, type BridgeSettings, startBridge } from "../hosts/bridge.ts";
import { type FrpcHost, type FrpcOptions, type FrpsHost, startFrpc, startFrps } from "../hosts/frp.ts";
import { JournalEvents } from "../hosts/journal-events.ts";
import { run } from "../hosts/process.ts";
import { startRedis } from "../hosts/redis.ts";
import { redisCliFor } from "../hosts/redis-cli.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const marked = /^<!-- recipe: (.+?) -->\n```sh\n(.*?)^```$/gms;

/** By name, the lines for sh. */
const recipes: ReadonlyMap<string, string> = new Map(
  [...readme.matchAll(marked)].map(([, name, lines]) => [name!, lines!]),
);

export const recipeNames = [...recipes.keys()];

/** @throws Error when the README has no such recipe */
export function linesOf(name: string): string {
  const lines = recipes.get(name);
  if (lines === undefined) throw new Error(`no recipe is marked ${name} in README.md`);
  return lines;
}

/** Without the prefix of all keys: `user:alice`. */
function keysIn(lines: string): string[] {
  return [...lines.matchAll(/\bSET sluice:policy:(\S+)/g)].map(([, key]) => key!);
}

/** A Redis, a bridge and a frps, each with its defaults as far as tests can have them. */
export class Place {
  readonly bridge: BridgeHost;
  readonly frps: FrpsHost;
  readonly backend: Backend;
  readonly journal: JournalEvents;
  readonly #cli: string;

  private constructor(
    bridge: BridgeHost,
    frps: FrpsHost,
    backend: Backend,
    journal: JournalEvents,
    cli: string,
  ) {
    this.bridge = bridge;
    this.frps = frps;
    this.backend = backend;
    this.journal = journal;
    this.#cli = cli;
  }

  static async start(
    settings: BridgeSettings = {},
    startedFrps: (addr: string) => Promise<FrpsHost> = (addr) => startFrps({ plugins: [{ addr }] }),
  ): Promise<Place> {
    const [redis, backend] = await Promise.all([startRedis(), startBackend()]);
    const bridge = await startBridge({ "redis.url": redis.url, ...settings });
    const frps = await startedFrps(bridge.addr);
    const journal = await JournalEvents.read(bridge.dataDir);
    return new Place(bridge, frps, backend, journal, await redisCliFor(redis.port));
  }

  /**
   * Runs a recipe, and resolves with what it printed when it is in force.
   * @param instead words of the recipe that a test cannot have, and what it has
   */
  async follow(name: string, instead: Readonly<Record<string, string>> = {}): Promise<string> {
    const lines = Object.entries(instead).reduce(
      (text, [from, to]) => text.replaceAll(from, to),
      linesOf(name),
    );
    const printed = await this.#changing(keysIn(lines), lines, (after) => after !== null);
    expect(printed).toBe("OK\n".repeat(keysIn(lines).length));
    return lines;
  }

  /** Takes back what these lines wrote, as the README says; resolves when that is in force. */
  async takeBack(lines: string): Promise<void> {
    const keys = keysIn(lines);
    const dels = keys.map((key) => `redis-cli DEL 'sluice:policy:${key}'\n`).join("");
    expect(await this.#changing(keys, dels, (after) => after === null)).toBe("1\n".repeat(keys.length));
  }

  /** Runs lines that change these rules, until the bridge has told of each. */
  async #changing(keys: readonly string[], lines: string, is: (after: unknown) => boolean): Promise<string> {
    const from = this.journal.events.length;
    const printed = await this.sh(lines);
    for (const wanted of keys) await this.changed(wanted, is, from);
    return printed;
  }

  /** Resolves when a rule's change to a value that `is` such has come into force. */
  async changed(wanted: string, is: (after: unknown) => boolean, from = 0): Promise<void> {
    await this.journal.saw(
      ({ type, data }) => type === "sluice.policy.changed" && data.key === wanted && is(data.after),
      `policy.changed of ${wanted}`,
      { from },
    );
  }

  /** Runs lines with a redis-cli for this place's Redis. */
  sh(lines: string): Promise<string> {
    const path = `${this.#cli}${delimiter}${process.env.PATH}`;
    return run({ program: "sh", args: ["-euc", lines], env: { PATH: path } });
  }

  /** A frpc that has logged in, or, where the log is asked for something else, at least tries. */
  frpc(user: string, options: Partial<FrpcOptions> = {}): Promise<FrpcHost> {
    return startFrpc({ frps: this.frps, user, ...options });
  }

  /** The log of a frpc shows that it was refused so. */
  async turnsAway(user: string, reason: RegExp, options: Partial<FrpcOptions> = {}): Promise<void> {
    const frpc = await this.frpc(user, { ...options, until: "nothing" });
    await frpc.log.saw(reason);
    expect(frpc.log.lines.join("\n")).not.toContain("login to server success");
    await frpc.close();
  }

  /** A tcp proxy to the backend that sends back what it gets. */
  tcp(name: string, remotePort: number): Record<string, unknown> {
    return { name, type: "tcp", localPort: this.backend.echoPort, remotePort };
  }

  /** The first event of this type, of a proxy or user, whose fields match. */
  event(type: string, is: (data: JournalEvents["events"][number]) => boolean = () => true, from = 0) {
    return this.journal.saw(
      (event) => event.type === `sluice.${type}` && is(event.data),
      `${type} as wanted`,
      { from },
    );
  }
}
