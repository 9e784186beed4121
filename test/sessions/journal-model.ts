/**
 * What a journal may hold of user sessions, said without the code that fills it: it is read once, in order, and each
 * event is held against those before it.
 */
import { endId } from "../../src/events/ids.ts";
import type { AnyEvent } from "./world.ts";

interface Known {
  readonly start: AnyEvent;
  readonly at: number;
  close: AnyEvent | null;
  overridden: boolean;
  replaced: boolean;
  readonly ends: AnyEvent[];
}

interface Limits {
  readonly maxAgeMs: number;
  readonly maxOpen: number;
}

/** How long after a client has come back a CloseProxy may be about what it had before. */
const settleMs = 5_000;
const byConnection = new Set(["tcp", "https", "tcpmux"]);

export class JournalModel {
  /** By the id of their start. */
  readonly sessions = new Map<string, Known>();
  readonly problems: string[] = [];
  readonly #events: readonly AnyEvent[];
  readonly #limits: Limits;
  /** Ids by key, oldest first: those that a close may be about. */
  readonly #open = new Map<string, string[]>();
  readonly #late = new Map<string, string[]>();

  constructor(events: readonly AnyEvent[], limits: Limits) {
    this.#events = events;
    this.#limits = limits;
    for (const [at, event] of events.entries()) this.#take(event, at);
  }

  /** Of those that have no end yet. */
  get open(): Known[] {
    return [...this.#open.values()].flat().map((id) => this.sessions.get(id)!);
  }

  /**
   * Sessions whose proxy was closed behind their start; not by a close that may be about what the client had before
   * it came back.
   */
  get departed(): Known[] {
    return this.open.filter(({ start, at }) =>
      this.#events.some(
        (event, where) =>
          where > at &&
          event.type === "sluice.proxy.closed" &&
          sameProxy(event.data, start.data) &&
          !this.#isOfBefore(event, where),
      ),
    );
  }

