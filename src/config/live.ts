/**
 * The settings in force: those of the start, and of a reload what can change without a restart.
 *
 *   as at the start ──take(): the live ones of what was read──▶ in force ──take()──▶ …
 *
 * Whoever uses a live setting reads it from `now` at each use, or is told by onChange. What is not live stays as it was at
 * the start, and is named in `waiting` while what was read last says otherwise.
 */
import { isDeepStrictEqual } from "node:util";
import { SluiceError } from "../errors.ts";
import { contradictions, type Port } from "./contradictions.ts";
import { settingRows } from "./setting-rows.ts";
import { deepFreeze, nodeFields, type Settings, valueAt } from "./settings.ts";

/** Keys of settings. */
export interface Taken {
  readonly changed: readonly string[];
  /** They differ from the start and wait for a restart. */
  readonly waiting: readonly string[];
}

export class LiveSettings {
  /** Whether the last reload was taken; true before the first. */
  successful = true;
  readonly #started: Settings;
  readonly #ports: readonly Port[];
  readonly #onChange: ((now: Settings) => void)[] = [];
  #now: Settings;
  #waiting: readonly string[] = [];

  /** @param ports what this process listens on */
  constructor(started: Settings, ports: readonly Port[] = ["http", "admin"]) {
    this.#started = started;
    this.#ports = ports;
    this.#now = started;
  }

  get now(): Settings {
    return this.#now;
  }

  get waiting(): readonly string[] {
    return this.#waiting;
  }

  onChange(listener: (now: Settings) => void): void {
    this.#onChange.push(listener);
  }

  /**
   * @param read by itself without contradictions
   * @throws SluiceError config_invalid when it contradicts what stays as it was; nothing has changed then
   */
  take(read: Settings): Taken {
    const next = withLiveOf(this.#started, read);
    const problems = contradictions(next, this.#ports);
    if (problems.length > 0) {
      const list = problems.map((problem) => `  - ${problem}`).join("\n");
      throw new SluiceError("config_invalid", `beside what waits for a restart:\n${list}`);
    }
    const changed = differing(this.#now, next);
    const live = new Set(liveKeys(read).concat(liveKeys(this.#started)));
    this.#waiting = differing(this.#started, read).filter((key) => !live.has(key));
    this.#now = next;
    if (changed.length > 0) for (const tell of this.#onChange) tell(next);
    return { changed, waiting: this.#waiting };
  }
}

function liveKeys({ nodes }: Settings): string[] {
  return [...settingRows.filter(({ live }) => live).map(({ key }) => key), ...nodeKeys(nodes)];
}

function withLiveOf(started: Settings, read: Settings): Settings {
  const next = structuredClone(started) as Settings & Record<string, unknown>;
  for (const { key, live } of settingRows) {
    if (!live) continue;
    const path = key.split(".");
    const name = path.pop()!;
    const group = valueAt(next, path.join(".")) as Record<string, unknown>;
    group[name] = valueAt(read, key);
  }
  next.nodes = structuredClone(read.nodes);
  return deepFreeze(next);
}

/** Keys of what is not the same in both. */
function differing(one: Settings, other: Settings): string[] {
  const keys = [...settingRows.map(({ key }) => key), ...nodeKeys({ ...one.nodes, ...other.nodes })];
  const at = (settings: Settings, key: string): unknown => {
    const [, node, field] = /^nodes\.(.+)\.(\w+)$/.exec(key) ?? [];
    if (node === undefined) return valueAt(settings, key);
    const value = (settings.nodes[node] as Record<string, unknown> | undefined)?.[field!];
    // A node without any is as one that is not there.
    return Array.isArray(value) && value.length === 0 ? undefined : value;
  };
  return keys.filter((key) => !isDeepStrictEqual(at(one, key), at(other, key)));
}

function nodeKeys(nodes: Settings["nodes"]): string[] {
  return Object.keys(nodes).flatMap((name) => nodeFields.map((field) => `nodes.${name}.${field}`));
}
