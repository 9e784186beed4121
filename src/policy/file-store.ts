/**
 * The policy file, for commands.
 *
 * Guarantees: the file is whole at every moment, written beside its place and renamed, with the owner and mode that
 * it had; two commands at once do not undo each other's changes, since the file beside is made by one at a time. What no
 * change names stays as it is, to the last space. A file that nothing can take the place of, such as one that is mounted
 * by itself, is written over instead: who reads it meanwhile may find half of it.
 */
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SluiceError, textOf } from "../errors.ts";
import { readPolicyText } from "./policy-text.ts";
import { policyTextWith } from "./policy-text-edit.ts";
import type { PolicyStore, SetOptions, StoreChange, StoredRule } from "./store.ts";

/** Another command is done within this time, or was killed. */
const otherDoneWithinMs = 3_000;
const lookEveryMs = 20;
const ownersOnly = 0o600;
/** The file is a mount, or a link into one. */
const irreplaceable: ReadonlySet<string | undefined> = new Set(["EBUSY", "EXDEV"]);

export class FileStore implements PolicyStore {
  readonly kind = "file";
  readonly #path: string;
  readonly #rename: typeof rename;
  /** Whether it was there when last looked at; so it is taken to be until then. */
  #there = true;

  /**
   * @param path policy.file; it need not exist
   * @param renameFile puts a file in the place of another
   */
  constructor(path: string, renameFile: typeof rename = rename) {
    this.#path = resolve(path);
    this.#rename = renameFile;
  }

  get description(): string {
    return `file ${this.#path}${this.#there ? "" : ", which is not there"}`;
  }

  /** @throws SluiceError policy_unreadable */
  async *all(): AsyncGenerator<StoredRule> {
    for (const [key, value] of rulesIn(await this.#read(), this.#path)) yield { key, value, leftMs: null };
  }

  /** @throws SluiceError policy_unreadable */
  async get(key: string): Promise<StoredRule | null> {
    const value = rulesIn(await this.#read(), this.#path).get(key);
    return value === undefined ? null : { key, value, leftMs: null };
  }

  /** @throws SluiceError policy_invalid for a TTL, policy_unreadable, policy_unwritable */
  async set(
    key: string,
    value: string,
    { ttlMs = null, ifAbsent = false }: SetOptions = {},
  ): Promise<boolean> {
    if (ttlMs !== null) {
      throw new SluiceError(
        "policy_invalid",
        "a policy file has no TTLs: give the rule an expiresAt instead, such as " +
          '{"effect":"allow","expiresAt":"2027-01-31T08:00:00Z"}, or keep the policy in Redis (redis.url)',
      );
    }
    return this.#edit((rules) => (ifAbsent && rules.has(key) ? [] : [{ key, value }]));
  }

  /** @throws SluiceError policy_unreadable, policy_unwritable */
  remove(key: string): Promise<boolean> {
    return this.#edit((rules) => (rules.has(key) ? [{ key, value: null }] : []));
  }

  /** All in one. @throws SluiceError policy_unreadable, policy_unwritable */
  async apply(changes: readonly StoreChange[], onMade: (count: number) => void = () => {}): Promise<void> {
    await this.#edit(() => changes);
    onMade(changes.length);
  }

  async close(): Promise<void> {}

  /** Whether anything was to be changed. */
  async #edit(changesOf: (rules: ReadonlyMap<string, string>) => readonly StoreChange[]): Promise<boolean> {
    // A link stays, and what it names is written.
    const path = await realpath(this.#path).catch(() => this.#path);
    const beside = await this.#openBeside(`${path}.new`);
    let renamed = false;
    try {
      const text = await this.#read();
      const changes = changesOf(rulesIn(text, this.#path));
      if (changes.length === 0) return false;
      const before = await stat(path).catch(() => null);
      // Whose bridge reads it can read it still; only root can give a file away.
      if (before) await beside.chown(before.uid, before.gid).catch(() => {});
      await beside.chmod((before?.mode ?? ownersOnly) & 0o777);
      const changed = policyTextWith(text ?? "", changes);
      await beside.writeFile(changed);
      await beside.sync();
      renamed = await this.#replace(path, changed);
      this.#there = true;
      return true;
    } catch (thrown) {
      if (thrown instanceof SluiceError) throw thrown;
      throw this.#unwritable(thrown);
    } finally {
      await beside.close();
      // Behind the rename it would be another command's.
      if (!renamed) await rm(`${path}.new`, { force: true });
    }
  }

  /** With the file beside it, or else with its text. Whether the file beside is no more. */
  async #replace(path: string, text: string): Promise<boolean> {
    try {
      await this.#rename(`${path}.new`, path);
      return true;
    } catch (thrown) {
      if (!irreplaceable.has((thrown as NodeJS.ErrnoException).code)) throw thrown;
      const file = await open(path, "r+");
      try {
        const bytes = Buffer.from(text);
        await file.writeFile(bytes);
        await file.truncate(bytes.length);
        await file.sync();
      } finally {
        await file.close();
      }
      return false;
    }
  }

  async #openBeside(path: string): ReturnType<typeof open> {
    for (let waitedMs = 0; ; waitedMs += lookEveryMs) {
      try {
        return await open(path, "wx", ownersOnly);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw this.#unwritable(thrown);
        if (waitedMs >= otherDoneWithinMs) {
          throw new SluiceError(
            "policy_unwritable",
            `another command is writing the policy file: ${path} is there; if none is, remove it`,
            { retryable: true },
          );
        }
      }
      await pause(lookEveryMs);
    }
  }

  /** Null where there is no such file. */
  async #read(): Promise<string | null> {
    try {
      const text = await readFile(this.#path, "utf8");
      this.#there = true;
      return text;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") {
        this.#there = false;
        return null;
      }
      throw unreadable(this.#path, textOf(thrown), thrown);
    }
  }

  #unwritable(cause: unknown): SluiceError {
    const text = `the policy file ${this.#path} (policy.file) cannot be written: ${textOf(cause)}`;
    return new SluiceError("policy_unwritable", text, { cause });
  }
}

function rulesIn(text: string | null, path: string): ReadonlyMap<string, string> {
  if (text === null) return new Map();
  if (text.trim() === "")
    throw new SluiceError("policy_unreadable", `the policy file ${path} is empty: write {} for no rules`);
  try {
    return readPolicyText(text).rules;
  } catch (thrown) {
    throw unreadable(path, textOf(thrown), thrown);
  }
}

function unreadable(path: string, problem: string, cause: unknown): SluiceError {
  return new SluiceError(
    "policy_unreadable",
    `the policy file ${path} ${problem}; mend it, or name another`,
    {
      cause,
    },
  );
}
