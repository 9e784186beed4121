/**
 * Takes a changed settings file into force while the bridge runs.
 *
 *   watching ──reload(), or the file has changed and stays so for a look──▶ read ──in order──▶ in force
 *      ▲                                                                     │ not, which is told
 *      └─────────────────────────────────────────────────────────────────────┘
 *
 * Guarantee: settings that cannot be read, or only in part, change nothing. A file that was there and is gone, or empty, is
 * a mistake too: without it all that it said would be forgotten, passwords among it.
 */
import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../clock.ts";
import { SluiceError, textOf } from "../errors.ts";
import { versionOfFile } from "../tls/files.ts";
import type { LiveSettings } from "./live.ts";
import type { Settings } from "./settings.ts";

export interface ReloaderOptions {
  /** Path of the settings file, which need not be there. */
  readonly file: string;
  readonly live: LiveSettings;
  /** @throws SluiceError config_invalid */
  readonly read: () => Settings;
  /** Whether this process uses a setting at all: of the others nothing is said. */
  readonly uses: (key: string) => boolean;
  readonly clock: Clock;
  readonly log: {
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
    error(fields: object, text: string): void;
  };
}

const lookEveryMs = 500;

export class Reloader {
  readonly #options: ReloaderOptions;
  #version: string;
  #seen: string;
  #hadText: boolean;
  #cancelLook = (): void => {};

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#version = versionOfFile(options.file);
    this.#seen = this.#version;
    this.#hadText = textIn(options.file) !== "";
  }

  /** @param cause for the log */
  reload(cause: string): void {
    const { file, live, read, log } = this.#options;
    this.#version = versionOfFile(file);
    try {
      this.#mustHaveText();
      const { changed, waiting } = live.take(read());
      live.successful = true;
      this.#tell(cause, changed, waiting);
    } catch (thrown) {
      live.successful = false;
      const text = "the settings cannot be taken over; those before stay in force";
      log.error({ cause, file, problems: problemsOf(thrown) }, text);
    }
  }

  /** Looks at the file from time to time, until stop(). */
  watch(): void {
    this.#cancelLook = this.#options.clock.after(lookEveryMs, () => {
      const version = versionOfFile(this.#options.file);
      // What has just changed may be half of it.
      if (version !== this.#version && version === this.#seen) this.reload("the file has changed");
      this.#seen = version;
      this.watch();
    });
  }

  stop(): void {
    this.#cancelLook();
  }

  #mustHaveText(): void {
    const { file } = this.#options;
    if (isPipe(file))
      throw new SluiceError(
        "config_invalid",
        `${file} is a pipe or a device, which is read at the start alone: restart`,
      );
    const hasText = textIn(file) !== "";
    if (this.#hadText && !hasText) {
      const what = this.#version === "absent" ? "is gone" : "is empty";
      throw new SluiceError("config_invalid", `${file} ${what}: restart to go on without what stood in it`);
    }
    this.#hadText = hasText;
  }

  #tell(cause: string, allChanged: readonly string[], allWaiting: readonly string[]): void {
    const { uses, log } = this.#options;
    const [changed, waiting] = [allChanged.filter(uses), allWaiting.filter(uses)];
    log.info(
      { cause, changed },
      changed.length === 0 ? "no setting in force has changed" : "settings reloaded",
    );
    if (waiting.length > 0)
      log.warn({ waiting }, `changed, and waiting for a restart: ${waiting.join(", ")}`);
  }
}

/** Or a device: reading it would hold up every call until somebody writes. */
function isPipe(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/** Without the spaces around it; of what cannot be read whoever loads the settings tells. */
function textIn(file: string): string {
  if (isPipe(file)) return "";
  try {
    return readFileSync(file, "utf8").trim();
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "ENOENT" ? "" : "unreadable";
  }
}

/** As they stand in the message's list. */
function problemsOf(thrown: unknown): string[] {
  const [head, ...listed] = textOf(thrown).split("\n  - ");
  return listed.length > 0 ? listed : [head!];
}