  #isOfBefore({ time, data }: AnyEvent, at: number): boolean {
    return this.#events
      .slice(0, at)
      .some(
        (event) =>
          event.type === "sluice.login.confirmed" &&
          event.data.node === data.node &&
          event.data.client === data.client &&
          Date.parse(time) - Date.parse(event.time) <= settleMs,
      );
  }

  #take(event: AnyEvent, at: number): void {
    if (event.type === "sluice.session.started") this.#started(event, at);
    else if (event.type === "sluice.session.closed") this.#closed(event);
    else if (event.type === "sluice.session.refused" && event.supersedes) this.#refused(event);
    else if (event.type === "sluice.session.ended") this.#ended(event, at);
    else if (event.type === "sluice.login.confirmed") this.#confirmed(event, at);
  }

  #started(event: AnyEvent, at: number): void {
    const key = event.data.session.key;
    this.sessions.set(event.id, {
      start: event,
      at,
      close: null,
      overridden: false,
      replaced: false,
      ends: [],
    });
    if (byConnection.has(event.data.proxy.type)) {
      for (const id of this.#open.get(key) ?? []) this.sessions.get(id)!.replaced = true;
      this.#open.delete(key);
      this.#late.delete(key);
    }
    this.#open.set(key, [...(this.#open.get(key) ?? []), event.id]);
  }

  #closed(event: AnyEvent): void {
    const { key, id } = event.data.session;
    const [expected = null] = [...(this.#open.get(key) ?? []), ...(this.#late.get(key) ?? [])];
    this.#expect(id === expected, `close ${event.id} names ${id} instead of ${expected}`);
    if (expected === null) return;
    this.sessions.get(expected)!.close = event;
    this.#leave(key, expected);
  }

  /** Once for each time that its client got in. */
  #confirmed({ data }: AnyEvent, at: number): void {
    const of = (event: AnyEvent): boolean =>
      event.data.node === data.node && event.data.client === data.client;
    const before = this.#events.slice(0, at);
    const last = before.findLastIndex((event) => event.type === "sluice.login.confirmed" && of(event));
    const again = before.slice(last + 1).some((event) => event.type === "sluice.login.allowed" && of(event));
    this.#expect(last < 0 || again, `${data.client} is confirmed again at ${at}`);
    const own = before.find(({ id }) => id === data.login);
    this.#expect(
      data.login === null || own?.data.node === data.node,
      `${data.login} is no Login of its node`,
    );
    this.#expect(data.pairing !== "exact" || own?.data.client === data.client, `${data.login} is not exact`);
  }

  #refused({ supersedes, data }: AnyEvent): void {
    if (!this.#open.get(data.session.key)?.includes(supersedes)) return;
    this.sessions.get(supersedes)!.overridden = true;
    this.#leave(data.session.key, supersedes);
  }

  #ended(event: AnyEvent, at: number): void {
    const { session, end, durationMs, pairing } = event.data;
    const known = this.sessions.get(session.id);
    if (!known) {
      this.problems.push(`end ${event.id} without a start`);
      return;
    }
    const { start, close, overridden, replaced, ends } = known;
    const name = `${end.reason} end of ${session.id}`;
    this.#expect(event.id === endId(session.id, end.inferred), `${name} has an id of its own`);
    this.#expect(!ends.some(({ id }) => id === event.id), `${name} came twice`);
    this.#expect(event.partitionkey === start.partitionkey, `${name} has another key`);
    this.#expect(event.data.startedAt === start.time, `${name} began at another time`);
    this.#expect(event.data.endedAt >= start.time, `${name} lies before its start`);
    this.#expect(durationMs === null || durationMs >= 0, `${name} lasted ${durationMs}`);
    const inferred = ends.find(({ data }) => data.end.inferred);
    this.#expect(
      event.supersedes === (end.inferred ? undefined : inferred?.id),
      `${name} supersedes wrongly`,
    );
    if (end.inferred) {
      this.#expect(ends.length === 0, `${name} came behind another`);
      this.#expect(close === null && !overridden, `${name} was inferred though it was told`);
      this.#expect(replaced === (end.reason === "replaced"), `${name}: replaced is ${replaced}`);
      this.#expect(this.#isShown(end.reason, known, event, at), `${name} has no sign behind its start`);
      this.#expect(durationMs === null && pairing === "none" && end.closedBy === null, `${name} claims more`);
      if (!replaced) {
        this.#leave(session.key, session.id);
        this.#late.set(session.key, [...(this.#late.get(session.key) ?? []), session.id]);
      }
    } else if (end.reason === "overridden") this.#expect(overridden, `${name} was not refused`);
    else {
      this.#expect(end.reason === "closed", `${name} is announced`);
      this.#expect(close !== null && end.closedBy === close.id, `${name} names ${end.closedBy}`);
      this.#expect(event.data.endedAt === close?.time, `${name} has another time than its close`);
    }
    ends.push(event);
  }

  #isShown(reason: string, { start, at }: Known, end: AnyEvent, endAt: number): boolean {
    const ageMs = Date.parse(end.time) - Date.parse(start.time);
    const between = this.#events.slice(at + 1, endAt);
    const { node, client, proxy } = start.data;
    const confirmed = between.filter(
      ({ type, data }) => type === "sluice.login.confirmed" && data.node === node,
    );
    if (reason === "max_age") return ageMs >= this.#limits.maxAgeMs;
    if (reason === "max_open") return this.sessions.size > this.#limits.maxOpen;
    if (reason === "frps_restarted") return confirmed.length > 1;
    if (reason === "proxy_closed")
      return between.some(({ type, data }) => type === "sluice.proxy.closed" && sameProxy(data, start.data));
    if (reason !== "client_gone") return reason === "replaced";
    const taken = between.some(
      ({ type, data }) =>
        // frps asks about connections, also those that are refused, only through the proxy that it has.
        ["sluice.session.started", "sluice.session.refused"].includes(type) &&
        data.node === node &&
        data.client !== client &&
        data.proxy.name === proxy.name,
    );
    return taken || confirmed.some(({ data }) => data.client === client);
  }

  #leave(key: string, id: string): void {
    for (const of of [this.#open, this.#late]) {
      const left = (of.get(key) ?? []).filter((other) => other !== id);
      if (left.length > 0) of.set(key, left);
      else of.delete(key);
    }
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds) this.problems.push(otherwise);
  }
}

function sameProxy(one: AnyEvent, other: AnyEvent): boolean {
  return one.node === other.node && one.client === other.client && one.proxy?.name === other.proxy?.name;
}
