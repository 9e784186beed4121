/** The plugin killed under load: prox starts it again, and all that it answered comes to Kafka. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { decode } from "@msgpack/msgpack";
import { expect, it, vi } from "vitest";
import { frameOf } from "../../src/prox/frames.ts";
import { allTold } from "../app/delivered.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { lastPluginPid, sawTimes } from "../hosts/prox-config.ts";
import { proxes } from "../hosts/prox-setting.ts";
import { sharedKafka } from "../hosts/shared.ts";
import { TopicEvents } from "../hosts/topic-events.ts";
import { unique } from "../hosts/unique.ts";
import { makeDir } from "../journal/harness.ts";
import { judged } from "../ledger/topic-log.ts";
import { envelopeOf } from "./asked.ts";
import { loadPolicy, ProxLoad } from "./load.ts";
import { startLoaded } from "./loaded.ts";
import { PluginProcess } from "./plugin-process.ts";
import { Talk } from "./talk.ts";
import { expectPairedOnce, expectRuled, expectToldOnce, ofHook, type Span } from "./told.ts";

vi.setConfig({ testTimeout: 120_000 });

const kills = Number(process.env.SLUICE_TEST_PROX_KILLS ?? 2);

/** It is to be asked when it is killed, not to take the processor. */
const besidePauseMs = 5;

/** Asks until the other side is gone. */
async function answeredBy(socket: string, name: string): Promise<string[]> {
  const [talk, answered] = [await Talk.to(socket), [] as string[]];
  try {
    for (let n = 1; ; n++) {
      const path = `/${name}/${n}`;
      talk.send(
        frameOf(envelopeOf("on_request", { r: "web:0", a: "203.0.113.9:1", p: path, d: "web.test" })),
      );
      expect(decode((await talk.take(n)).at(-1)!)).toEqual({ ok: true });
      answered.push(path);
      await pause(besidePauseMs);
    }
  } catch (thrown) {
    if (!/^ended with/.test((thrown as Error).message)) throw thrown;
    return answered;
  }
}

describeWith(["kafka"], "a plugin that is killed with SIGKILL under load", () => {
  it.each(proxes)(
    `is restarted by $name, and has all that it and a dead one beside it answered on Kafka: ${kills} kills`,
    async ({ start }) => {
      const [brokers, prefix] = [await sharedKafka(), `${unique("prox")}.`];
      const dir = makeDir();
      writeFileSync(join(dir, "policy.json"), JSON.stringify(loadPolicy));
      // Another prox's, without a Kafka: what it journals waits for whoever finds it dead.
      const beside = new PluginProcess({
        cwd: dir,
        settings: { "data.dir": dir, "kafka.topicPrefix": prefix },
      });
      const socket = await beside.ready();
      await beside.settled();
      const besideAnswered = answeredBy(socket, "beside");
      const { prox } = await startLoaded(start, {
        dir,
        "kafka.brokers": brokers.join(","),
        "kafka.topicPrefix": prefix,
      });
      await prox.log.saw(/topics (created|are there)/);
      await using topics = await TopicEvents.read(brokers, prefix);
      const load = new ProxLoad(prox, { connections: 16 });
      const without: Span[] = [];
      for (let kill = 1; kill <= kills; kill++) {
        await load.more(150);
        const fromMs = performance.now();
        if (kill === 1) beside.child.kill("SIGKILL");
        process.kill(lastPluginPid(prox.log), "SIGKILL");
        await prox.readied(1 + kill);
        // Ready does not wait for the policy: until it is read, everything is refused.
        await sawTimes(prox.log, /answers prox/, 1 + kill);
        without.push({ fromMs, toMs: performance.now() });
      }
      await load.more(150);
      await load.stop();
      const dead = await besideAnswered;
      expect(dead.length).toBeGreaterThan(0);

      const wanted = new Set([
        ...dead,
        ...load.answers.filter(({ status }) => status !== 500).map(({ path }) => path),
      ]);
      let read = 0;
      const arrived = (): boolean => {
        for (; read < topics.events.length; read++) wanted.delete(topics.events[read]!.event.data.prox?.path);
        return wanted.size === 0;
      };
      await topics.until(arrived, "what was answered");
      await prox.stop();
      // The one that died beside is told of to its end, and so is the one under prox.
      const adopted = await topics.saw(
        ({ type, data }) => type === "sluice.bridge.stopped" && /^forwarded by/.test(data.reason),
      );
      const last = await topics.saw(({ data }) => data.reason === "stdin ended");
      await allTold(topics, last.event.epoch);
      await allTold(topics, adopted.event.epoch);

      expectRuled(load, without);
      expect(load.answers.some(({ status }) => status === 500)).toBe(true);
      const events = topics.distinct.map(({ event }) => event);
      const ofLoad = events.filter(({ data }) => !/^\/beside\//.test(data.prox?.path ?? ""));
      expectToldOnce(ofLoad, [load], without);
      expectPairedOnce(ofLoad);
      expect(
        ofHook(events, "on_request").filter(({ data }) => /^\/beside\//.test(data.prox.path)).length,
      ).toBeGreaterThanOrEqual(dead.length);
      const report = judged(topics.events);
      expect(report.ok).toBe(true);
      expect(report.gaps).toEqual([]);
      expect(report.streams.filter(({ pending }) => pending > 0)).toEqual([]);
      // Two slots, two names; each start has an epoch of its own, and so has the taking over of a dead slot.
      expect(new Set(events.map(({ instance }) => instance)).size).toBe(2);
      expect(adopted.event.instance).not.toBe(last.event.instance);
      expect(new Set(events.map(({ epoch }) => epoch)).size).toBeGreaterThanOrEqual(kills + 3);
    },
  );
});
