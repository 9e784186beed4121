/**
 * Pseudonyms of users and addresses in all that is told of ops: in the journal, the sessions, and the topics.
 *
 *   op ──▶ decide, bans, the log: true names
 *    └──▶ op(op) ──▶ sessions, event, journal, snapshot, Kafka: pseudonyms
 *
 * Guarantees: equal names have equal pseudonyms, so that whatever is paired, counted or joined by them still is. What is
 * not known to be neither is hashed. Without them nothing of this is called.
 */
import type { Check, Decision, ReasonCode } from "../decision.ts";
import type { RedactMode } from "../events/redact.ts";
import type { ClientInfo, Op, ProxyFacts, Remote } from "../op.ts";
import { banReason } from "../policy/bans.ts";
import { type ConnectionCounts, type ProxyCounts, subscriberOf } from "../policy/facts.ts";
import { standingReason } from "../policy/findings.ts";
import type { PolicyNote } from "../policy/policy.ts";
import { ContentNames, type ContentParts, typeOf } from "./content.ts";
import { type PseudonymKind, pseudonymKinds } from "./kinds.ts";
import { Names } from "./names.ts";
import { RuleNames, type Told } from "./rules.ts";

export interface PseudonymSettings {
  readonly pseudonyms: readonly PseudonymKind[];
  readonly hmacKey?: string | undefined;
  readonly redact: RedactMode;
}

interface Counts {
  readonly connections: ConnectionCounts;
  readonly proxies: ProxyCounts;
}

/** What a check says of a proxy's name is cut, as conditions cut it. */
const mostSeen = 128;
/** Their reasons may be the rule's own words; all others are ours. */
const reasonsOfRules: ReadonlySet<ReasonCode> = new Set(["rule_deny", "default_deny", "banned"]);

/** Ours: a name put into them where it is one of their words would say whose it is. */
const ownReasons: ReadonlySet<string> = new Set([standingReason, banReason]);
/** What they see are numbers, domains and words of ours. */
const plainConditions: ReadonlySet<string> = new Set([
  "expiresAt",
  "hours",
  "tokens",
  "prefix",
  "limits.connections",
  "limits.connectionsPerMinute",
  "limits.loginsPerMinute",
  "proxies.max",
  "proxies.ports",
  "proxies.requireEncryption",
  "proxies.domains",
  "proxies.subdomains",
]);

export class Pseudonyms {
  readonly kinds: ReadonlySet<PseudonymKind>;
  /** What events say of it: `user,ip;key=0a1b2c3d`. Names of one such naming can be compared. */
  readonly naming: string;
  readonly names: Names;
  readonly #content: ContentParts;
  readonly #rules: RuleNames;

  constructor(kinds: readonly PseudonymKind[], key: string, redact: RedactMode) {
    this.kinds = new Set(kinds);
    this.names = new Names(key);
    const listed = pseudonymKinds.filter((kind) => this.kinds.has(kind));
    this.naming = `${listed.join(",")};key=${this.names.keyId}`;
    this.#content = { names: this.names, kinds: this.kinds, redact };
    this.#rules = new RuleNames(this.#content);
  }

