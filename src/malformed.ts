/**
 * Reports of what came in and was no op: at most `mostPerMinute` events for a reason and peer, one for a flood of
 * logins, the rest as one count, so that rubbish cannot fill the journal. Each reason has its own bound on peers.
 */
import { createHash } from "node:crypto";
import type { Clock } from "./clock.ts";
import { type Draft, factDraft, type Origin } from "./events/draft.ts";
import type { EventData } from "./events/schema.ts";
import type { Protocol } from "./op.ts";
import type { Pseudonyms } from "./pseudonyms/pseudonyms.ts";

export type MalformedReport = Omit<EventData<"op.malformed">, "suppressed" | "protocol">;
type Reason = MalformedReport["reason"];

const mostPerMinute = 5;
const windowMs = 60_000;
const mostPeers = 1000;

interface Window {
  readonly report: MalformedReport;
  published: number;
  suppressed: number;
}

export interface MalformedParts {
  readonly protocol: Protocol;
  readonly clock: Clock;
  readonly origin: Origin;
  /** Where a report goes: the journal. */
  readonly publish: (draft: Draft) => void;
  readonly count: (reason: Reason) => void;
  /** Null where peers are told by their addresses. */
  readonly pseudonyms: Pick<Pseudonyms, "peer"> | null;
}

export class MalformedReports {
  readonly #parts: MalformedParts;
  readonly #windows = new Map<string, Window>();
  readonly #peers = new Map<Reason, number>();

  constructor(parts: MalformedParts) {
    this.#parts = parts;
  }

  report(report: MalformedReport): void {
    this.#parts.count(report.reason);
    const name = this.#nameOf(report);
    const window = this.#windows.get(name) ?? this.#open(name, report);
    if (window.published >= (report.reason === "login_flood" ? 1 : mostPerMinute)) {
      window.suppressed += 1;
      return;
    }
    window.published += 1;
    this.#publish(report, 0);
  }

  /** Publishes every count that still waits. */
  flush(): void {
    for (const name of [...this.#windows.keys()]) this.#close(name);
  }

  #nameOf({ reason, node, peer }: MalformedReport): string {
    const own = `${reason} ${node} ${peer}`;
    const full = (this.#peers.get(reason) ?? 0) >= mostPeers;
    return full && !this.#windows.has(own) ? `${reason} ${node} others` : own;
  }

  #open(name: string, report: MalformedReport): Window {
    const window = { report, published: 0, suppressed: 0 };
    this.#windows.set(name, window);
    this.#peers.set(report.reason, (this.#peers.get(report.reason) ?? 0) + 1);
    this.#parts.clock.after(windowMs, () => this.#close(name));
    return window;
  }

  #close(name: string): void {
    const window = this.#windows.get(name);
    if (!this.#windows.delete(name) || !window) return;
    this.#peers.set(window.report.reason, this.#peers.get(window.report.reason)! - 1);
    if (window.suppressed > 0) {
      this.#publish({ ...window.report, length: null, sha256: null }, window.suppressed);
    }
  }

  #publish(report: MalformedReport, suppressed: number): void {
    const { protocol, clock, origin, publish, pseudonyms } = this.#parts;
    const peer = pseudonyms === null ? report.peer : report.peer && pseudonyms.peer(report.peer);
    const about = { source: `/${protocol}/${report.node}`, key: report.node, atMs: clock.now() };
    publish(factDraft("op.malformed", about, origin, () => ({ protocol, ...report, peer, suppressed })));
  }
}

/** What a report says of a body, never its bytes. */
export function fingerprint(body: Buffer): { readonly length: number; readonly sha256: string } {
  return { length: body.length, sha256: createHash("sha256").update(body).digest("hex") };
}
