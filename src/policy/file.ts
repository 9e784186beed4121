/**
 * The policy's file source: reads the policy file, and again whenever it changes.
 *
 *   start ──▶ current ──a change──▶ current
 *     │          ▲ └─gone, or not readable twice─▶ broken: the old rules stay, loudly
 *     │          └───────────mended──────────────────┘
 *     └─▶ refuses to start: there, but not readable
 *
 * Guarantees: no file at the start means no rules; a file that vanishes later does not. A mistake counts when it
 * is still there after `settleMs`, so that a file seen half written, or in the moment between an editor's
 * delete and rename, raises no alarm.
 *
 * The folder is watched rather than the file, since editors and Kubernetes put a new one in its place. Watching
 * tells most changes at once and some never, depending on the file system; so the file is also looked at every
 * `lookEveryMs`.
 */
import { type FSWatcher, watch } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import { SluiceError, textOf } from "../errors.ts";
import type { PolicyLog, PolicySource, SourceState } from "./policy.ts";
import { type PolicyText, readPolicyText } from "./policy-text.ts";
import type { Replica } from "./replica.ts";

export interface FileTiming {
  readonly settleMs: number;
  readonly lookEveryMs: number;
}

export interface FileSourceOptions {
  /** policy.file */
  readonly path: string;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly log: PolicyLog;
  readonly timing?: FileTiming;
}

/** One look at the file. `version` changes whenever its content may have. */
type Look =
  | { readonly version: string; readonly text: PolicyText | null }
  | { readonly version: string; readonly problem: string };

const absent = "absent";

export function fileSourceId(path: string): string {
  return `file:${resolve(path)}`;
}

export class FileSource implements PolicySource {
  readonly #path: string;
  readonly #replica: Replica;
  readonly #clock: Clock;
  readonly #log: PolicyLog;
  readonly #timing: FileTiming;
  #watcher: FSWatcher | null = null;
  #cancelLook = (): void => {};
  #lookDueMs = Number.POSITIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();
  /** The version in force. */
  #version = "";
  /** The version that looked broken the last time. */
  #suspect: string | null = null;
  #broken = false;
  #closed = false;

  constructor({ path, replica, clock, log, timing }: FileSourceOptions) {
    this.#path = resolve(path);
    this.#replica = replica;
    this.#clock = clock;
    this.#log = log;
    this.#timing = timing ?? { settleMs: 50, lookEveryMs: 1000 };
  }

  /** @throws SluiceError policy_unreadable when the file is there and cannot be understood */
  async start(): Promise<void> {
    const look = await this.#look();
    if ("problem" in look) {
      throw unreadable(this.#path, look.problem);
    }
    await this.#take(look.version, look.text);
    this.#watch();
    this.#lookAfter(this.#timing.lookEveryMs);
  }

  state(): SourceState {
    const { ageMs, problem } = this.#replica;
    return { kind: "file", connected: this.#version !== "" && !this.#broken, ageMs, lastError: problem };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook();
    this.#watcher?.close();
    await this.#looking;
  }

  #watch(): void {
    try {
      // Any name in the folder: a Kubernetes volume swaps `..data`, and the file itself is never named.
      this.#watcher = watch(dirname(this.#path), () => this.#lookAfter(this.#timing.settleMs));
      // The folder went, for one; looking goes on.
      this.#watcher.on("error", () => {});
    } catch (thrown) {
      const fields = { path: this.#path, problem: textOf(thrown), lookEveryMs: this.#timing.lookEveryMs };
      this.#log.warn(fields, "the policy file's folder cannot be watched: changes are seen by looking");
    }
  }

  /** The earlier of two looks that are due is the one that is taken. */
  #lookAfter(delayMs: number): void {
    const dueMs = this.#clock.monotonic() + delayMs;
    if (this.#closed || dueMs >= this.#lookDueMs) return;
    this.#cancelLook();
    this.#lookDueMs = dueMs;
    this.#cancelLook = this.#clock.after(delayMs, () => {
      this.#lookDueMs = Number.POSITIVE_INFINITY;
      this.#looking = this.#looking.then(() => this.#lookAgain());
    });
  }

  async #lookAgain(): Promise<void> {
    if (this.#closed) return;
    const look = await this.#look();
    this.#lookAfter(this.#timing.lookEveryMs);
    if (look.version === this.#version) this.#unchanged();
    else if ("problem" in look || look.version === absent) this.#doubt(look);
    else await this.#take(look.version, look.text);
  }

  #unchanged(): void {
    this.#suspect = null;
    this.#broken = false;
    this.#replica.confirmed();
  }

  async #take(version: string, text: PolicyText | null): Promise<void> {
    for (const key of text?.repeated ?? []) {
      this.#log.warn({ path: this.#path, key }, "a key stands twice in the policy file: the last one counts");
    }
    this.#version = version;
    this.#suspect = null;
    this.#broken = false;
    const resync = this.#replica.resync();
    resync.offer(entriesOf(text?.rules ?? new Map()));
    await resync.finish();
  }

  #doubt(look: Look): void {
    if (look.version === this.#suspect) {
      this.#broken = true;
      this.#replica.unreadable(`${this.#path} ${"problem" in look ? look.problem : "is gone"}`);
      return;
    }
    this.#suspect = look.version;
    this.#lookAfter(this.#timing.settleMs);
  }

  /** Reads the file unless it is the version in force or the suspect one already. */
  async #look(): Promise<Look> {
    let version = absent;
    try {
      const file = await open(this.#path, "r");
      try {
        const { ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
        version = `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
        if (version === this.#version) return { version, text: null };
        return { version, text: readPolicyText(await file.readFile("utf8")) };
      } finally {
        await file.close();
      }
    } catch (thrown) {
      if (systemCode(thrown) === "ENOENT") return { version: absent, text: null };
      return { version: `${version} broken`, problem: problemOf(thrown) };
    }
  }
}

/** What would keep a start from taking the file; null when it can be read, or is not there. */
export async function policyFileProblem(path: string): Promise<SluiceError | null> {
  try {
    readPolicyText(await readFile(path, "utf8"));
    return null;
  } catch (thrown) {
    return systemCode(thrown) === "ENOENT" ? null : unreadable(resolve(path), problemOf(thrown));
  }
}

function unreadable(path: string, problem: string): SluiceError {
  const text = `policy.file (SLUICE_POLICY_FILE) names ${path}, which ${problem}: mend it, or name another`;
  return new SluiceError("policy_unreadable", text);
}

function systemCode(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException).code;
}

function problemOf(thrown: unknown): string {
  const code = systemCode(thrown);
  return code === undefined ? textOf(thrown) : `cannot be read (${code})`;
}

function* entriesOf(rules: ReadonlyMap<string, string>) {
  for (const [key, value] of rules) yield { key, value, leftMs: null };
}