  /** The op as it is told of. Its metas stay: they are kept in memory alone, and not long. */
  op(op: Op): Op {
    const of = new ContentNames(this.#content, op);
    return {
      ...op,
      user: op.user === null ? null : of.user(op.user),
      proxy: op.proxy && proxyOf(op.proxy, of),
      remote: op.remote && remoteOf(op.remote, of),
      clientInfo: op.clientInfo && this.#clientInfo(op.clientInfo, of),
      prox: op.prox && { ...op.prox, path: op.prox.path && of.plain(op.prox.path) },
      content: of.content(op.content),
    };
  }

  /** The decision as it is told of; the answer is made of the true one. */
  decision(decision: Decision, op: Op, toldOp: Op): Decision {
    const { rule, checks, wouldRefuse, set, prox } = decision;
    if (rule === null && checks.length === 0 && !wouldRefuse && !set && !prox) return decision;
    const told = toldOf(op, toldOp);
    const outcome = <T extends Pick<Decision, "reason" | "code" | "rule">>(of: T) => ({
      reason:
        reasonsOfRules.has(of.code) && !ownReasons.has(of.reason)
          ? this.#rules.words(of.reason, of.rule, told.user)
          : of.reason,
      rule: of.rule && this.#rules.key(of.rule, told),
    });
    return {
      ...decision,
      ...outcome(decision),
      checks: checks.map((check) => ({
        ...check,
        rule: this.#rules.key(check.rule, told),
        ...(check.seen !== undefined && { seen: this.#seen(check, check.seen, told) }),
      })),
      ...(wouldRefuse && { wouldRefuse: { ...wouldRefuse, ...outcome(wouldRefuse) } }),
      ...(set && { set: new ContentNames(this.#content, op).content(set) }),
      ...(prox && { prox: this.#rules.allWords(prox, rule, told.user) as NonNullable<Decision["prox"]> }),
    };
  }

  /** The counts of sessions, which know all by its pseudonym, for the op that they are asked for. */
  countsFor({ user, proxy, remote }: Op, { connections, proxies }: Counts): Counts {
    const id = { user: user ?? "", proxy: proxy?.name ?? "", ip: remote?.ip ? subscriberOf(remote.ip) : "" };
    return {
      connections: {
        open: (by, _id, limit) => connections.open(by, id[by], limit),
        begun: (by, _id, limit) => connections.begun(by, id[by], limit),
        logins: (by, _id, limit) => connections.logins(by, id[by], limit),
        endsAnnounced: (node) => connections.endsAnnounced(node, proxy?.type ?? null),
      },
      proxies: {
        others: (node, _user, _name, limit) => proxies.others(node, id.user, id.proxy, limit),
      },
    };
  }

  /** An address or a network; other words, such as `no address`, stay. */
  peer(peer: string): string {
    if (!this.kinds.has("ip") || !/[.:]/.test(peer)) return peer;
    return this.names.network(peer);
  }

  /** What came of the policy, with its values as they may be shown. */
  note(note: PolicyNote): PolicyNote {
    if (note.kind === "emptied") return note;
    const key = this.#rules.writtenKey(note.key);
    if (note.kind === "rejected") return { ...note, key, problem: this.#rules.words(note.problem, note.key) };
    const shown = (value: string | null) => value && this.#rules.value(note.key, value);
    return { ...note, key, before: shown(note.before), after: shown(note.after) };
  }

  #clientInfo(info: ClientInfo, of: ContentNames): ClientInfo {
    return {
      ...info,
      address: info.address && of.address(info.address),
      hostname: info.hostname && this.names.text(info.hostname),
    };
  }

  #seen({ rule, condition }: Check, seen: string, told: Told): string {
    if (plainConditions.has(condition)) return seen;
    if (condition === "clientFrom" || condition === "visitorFrom") return this.peer(seen);
    // As in the op's content.
    if (condition === "proxies.types") return typeOf(seen, this.names);
    const [name, toldName] = told.proxy ?? [];
    // Without the user's prefix it is a name of the user's own choice.
    if (condition === "proxies.names")
      return seen === name?.slice(0, mostSeen).toWellFormed() ? toldName!.slice(0, mostSeen) : seen;
    return this.#rules.words(seen, rule, told.user);
  }
}

/** Null where events bear true names, which then costs nothing. */
export function pseudonymsOf({ pseudonyms, hmacKey, redact }: PseudonymSettings): Pseudonyms | null {
  return pseudonyms.length === 0 || hmacKey === undefined
    ? null
    : new Pseudonyms(pseudonyms, hmacKey, redact);
}

function proxyOf(proxy: ProxyFacts, of: ContentNames): ProxyFacts {
  return { ...proxy, name: of.proxy(proxy.name), type: proxy.type && of.type(proxy.type) };
}

function remoteOf({ ip, port }: Remote, of: ContentNames): Remote {
  return { ip: ip && of.address(ip), port };
}

function toldOf(op: Op, told: Op): Told {
  return {
    user: op.user ?? "",
    proxy: op.proxy && told.proxy && [op.proxy.name, told.proxy.name],
  };
}
