/**
 * Automatic bans: an address that is refused too often is banned for a while.
 *
 *   counted ──`after` refusals within `withinMs`──▶ writing ──▶ forgotten: the ban is a rule from now on
 *      ▲ │ none for `withinMs`                        │ failed, which the next refusal tries again
 *      │ └──▶ forgotten                               ▼
 *      └──────────────────────────────────────────────┘
 *
 * Guarantees
 *   - Only what a stranger does on purpose counts: at Login a wrong or missing token and a deny of the user or the
 *     address, at a user's connection a deny of its address. Never hours, limits, ends of access or failures of ours, and
 *     never what one address would pay for another: a visitor does not bring the token.
 *   - Loopback and `except` are never banned. Of IPv6 a /64 counts as one, and is banned as one unless it holds some of
 *     these.
 *   - A ban is written where rules are and is in force when it comes back from there, for every bridge alike. What
 *     cannot be written is counted and logged, and nobody waits for it.
 *   - Memory is bounded, here and where rules are: beyond `mostCounted` addresses the one that was quiet longest is
 *     forgotten, and counted; while `mostStanding` bans stand no other is written, which is counted and logged once.
 */
import type { Clock } from "../clock.ts";
import type { Decision } from "../decision.ts";
import { textOf } from "../errors.ts";
import type { Op } from "../op.ts";
import { contains, type Network, parseNetwork } from "./addresses.ts";
import { subscriberOf } from "./facts.ts";
import type { PolicyLog } from "./policy.ts";

export type BanOutcome = "written" | "already_banned" | "failed" | "too_many";

/** Read at each use: the first four may change. */
export interface BansOptions {
  /** ban.after; 0 bans nobody */
  readonly after: number;
  readonly withinMs: number;
  readonly forMs: number;
  /** Networks whose addresses are never banned, besides loopback. */
  readonly except: readonly Network[];
  /** Who bans: the bridge's instance. */
  readonly by: string;
  readonly clock: Clock;
  readonly log: PolicyLog;
  /** How many bans are in force. */
  readonly standing: () => number;
  /** Writes a rule's value under the ban of a network unless there is one; false when there is. */
  readonly write: (network: string, value: string, forMs: number) => Promise<boolean>;
  readonly onOutcome: (outcome: BanOutcome) => void;
  /** An address was forgotten before its time. */
  readonly onForgotten: () => void;
}

const mostCounted = 100_000;
const mostStanding = 100_000;
const loopback: readonly Network[] = [parseNetwork("127.0.0.0/8")!, parseNetwork("::1")!];

interface Counted {
  /** Monotonic times of refusals, oldest first; never more than `after`. */
  timesMs: number[];
  writing: boolean;
}

export const banReason = "banned for a while after too many refusals";

export class Bans {
  readonly #options: BansOptions;
  #except: readonly Network[] = [];
  #never = loopback;
  /** The first address of each. */
  #neverFrom: readonly string[] = firstsOf(loopback);
  /** By subscriber, the one that was refused last at the end. */
  readonly #counted = new Map<string, Counted>();
  #full = false;

  constructor(options: BansOptions) {
    this.#options = options;
  }

  /** An op was refused. */
  refused(op: Op, decision: Decision): void {
    const ip = op.remote?.ip ?? null;
    if (this.#options.after === 0) return;
    this.#takeExcept(this.#options.except);
    if (ip === null || !isOnPurpose(op, decision) || this.#never.some((one) => contains(one, ip))) return;
    const { after, withinMs, clock } = this.#options;
    const network = this.#bannable(ip);
    const nowMs = clock.monotonic();
    this.#forgetOld(nowMs);
    const counted = this.#counted.get(network) ?? { timesMs: [], writing: false };
    this.#counted.delete(network);
    this.#counted.set(network, counted);
    this.#forgetBeyondBound();
    counted.timesMs = [...counted.timesMs.filter((ms) => nowMs - ms < withinMs), nowMs].slice(-after);
    if (counted.timesMs.length < after || counted.writing) return;
    if (this.#mayBan()) void this.#ban(network, counted, decision);
  }

  #takeExcept(except: readonly Network[]): void {
    if (except === this.#except) return;
    this.#except = except;
    this.#never = [...loopback, ...except];
    this.#neverFrom = firstsOf(this.#never);
  }

  /** The network that an address is counted and banned with: one that holds what is never banned shrinks to it. */
  #bannable(ip: string): string {
    const text = subscriberOf(ip);
    const network = text === ip ? null : parseNetwork(text);
    const holdsOne = network !== null && this.#neverFrom.some((address) => contains(network, address));
    return holdsOne ? ip : text;
  }

  #mayBan(): boolean {
    const full = this.#options.standing() >= mostStanding;
    if (full) this.#options.onOutcome("too_many");
    if (full && !this.#full) {
      this.#options.log.error({ standing: mostStanding }, "no more bans are written until some have ended");
    }
    this.#full = full;
    return !full;
  }

  async #ban(network: string, counted: Counted, decision: Decision): Promise<void> {
    const { write, forMs, log, onOutcome } = this.#options;
    counted.writing = true;
    const about = { ban: network, forMs, code: decision.code, rule: decision.rule };
    try {
      const written = await write(network, this.#value(decision), forMs);
      this.#counted.delete(network);
      onOutcome(written ? "written" : "already_banned");
      if (written) log.warn(about, "an address is banned for a while: it was refused too often");
    } catch (thrown) {
      counted.writing = false;
      onOutcome("failed");
      log.error(
        { ...about, problem: textOf(thrown) },
        "a ban cannot be written; the next refusal tries again",
      );
    }
  }

  /** A rule that says who was it, and why. */
  #value({ code, rule }: Decision): string {
    const { after, withinMs, by } = this.#options;
    return JSON.stringify({
      effect: "deny",
      reason: banReason,
      by,
      note: `${after} refusals within ${withinMs / 1000} s, the last: ${code} by ${rule}`,
    });
  }

  #forgetOld(nowMs: number): void {
    for (const [network, { timesMs, writing }] of this.#counted) {
      if (writing || nowMs - timesMs.at(-1)! < this.#options.withinMs) return;
      this.#counted.delete(network);
    }
  }

  #forgetBeyondBound(): void {
    if (this.#counted.size <= mostCounted) return;
    const [quietest] = this.#counted.keys();
    this.#counted.delete(quietest!);
    this.#options.onForgotten();
  }
}

function firstsOf(networks: readonly Network[]): string[] {
  return networks.map(({ text }) => text.replace(/\/.*$/, ""));
}

function isOnPurpose({ name }: Op, { code, rule }: Decision): boolean {
  if (code === "rule_deny" && rule?.startsWith("ip:")) return true;
  return (
    name === "Login" && (code === "token_rejected" || (code === "rule_deny" && rule!.startsWith("user:")))
  );
}
