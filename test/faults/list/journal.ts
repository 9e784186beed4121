/** What befalls the journal's files while no bridge runs: before Kafka has got what is in them. */
import { readFile, watch } from "node:fs/promises";
import { join } from "node:path";
import type { Fault, Scene } from "../fault.ts";
import {
  type Damage,
  flippedBit,
  foreignFile,
  missingCursor,
  staleCursor,
  tornTail,
  truncatedSegment,
  zeroedTail,
  zeroLengthRecord,
} from "../tools/damage.ts";

/** Two segments at least, so that there is one that was finished. */
const smallSegments = { "journal.segmentBytes": 256 * 1024 };

export const journalFaults: readonly Fault[] = [
  offline("torn-tail", "the last record is cut in the middle", (dir) => tornTail(dir)),
  offline("zeroed-tail", "a tail of NUL bytes, as some file systems leave one", (dir) => zeroedTail(dir)),
  offline("zero-length-record", "a record of length zero", (dir) => zeroLengthRecord(dir)),
  offline("flipped-bit", "one bit of a record in the middle is another", flippedBit, ["bridge.gap"]),
  offline("truncated-segment", "a segment has lost its second half", (dir) => truncatedSegment(dir), [
    "bridge.gap",
  ]),
  offline("foreign-file", "a file that is none of ours lies in the journal's folder", (dir) =>
    foreignFile(dir),
  ),
  {
    name: "missing-cursor",
    what: "the cursor is gone",
    async strike({ bridge, seconds }) {
      await seconds(0.5);
      await nextCursor(bridge.dataDir, null);
      await bridge.kill();
      await missingCursor(bridge.dataDir);
      await bridge.start();
    },
  },
  {
    name: "stale-cursor",
    what: "the cursor is an old one",
    async strike({ bridge, seconds }) {
      const old = await nextCursor(bridge.dataDir, null);
      await seconds(0.5);
      await nextCursor(bridge.dataDir, old);
      await bridge.kill();
      await staleCursor(bridge.dataDir, old);
      await bridge.start();
    },
  },
];

/** A cursor that is not `before`: what is saved while events go out. */
async function nextCursor(dataDir: string, before: string | null): Promise<string> {
  const file = join(dataDir, "cursor.json");
  for await (const { filename } of watch(dataDir)) {
    if (filename !== "cursor.json") continue;
    const text = await readFile(file, "utf8");
    if (text !== before) return text;
  }
  throw new Error("the folder is not watched any more");
}

/** Kafka gets nothing before the damage is done, so that nothing hides it. */
function offline(
  name: string,
  what: string,
  damage: (dataDir: string, random: () => number) => Promise<Damage>,
  tells: readonly string[] = [],
): Fault {
  return {
    name,
    what,
    tells,
    kafkaDoorShut: true,
    settings: smallSegments,
    async strike({ bridge, kafkaDoor, random, seconds }: Scene) {
      await seconds(1);
      await bridge.kill();
      await damage(bridge.dataDir, random);
      await bridge.start();
      await kafkaDoor.heal();
      await seconds(0.3);
    },
  };
}
