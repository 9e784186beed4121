/** What befalls the brokers, and the way to them. */
import kafkajs from "kafkajs";
import { longLogin } from "../../app/call-mix.ts";
import type { Fault, Scene } from "../fault.ts";

const away = /Kafka takes nothing; events wait in the journal/;
const back = /Kafka takes events again/;
/** Of asking for records that are too large, half a second each. */
const mostRounds = 20;

export const kafkaFaults: readonly Fault[] = [
  {
    name: "cut-after-append",
    what: "the connection is cut when the broker has appended, before its reply",
    alone: true,
    async strike({ ground, seconds, times }) {
      const cuts = ground.links.map((link) => link.cutAfterAppend(times(3)));
      await seconds(1);
      await Promise.all(cuts);
      await seconds(0.5);
    },
  },
  {
    name: "broker-pause",
    what: "a broker hangs (SIGSTOP), and goes on",
    foundWith: 1109,
    alone: true,
    async strike({ ground, seconds }) {
      await ground.nodes[1]!.pause();
      await seconds(3);
      await ground.nodes[1]!.resume();
    },
  },
  {
    name: "broker-kill",
    what: "a broker is killed; the others lead; it comes back",
    foundWith: 1110,
    alone: true,
    async strike({ ground, seconds }) {
      await ground.nodes[2]!.kill();
      await seconds(2);
      await ground.nodes[2]!.start();
      await seconds(0.5);
    },
  },
  {
    name: "leader-moves",
    what: "a broker is stopped in good order, so that what it led moves, and comes back",
    foundWith: 9004,
    alone: true,
    async strike({ ground, seconds, times }) {
      for (let turn = 0; turn < times(1); turn++) {
        const node = ground.nodes[turn % ground.nodes.length]!;
        await node.stop();
        await seconds(0.5);
        await node.start();
      }
    },
  },
  {
    name: "kafka-away",
    what: "no broker can be reached for a while",
    alone: true,
    async strike({ ground, bridge, seconds }) {
      const from = bridge.log.lines.length;
      await Promise.all(ground.links.map((link) => link.cut()));
      await seconds(2);
      await bridge.log.saw(away, { from });
      await Promise.all(ground.links.map((link) => link.heal()));
      await bridge.log.saw(back, { from });
    },
  },
  {
    name: "kafka-away-at-start",
    what: "Kafka is away when the bridge starts, is killed and starts again",
    kafkaDoorShut: true,
    async strike({ bridge, kafkaDoor, seconds }) {
      await seconds(0.5);
      await bridge.kill();
      await bridge.start();
      await seconds(0.5);
      await kafkaDoor.heal();
    },
  },
  {
    name: "record-too-large",
    what: "the brokers take no record above 20 kB, and some are larger",
    alone: true,
    // Compressed they would be small.
    settings: { "kafka.compression": "none" },
    async strike(scene) {
      const { load, seconds, seed, times } = scene;
      const { witness } = scene.ground;
      const before = witness.letters;
      const isBuried = (): boolean => witness.letters - before >= times(3);
      await limitLogins(scene, "20000");
      // The brokers are told of the limit one after the other, and may still take some.
      let asked = 0;
      for (let round = 0; round < mostRounds && !isBuried(); round++) {
        for (let n = 0; n < times(3); n++) load.ask(longLogin("bob", requestId(seed, asked++), 30_000));
        await seconds(0.5);
      }
      const buried = await witness.until(isBuried, 10_000);
      await limitLogins(scene, "1048588");
      if (!buried) throw new Error("no dead letters came");
    },
  },
];

/** 16 hex digits, as frps has them. */
function requestId(seed: number, number: number): string {
  return `f${seed.toString(16).padStart(7, "0")}${number.toString(16).padStart(8, "0")}`;
}

async function limitLogins({ ground }: Scene, bytes: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...ground.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const name = `${ground.topicPrefix}logins`;
  const configEntries = [{ name: "max.message.bytes", value: bytes }];
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries }];
  await admin.alterConfigs({ validateOnly: false, resources });
  await admin.disconnect();
}
