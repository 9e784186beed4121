/** What befalls the disk under the journal. */
import type { Fault, Scene } from "../fault.ts";

const failing = /journal: records wait in memory/;
const well = /journal: records are written again/;

/** One segment for all: of several, those that Kafka has would make room on a full disk, and nothing would fail. */
const oneSegment = { "journal.segmentBytes": 64 * 1024 ** 2 };

export const diskFaults: readonly Fault[] = [
  {
    name: "disk-full",
    what: "the disk is full, then freed; onFailure = answer",
    diskMegabytes: 64,
    settings: oneSegment,
    strike: fillAndFree,
  },
  {
    name: "disk-full-refuse",
    what: "the disk is full, then freed; onFailure = refuse",
    diskMegabytes: 64,
    settings: { ...oneSegment, "journal.onFailure": "refuse" },
    causes: [/^could not be recorded$/],
    strike: fillAndFree,
  },
  {
    name: "disk-full-kill",
    what: "kill -9 while the disk is full: what waited in memory is gone, and named",
    diskMegabytes: 64,
    settings: oneSegment,
    tells: ["bridge.gap"],
    async strike({ bridge, disk, seconds }) {
      await disk!.fill();
      await bridge.log.saw(failing);
      await seconds(0.5);
      await bridge.kill();
      await disk!.free();
      await bridge.start();
    },
  },
  {
    name: "disk-full-of-old",
    what: "the disk is full of segments that Kafka has: they make room by themselves",
    diskMegabytes: 64,
    settings: { "journal.segmentBytes": 128 * 1024 },
    async strike({ bridge, disk, seconds }) {
      // Several segments' worth: only what is finished can make room.
      await seconds(2);
      await disk!.fill();
      await seconds(2);
      // It may fail for a moment: until what it has just sent is confirmed.
      if (bridge.log.lines.some((line) => failing.test(line))) await bridge.log.saw(well);
      await disk!.free();
    },
  },
  {
    name: "write-error",
    what: "every write to the journal fails with EIO for a while",
    inside: ["disk"],
    strike: (scene) => broken(scene, { write: "EIO" }),
  },
  {
    name: "sync-error",
    what: "every fdatasync of the journal fails with EIO for a while",
    inside: ["disk"],
    strike: (scene) => broken(scene, { sync: "EIO" }),
  },
  {
    name: "slow-sync",
    what: "every fdatasync takes 300 ms",
    inside: ["disk"],
    // A call that waits for the disk was decided before.
    boundMs: 2_000,
    async strike({ control, load, seconds }) {
      control.set({ disk: { syncDelayMs: 300 } });
      await load.saw((answer) => answer.atMs - answer.sentMs > 250, "that waited for the disk");
      await seconds(1);
      control.set({ disk: {} });
      await seconds(0.5);
    },
  },
  {
    name: "hanging-sync",
    what: "an fdatasync takes longer than http.deadlineMs",
    inside: ["disk"],
    boundMs: 4_000,
    async strike({ bridge, control, seconds }) {
      control.set({ disk: { syncDelayMs: 4_000 } });
      await bridge.log.saw(failing);
      control.set({ disk: {} });
      await bridge.log.saw(well);
      await seconds(0.5);
    },
  },
];

async function fillAndFree({ bridge, disk, seconds }: Scene): Promise<void> {
  await disk!.fill();
  await bridge.log.saw(failing);
  await seconds(1);
  await disk!.free();
  await bridge.log.saw(well);
}

async function broken(
  { bridge, control, seconds }: Scene,
  disk: { write?: "EIO"; sync?: "EIO" },
): Promise<void> {
  control.set({ disk });
  await bridge.log.saw(failing);
  await seconds(0.7);
  control.set({ disk: {} });
  await bridge.log.saw(well);
}
