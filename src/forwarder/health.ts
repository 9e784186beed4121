/**
 * Whether Kafka takes what we send, and who fails alone; said once for each change.
 *
 *   well ──an attempt fails, and nobody else has something to send that works──▶ away ──a confirmation──▶ well
 *
 * A partition or topic fails alone when others were confirmed well after it began to try. A topic that is missing
 * does so in any case, after a moment in which it may just have been made.
 */
import type { ErrorCode, SluiceError } from "../errors.ts";
import type { Log } from "./log.ts";
import type { ForwarderState, Trouble } from "./report.ts";

export interface HealthParts {
  /** Wall clock and monotonic milliseconds. */
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Confirmations of others count against one that has tried for longer than this. */
  readonly aloneAfterMs: number;
  readonly log: Log;
  readonly tell: (trouble: Trouble) => void;
}

/** Who tries: a partition or a topic. */
export interface Trying {
  readonly name: string;
  /** Monotonic time at which it began to try what it has not achieved yet. */
  readonly tryingSinceMs: number;
}

export class Health {
  readonly #parts: HealthParts;
  readonly #alone = new Set<string>();
  /** Why Kafka is away, each reason said once; empty: it is not. */
  readonly #reasons = new Set<ErrorCode>();
  #lastError: ForwarderState["lastError"] = null;
  #confirmedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  get well(): boolean {
    return this.#reasons.size === 0;
  }

  get lastError(): ForwarderState["lastError"] {
    return this.#lastError;
  }

  /** `anyWorks`: somebody else has something to send and does not fail. */
  failed({ name, tryingSinceMs }: Trying, error: SluiceError, anyWorks: boolean): void {
    const { code, message: text } = error;
    const { log, tell, now, monotonic, aloneAfterMs } = this.#parts;
    const aloneFromMs = tryingSinceMs + aloneAfterMs;
    this.#lastError = { code, text, atMs: now() };
    if (code === "kafka_topic" || this.#confirmedAtMs > aloneFromMs) {
      if (this.#alone.has(name) || monotonic() < aloneFromMs) return;
      this.#alone.add(name);
      log.warn({ where: name, code, problem: text }, "takes no events; the others go on");
      tell({ what: "partition", code, text, where: name });
    } else if (!anyWorks && !this.#reasons.has(code)) {
      this.#reasons.add(code);
      log.warn({ code, problem: text }, "Kafka takes nothing; events wait in the journal");
      tell({ what: "kafka", code, text });
    }
  }

  confirmed(name: string): void {
    const { log, tell } = this.#parts;
    this.#confirmedAtMs = this.#parts.monotonic();
    if (!this.well) {
      this.#reasons.clear();
      log.info({}, "Kafka takes events again");
      tell({ what: "kafka", code: null, text: "Kafka takes events again" });
    }
    if (!this.#alone.delete(name)) return;
    log.info({ where: name }, "takes events again");
    tell({ what: "partition", code: null, text: "takes events again", where: name });
  }
}
