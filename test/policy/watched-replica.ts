/** A replica whose notes and log lines a test waits for. */
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/clock.ts";
import { LastKnownGood } from "../../src/policy/last-known-good.ts";
import type { PolicyLog, PolicyNote } from "../../src/policy/policy.ts";
import { Replica } from "../../src/policy/replica.ts";

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly text: string;
  readonly fields: object;
}

type Happening = PolicyNote | LogLine;

export interface WatchedOptions {
  /** The data directory; without one nothing is taken over and nothing can be saved. */
  readonly folder: string;
  readonly source?: string;
  readonly clock?: Clock;
  readonly maxStaleMs?: number;
  readonly whenStale?: "serve" | "deny";
}

export class WatchedReplica {
  readonly replica: Replica;
  readonly happened: Happening[] = [];
  readonly log: PolicyLog;
  readonly path: string;
  readonly #looking = new Set<(happening: Happening) => void>();

  constructor({
    folder,
    source = "test",
    clock = systemClock,
    maxStaleMs = 300_000,
    whenStale = "serve",
  }: WatchedOptions) {
    const line = (level: LogLine["level"]) => (fields: object, text: string) =>
      this.#add({ level, text, fields });
    this.log = { info: line("info"), warn: line("warn"), error: line("error") };
    this.path = join(folder, "last-known-good.json");
    this.replica = new Replica({
      settings: {
        default: "allow",
        mode: "enforce",
        ownNames: true,
        tokenMeta: "token",
        maxStaleMs,
        whenStale,
      },
      clock,
      log: this.log,
      onNote: (note) => this.#add(note),
      lastKnownGood: new LastKnownGood({ path: this.path, source, clock, log: this.log }),
    });
  }

  get notes(): PolicyNote[] {
    return this.happened.filter((happening) => "kind" in happening);
  }

  get lines(): LogLine[] {
    return this.happened.filter((happening) => "level" in happening);
  }

  /** The raw value in force. */
  value(key: string): string | undefined {
    return this.replica.rules.get(key)?.value;
  }

  get values(): Record<string, string> {
    return Object.fromEntries(this.replica.rules.entries());
  }

  /** The next thing, or an earlier one from index `from`, that fits. */
  saw<T extends Happening>(what: string, fits: (h: Happening) => h is T, from?: number): Promise<T>;
  saw(what: string, fits: (h: Happening) => boolean, from?: number): Promise<Happening>;
  saw(what: string, fits: (h: Happening) => boolean, from = 0): Promise<Happening> {
    const earlier = this.happened.slice(from).find(fits);
    if (earlier) return Promise.resolve(earlier);
    const { promise, resolve, reject } = Promise.withResolvers<Happening>();
    const look = (happening: Happening): void => {
      if (fits(happening)) resolve(happening);
    };
    this.#looking.add(look);
    const tell = (): string =>
      this.happened
        .slice(-20)
        .map((h) => JSON.stringify(h))
        .join("\n");
    const timer = setTimeout(() => reject(new Error(`never saw ${what}; the last were\n${tell()}`)), 15_000);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#looking.delete(look);
    });
  }

  /** `after` null: the rule is gone. */
  changed(key: string, after: string | null, from = 0): Promise<PolicyNote> {
    const fits = (h: Happening): h is PolicyNote =>
      "kind" in h && h.kind === "changed" && h.key === key && h.after === after;
    return this.saw(`${key} become ${after}`, fits, from);
  }

  noted(kind: PolicyNote["kind"], from = 0): Promise<PolicyNote> {
    return this.saw(`a ${kind} note`, (h): h is PolicyNote => "kind" in h && h.kind === kind, from);
  }

  logged(text: RegExp, from = 0): Promise<LogLine> {
    return this.saw(`a log line ${text}`, (h): h is LogLine => "level" in h && text.test(h.text), from);
  }

  #add(happening: Happening): void {
    this.happened.push(happening);
    for (const look of [...this.#looking]) look(happening);
  }
}
