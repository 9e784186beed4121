/**
 * Which numbers of a stream the broker may have removed for their age.
 *
 * It removes records from the beginning of a partition, so only where that is above 0 anything has gone. There the
 * numbers of a stream appear in order: what went was below the first one that is left. Where none of the stream is
 * left, a record of an earlier epoch tells that nothing went, since all of this one stood behind it; else any number
 * may have gone.
 *
 * It also removes nothing younger than the retention: from the first number that is, nothing has expired, so that a
 * hole in recent numbers is a loss also where old ones have gone. (The times are the bridge's own. One whose clock
 * was ahead makes old numbers look young, and what of them expired is then called missing.)
 */

export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the oldest record that is left. */
  readonly low: bigint;
  /** The offset that the next record gets. */
  readonly high: bigint;
}

/** What the partitions of a topic show of one stream. */
export interface Remains {
  readonly topic: string;
  /** The number of its first record in each partition. */
  readonly firsts: ReadonlyMap<number, { readonly first: number }>;
  /** The lowest seen number of it that is younger than the retention; Infinity when none is. */
  readonly firstYoung: number;
  /** Of its epoch or its first record, in journalseq; Infinity when not known. */
  readonly order: number;
}

/** What is older may have expired; -Infinity when nothing does. */
export type ExpiredBefore = (topic: string) => number;

/** journalseq of the first record of each instance in a partition. */
export type FirstRecords = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * The number up to which all may have expired; 0 when none can have, Infinity when any can.
 * @param before what is older may have expired
 */
export function expiredUpTo(
  remains: Remains,
  instance: string,
  ranges: readonly PartitionRange[],
  firstRecords: FirstRecords,
  before: number,
): number {
  if (before === Number.NEGATIVE_INFINITY) return 0;
  let upTo = 0;
  for (const { topic, partition, low } of ranges) {
    if (topic !== remains.topic || low === 0n) continue;
    const own = remains.firsts.get(partition);
    if (own !== undefined) {
      upTo = Math.max(upTo, own.first - 1);
      continue;
    }
    const oldest = firstRecords.get(partitionName(topic, partition))?.get(instance);
    if (oldest === undefined || oldest >= remains.order) upTo = Number.POSITIVE_INFINITY;
  }
  return Math.min(upTo, remains.firstYoung - 1);
}

export function partitionName(topic: string, partition: number): string {
  return `${partition} ${topic}`;
}
