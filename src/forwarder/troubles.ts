import { type ErrorCode, textOf } from "../errors.ts";
import type { Log } from "./log.ts";
import type { Trouble } from "./report.ts";

/** What is wrong on our own side: the journal cannot be read, the cursor not kept. Said when it begins and ends. */
export class Troubles {
  readonly #log: Log;
  readonly #tell: (trouble: Trouble) => void;
  readonly #open = new Set<Trouble["what"]>();

  constructor(log: Log, tell: (trouble: Trouble) => void) {
    this.#log = log;
    this.#tell = tell;
  }

  began(what: Trouble["what"], code: ErrorCode, text: string, thrown: unknown): void {
    if (this.#open.has(what)) return;
    this.#open.add(what);
    const problem = textOf(thrown);
    this.#log.error({ what, code, problem }, text);
    this.#tell({ what, code, text: `${text}: ${problem}` });
  }

  ended(what: Trouble["what"], text: string): void {
    if (!this.#open.delete(what)) return;
    this.#log.info({ what }, text);
    this.#tell({ what, code: null, text });
  }
}
