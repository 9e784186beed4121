/**
 * The hold on what inside/ has loaded into a Sluice process: a small JSON file that is read there where it matters.
 * It is always replaced as a whole, so nobody ever reads half of it.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Folder, temporaryFolder } from "../../hosts/folder.ts";
import { dropWhatIsNotDurable, type PowerLoss, type PowerLossOptions } from "./power-loss.ts";
import { Shadow } from "./shadow.ts";
import {
  type Control,
  calm,
  controlVariable,
  type DiskControl,
  pidFile,
  shadowVariable,
} from "./steering.ts";

/** What `set` may change. What is not named stays, but a `disk` is sound in all that it does not say. */
export type Change = Partial<Omit<Control, "disk">> & { readonly disk?: Partial<DiskControl> };

export class FaultControl implements AsyncDisposable {
  /** For startBridge's options. */
  readonly env: Record<string, string>;
  /** Where inside/disk.ts notes what is durable. */
  readonly shadow: string;
  readonly #folder: Folder;
  readonly #file: string;
  #now: Control = calm;

  static async make(): Promise<FaultControl> {
    return new FaultControl(await temporaryFolder("faults"));
  }

  private constructor(folder: Folder) {
    this.#folder = folder;
    this.#file = join(folder.path, "control.json");
    this.shadow = join(folder.path, "shadow");
    mkdirSync(this.shadow);
    this.env = { [controlVariable]: this.#file, [shadowVariable]: this.shadow };
    this.set({});
  }

  /** For startBridge's options: loads these modules of test/faults/inside, in this order. */
  nodeArgs(...inside: ("disk" | "clock" | "block" | (string & {}))[]): string[] {
    return inside.flatMap((name) => ["--import", new URL(`../inside/${name}.ts`, import.meta.url).href]);
  }

  /** In force when it returns. */
  set(change: Change): void {
    const disk = change.disk ? { ...calm.disk, ...change.disk } : this.#now.disk;
    this.#now = { ...this.#now, ...change, disk };
    writeFileSync(`${this.#file}.next`, JSON.stringify(this.#now));
    renameSync(`${this.#file}.next`, this.#file);
  }

  /** All as if nothing was broken. */
  calm(): void {
    this.set(calm);
  }

  /**
   * The main thread of the process with inside/block.ts stands still for `forMs`. When it begins, the process
   * writes the line `fault: the main thread stands still`.
   */
  block(forMs: number): void {
    this.set({ blockMs: forMs });
    process.kill(this.#pid(), "SIGUSR2");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder.remove();
  }

  #pid(): number {
    const file = pidFile(this.#file);
    if (!existsSync(file)) throw new Error('no process has loaded "block"');
    return Number(readFileSync(file, "utf8"));
  }
}

/**
 * Makes `dataDir` hold exactly what stands on its disk after the power went. The process, which had "disk" loaded,
 * must be dead. What is not written through nodeFiles stays as it is: lock.sqlite, last-known-good.json,
 * dead-letters.jsonl.
 */
export async function powerLoss(
  control: FaultControl,
  dataDir: string,
  options?: PowerLossOptions,
): Promise<PowerLoss> {
  return dropWhatIsNotDurable(control.shadow, dataDir, options);
}

/**
 * All that stands in the data directory is on its disk: the kernel has had the time to write it, or a test has put
 * it there. To be called after damage, while no process runs.
 */
export function settle(control: FaultControl, dataDir: string): void {
  const shadow = new Shadow(control.shadow, dataDir);
  shadow.clear();
  shadow.adopt();
}
