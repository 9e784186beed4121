/**
 * Which numbers of a stream the broker may have removed for their age.
 *
 * It removes records from the beginning of a partition, so only where that is above 0 anything has gone. There the
 * numbers of a stream appear in order. Where the oldest record that is left is of an earlier epoch, nothing of this
 * one went, since all of it stood behind that record. Else what went was below the first one that is left, or is any
 * number where none is left. (A replay puts earlier epochs behind later ones. Once all before the replayed records
 * has gone, they look like the oldest, and what expired of the later epoch is called missing.)
 *
 * It also removes nothing younger than the retention: of an epoch that began since, and from the first number that is
 * younger, nothing has expired, so that a hole in recent numbers is a loss also where old ones have gone. (The times
 * are the bridge's own. One whose clock was ahead makes old numbers look young, and what of them expired is then
 * called missing.)
 *
 * What announces a loss expires too, and sooner than the hole if its topic keeps less. A hole that lies before all
 * that is left of what the bridge said may have been announced, so it counts as expired.
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
  /** When its epoch began; NaN when not known. */
  readonly startedMs: number;
  /** Of its epoch or its first record, in journalseq; Infinity when not known. */
  readonly order: number;
}

/** What is older may have expired; -Infinity when nothing does. */
export type ExpiredBefore = (topic: string) => number;

/** By partition the journalseq of the instance's first record in it. */
export type FirstRecords = ReadonlyMap<string, number>;

/**
 * The number up to which all may have expired; 0 when none can have, Infinity when any can.
 * @param before what is older may have expired
 */
export function expiredUpTo(
  remains: Remains,
  ranges: readonly PartitionRange[],
  firstRecords: FirstRecords,
  before: number,
): number {
  if (before === Number.NEGATIVE_INFINITY || remains.startedMs >= before) return 0;
  let upTo = 0;
  for (const { topic, partition, low } of ranges) {
    if (topic !== remains.topic || low === 0n) continue;
    const oldest = firstRecords.get(partitionName(topic, partition));
    if (oldest !== undefined && oldest < remains.order) continue;
    const own = remains.firsts.get(partition);
    upTo = own === undefined ? Number.POSITIVE_INFINITY : Math.max(upTo, own.first - 1);
  }
  return Math.min(upTo, remains.firstYoung - 1);
}

/**
 * The journalseq below which the announcement of a loss may have expired; 0 when none can have.
 * @param bridgeTopic where the instance tells of itself; all in one partition, as long as their count stays
 * @param before what is older may have expired there
 */
export function silentBelow(
  bridgeTopic: string,
  ranges: readonly PartitionRange[],
  firstRecords: FirstRecords,
  before: number,
): number {
  if (before === Number.NEGATIVE_INFINITY) return 0;
  const oldest = ranges
    .filter(({ topic, low }) => topic === bridgeTopic && low > 0n)
    .map(({ topic, partition }) => firstRecords.get(partitionName(topic, partition)) ?? 0);
  return Math.max(0, ...oldest);
}

export function partitionName(topic: string, partition: number): string {
  return `${partition} ${topic}`;
}
