import type { Progress } from "./report.ts";
import type { Topic } from "./topic.ts";

/**
 * Below which sequence all is confirmed, for each topic that has had an event of this epoch confirmed.
 *
 * @param topics of the events themselves, whose numbers these are; projections are in `journalseq` alone
 */
export function progressOf(topics: Iterable<Topic>, epoch: string, journalseq: number): Progress {
  const reached: Record<string, number> = {};
  for (const topic of topics) {
    const { first, newest } = topic;
    const sequence = first === null ? newest?.sequence : first.sequence - 1;
    if ((first ?? newest)?.epoch === epoch && sequence !== undefined && sequence > 0) {
      reached[topic.name] = sequence;
    }
  }
  return { topics: reached, journalseq };
}
