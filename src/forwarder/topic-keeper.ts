/**
 * Sees to it that the topics are there: tries until it has succeeded, and says what is wrong when that changes.
 *
 *   trying ──all are there──▶ done ──one is missing after all: again()──▶ trying
 */
import type { Clock } from "../clock.ts";
import { SluiceError, textOf } from "../errors.ts";
import type { Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Trouble } from "./report.ts";
import { delayMs } from "./retry.ts";

export interface TopicKeeperParts {
  /** `turn` counts the attempts. */
  readonly ensure: (
    turn: number,
  ) => Promise<{ readonly created: readonly string[]; readonly differences: readonly string[] }>;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly random: () => number;
  readonly log: Log;
  readonly tell: (trouble: Trouble) => void;
  /** Of what those who send find and tell as well: that Kafka is away, or does not let us in. */
  readonly isToldElsewhere: (thrown: unknown) => boolean;
  readonly onEnsured: () => void;
}

export interface TopicKeeper {
  /** Resolves when the first attempt has ended, whatever came of it. */
  readonly firstAttempt: Promise<void>;
  /** A topic that was there is missing. */
  again(): void;
  halt(): void;
}

export function keepTopics(parts: TopicKeeperParts): TopicKeeper {
  const { clock, log, limits, random, tell } = parts;
  let attempts = 0;
  let said: string | null = null;
  let trying = true;
  const differing = new Set<string>();
  let halted = false;
  let cancel = (): void => {};

  async function attempt(): Promise<void> {
    try {
      const { created, differences } = await parts.ensure(attempts++);
      if (created.length > 0) log.info({ topics: created }, "topics created");
      else if (attempts > 1) log.info({}, "the topics are there");
      for (const line of differences) {
        if (!differing.has(line)) log.warn({ difference: line }, "a topic is not as expected; left as it is");
        differing.add(line);
      }
      if (said !== null) tell({ what: "topics", code: null, text: "the topics are there" });
      said = null;
      trying = false;
      parts.onEnsured();
    } catch (thrown) {
      const code = thrown instanceof SluiceError ? thrown.code : "kafka_topic";
      const text = textOf(thrown);
      if (!parts.isToldElsewhere(thrown) && said !== text) {
        said = text;
        log.error({ code, problem: text }, "topics are missing");
        tell({ what: "topics", code, text });
      }
      if (!halted) cancel = clock.after(delayMs(attempts, limits, random), () => void attempt());
    }
  }

  return {
    firstAttempt: attempt(),
    again() {
      if (trying || halted) return;
      trying = true;
      attempts = 0;
      void attempt();
    },
    halt() {
      halted = true;
      cancel();
    },
  };
}
