/**
 * The last known good policy on disk: `last-known-good.json` in the data directory.
 *
 *   idle ──changed()──▶ waiting ──▶ writing ──▶ idle       changed again while writing: waiting once more
 *
 * Guarantees
 *   - The file is whole at every moment: written beside its place, synced, renamed. Only its owner can read it.
 *   - A change is on disk soon: after `settleMs`, or, where writing the set takes long, after ten times as long
 *     as the last writing took, so that a million rules under constant change do not keep the disk busy.
 *   - A set of another source (another Redis, another prefix, a file) is never taken for this one's.
 *
 * The file is one JSON value with one rule a line, so that it is written and read in parts and no part keeps the
 * event loop long. Its modification time is when the source last confirmed the rules: a policy that nobody
 * changed for a month is not a month stale, and confirming it does not rewrite it.
 */
import { open, rename, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import type { PolicyLog } from "./policy.ts";

export interface SavedRule {
  readonly key: string;
  readonly value: string;
  /** Wall clock. */
  readonly endsAtMs: number | null;
  /** In force although its source no longer has it. */
  readonly kept: boolean;
}

export interface SavedPolicy {
  readonly rules: readonly SavedRule[];
  readonly confirmedAtMs: number;
}

export interface LastKnownGoodOptions {
  /** `<data.dir>/last-known-good.json` */
  readonly path: string;
  /** Names the source without any secret; see `sourceId` of each source. */
  readonly source: string;
  readonly clock: Clock;
  readonly log: PolicyLog;
}

/** What a replica asks of it. */
export type PolicyMemory = Pick<LastKnownGood, "load" | "keep" | "changed" | "confirmed" | "close">;

/** For a replica that shall remember nothing. */
export const noMemory: PolicyMemory = {
  load: async () => null,
  keep() {},
  changed() {},
  confirmed() {},
  async close() {},
};

const format = 1;
const settleMs = 250;
const confirmEveryMs = 10_000;
const partRules = 1000;

export class LastKnownGood {
  readonly #options: LastKnownGoodOptions;
  #rules: (() => Iterable<SavedRule>) | null = null;
  #cancelWrite: (() => void) | null = null;
  #writing: Promise<void> | null = null;
  #unsaved = false;
  #lastWriteMs = 0;
  #touchedAtMs = Number.NEGATIVE_INFINITY;
  #failing = false;
  #closed = false;

  constructor(options: LastKnownGoodOptions) {
    this.#options = options;
  }

  /** What was kept for this source; null when there is nothing, or nothing that can be used. */
  async load(): Promise<SavedPolicy | null> {
    const { path, log } = this.#options;
    try {
      const { mtimeMs } = await stat(path);
      const rules = await this.#read();
      return rules && { rules, confirmedAtMs: mtimeMs };
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
      const fields = { path, problem: textOf(thrown) };
      log.error(fields, "the last known good policy cannot be read and is not used");
      return null;
    }
  }

  /** From now on `rules` is what changed() has written. */
  keep(rules: () => Iterable<SavedRule>): void {
    this.#rules = rules;
  }

  changed(): void {
    this.#unsaved = true;
    if (this.#cancelWrite || this.#writing || !this.#rules || this.#closed) return;
    const delayMs = Math.max(settleMs, 10 * this.#lastWriteMs);
    this.#cancelWrite = this.#options.clock.after(delayMs, () => void this.#write());
  }

  /** The source says that the rules are current. Noted on disk every ten seconds at most. */
  confirmed(): void {
    const { clock, path } = this.#options;
    if (this.#unsaved || this.#writing || clock.monotonic() - this.#touchedAtMs < confirmEveryMs) return;
    this.#touchedAtMs = clock.monotonic();
    const now = new Date(clock.now());
    // A file that is missing is noticed where it is written.
    utimes(path, now, now).catch(() => {});
  }

  /** Writes what is not yet on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    if (this.#unsaved && this.#rules) await this.#write();
  }

  #write(): Promise<void> {
    this.#cancelWrite?.();
    this.#cancelWrite = null;
    this.#writing = this.#writeWhole().finally(() => {
      this.#writing = null;
      if (this.#unsaved && !this.#failing) this.changed();
    });
    return this.#writing;
  }

  async #writeWhole(): Promise<void> {
    const { path, clock, log } = this.#options;
    const startedMs = clock.monotonic();
    this.#unsaved = false;
    try {
      await this.#writeBeside(`${path}.new`);
      await rename(`${path}.new`, path);
      await syncFolder(dirname(path));
      this.#lastWriteMs = clock.monotonic() - startedMs;
      this.#touchedAtMs = startedMs;
      if (this.#failing) log.info({ path }, "the last known good policy can be written again");
      this.#failing = false;
    } catch (thrown) {
      this.#unsaved = true;
      if (!this.#failing) {
        const fields = { path, problem: textOf(thrown) };
        log.error(fields, "the last known good policy cannot be written; the next change tries again");
      }
      this.#failing = true;
    }
  }

  /** What changes while this runs may or may not be in it; it is written again anyway. */
  async #writeBeside(path: string): Promise<void> {
    const file = await open(path, "w", 0o600);
    try {
      await file.chmod(0o600);
      let part = `{"format":${format},"source":${JSON.stringify(this.#options.source)},"rules":[`;
      let count = 0;
      for (const { key, value, endsAtMs, kept } of this.#rules!()) {
        part += `${count === 0 ? "" : ","}\n${JSON.stringify([key, value, endsAtMs, kept])}`;
        count += 1;
        if (count % partRules !== 0) continue;
        await file.writeFile(part);
        part = "";
      }
      await file.writeFile(`${part}\n]}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #read(): Promise<SavedRule[] | null> {
    const { path, source, log } = this.#options;
    const rules: SavedRule[] = [];
    let head: { format: unknown; source: unknown } | null = null;
    let ended = false;
    for await (const line of (await open(path)).readLines()) {
      if (head === null) {
        head = JSON.parse(`${line}]}`) as { format: unknown; source: unknown };
        if (head.format !== format)
          throw new Error(`its format is ${head.format}, this program reads ${format}`);
        if (head.source !== source) {
          log.warn(
            { path, source, other: head.source },
            "the last known good policy is another source's and is not used",
          );
          return null;
        }
      } else if (line === "]}") ended = true;
      else rules.push(savedRule(line));
    }
    if (!ended) throw new Error("it is cut short");
    return rules;
  }
}

function savedRule(line: string): SavedRule {
  const [key, value, endsAtMs, kept] = JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line) as unknown[];
  const sound = typeof key === "string" && typeof value === "string" && typeof kept === "boolean";
  if (!sound || (endsAtMs !== null && typeof endsAtMs !== "number"))
    throw new Error("it holds a line that is no rule");
  return { key, value, endsAtMs, kept };
}

/** A rename lasts only when its folder is synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
