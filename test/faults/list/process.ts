/** What befalls the bridge's own process. */
import { closeProxies } from "../../app/call-mix.ts";
import type { Fault } from "../fault.ts";
import { powerLoss } from "../tools/control.ts";

const blockMs = 3_000;
/** Beyond the hour that a broker lets a record's time be ahead of its own. */
const hourMs = 3_700_000;

/** Lives from one that has hardly begun to one that sends steadily, in seconds. */
const lives = [0.1, 0.7, 0.3, 1, 0.2];

export const processFaults: readonly Fault[] = [
  {
    name: "none",
    what: "nothing befalls it",
    strike: (scene) => scene.seconds(1),
  },
  {
    name: "kill",
    what: "kill -9 five times in a row, under load",
    async strike({ bridge, seconds, times }) {
      for (let kill = 0; kill < times(lives.length); kill++) {
        await seconds(lives[kill % lives.length]!);
        await bridge.kill();
        await bridge.start();
      }
    },
  },
  {
    name: "power-loss",
    what: "the power goes while the disk is slow: bytes that were not synced are gone",
    inside: ["disk"],
    async strike({ bridge, control, seconds, times }) {
      let dropped = 0;
      // Between two syncs there may be nothing to lose: then once more.
      for (let loss = 0; loss < times(2) || (dropped === 0 && loss < times(10)); loss++) {
        control.set({ disk: { syncDelayMs: 60 } });
        await seconds(0.5);
        await bridge.kill();
        dropped += (await powerLoss(control, bridge.dataDir, { foldersToo: true })).droppedBytes;
        control.set({ disk: {} });
        await bridge.start();
        await seconds(0.3);
      }
      if (dropped === 0) throw new Error("the power took nothing: everything had been synced");
    },
  },
  {
    name: "sigterm",
    what: "SIGTERM in full load, and started again",
    async strike({ bridge, seconds, times }) {
      for (let stop = 0; stop < times(2); stop++) {
        await seconds(0.5);
        await bridge.stop();
        await bridge.start();
      }
    },
  },
  {
    name: "blocked-loop",
    what: "the event loop stands still for 3 s",
    inside: ["block"],
    // A write and a call that both came meanwhile are read in no particular order.
    boundMs: blockMs + 1_000,
    async strike({ bridge, control, load, seconds }) {
      control.set({ blockMs });
      bridge.signal("SIGUSR2");
      await load.saw((answer) => answer.atMs - answer.sentMs > blockMs / 2, "that waited");
      await seconds(0.5);
    },
  },
  {
    name: "clock-forward",
    what: "the wall clock jumps an hour ahead, and back",
    inside: ["clock"],
    async strike({ control, seconds }) {
      control.set({ clockOffsetMs: hourMs });
      await seconds(1);
      control.set({ clockOffsetMs: 0 });
      await seconds(0.5);
    },
  },
  {
    name: "clock-back",
    what: "the wall clock jumps an hour back, over a restart too",
    inside: ["clock"],
    async strike({ bridge, control, seconds }) {
      control.set({ clockOffsetMs: -hourMs });
      await seconds(0.7);
      await bridge.kill();
      await bridge.start();
      await seconds(0.7);
      control.set({ clockOffsetMs: 0 });
    },
  },
  {
    name: "close-proxies",
    what: "thousands of CloseProxy at once, as when a client with many proxies goes",
    async strike({ load, seconds, seed, times }) {
      await seconds(0.3);
      const calls = closeProxies("dave", times(3_000), seed);
      const last = calls.at(-1)!;
      const answered = load.saw(({ call }) => call === last, "to the last CloseProxy");
      for (const call of calls) load.ask(call);
      await answered;
      await seconds(0.3);
    },
  },
];
