/** Targets and speeds that operators write to Redis, as users of prox meet them. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { lastPluginPid, type Prox, type ProxConfig } from "../hosts/prox-config.ts";
import { proxes, type Start, startUpstream } from "../hosts/prox-setting.ts";
import { askOnce } from "../hosts/prox-user.ts";
import { sharedRedis } from "../hosts/shared.ts";
import { unique } from "../hosts/unique.ts";
import { makeDir, readAll, recordsOf } from "../journal/harness.ts";
import { pluginPath } from "./plugin-process.ts";

const bytes = 264 * 1024;
const slowMbps = 4;
/** All but the first 64 KiB pass at that speed. */
const leastSlowMs = ((bytes - 64 * 1024) * 8) / (slowMbps * 1_000);

for (const { name, start } of proxes) {
  describeWith(["redis"], `under ${name}`, () => {
    let url: string;
    let redis: Redis;

    beforeAll(async () => {
      url = await sharedRedis();
      redis = new Redis(url);
    });
    afterAll(() => redis.disconnect());

    it("targets in Redis move traffic without a restart, over a reload, and a bad value moves nothing", async () => {
      const { prox, config, dir, upstreams, ask, set } = await balanced(start, url, redis);
      expect(await ask()).toBe("one");
      await told(prox, () => set("targets:_inline_web_0", '{"targets":["TWO"]}'));
      expect(await ask()).toBe("two");
      await told(prox, () => set("targets:web:0", '["THREE"]'));
      expect(await ask()).toBe("three");
      await told(prox, () => prox.reload(config));
      expect(await ask()).toBe("three");
      const from = prox.log.lines.length;
      await set("targets:web:0", '["ONE", "a b"]');
      await prox.log.saw(/what prox is to be told cannot be read.*prox:targets:web:0/, { from });
      await told(prox, () => set("speed:web:0", '{"uploadMbps":100}'));
      expect(await ask()).toBe("three");
      await prox.stop();
      const events = recordsOf(await readAll(`${dir}/prox-1`)).map(({ event }) => JSON.parse(event));
      const changed = events.filter(({ type }) => type === "sluice.policy.changed");
      expect(changed.map(({ data }) => [data.key, data.cause, data.after])).toEqual([
        ["prox:targets:_inline_web_0", "written", `{"targets":["${upstreams.two}"]}`],
        ["prox:targets:web:0", "written", `["${upstreams.three}"]`],
        ["prox:speed:web:0", "written", '{"uploadMbps":100}'],
      ]);
      const rejected = events.filter(({ type }) => type === "sluice.policy.rejected");
      expect(rejected.map(({ data }) => [data.key, data.problem])).toEqual([
        ["prox:targets:web:0", "targets must be hosts, with or without a port, such as 10.0.0.5:8080"],
      ]);
    });

    it("a speed in Redis slows downloads, and its end frees them", async () => {
      const { prox, download, set, remove } = await balanced(start, url, redis);
      await download({ fasterThanMs: leastSlowMs });
      await told(prox, () => set("speed:web:0", `{"downloadMbps":${slowMbps}}`));
      expect(await download()).toBeGreaterThan(0.95 * leastSlowMs);
      await told(prox, () => remove("speed:web:0"));
      await download({ fasterThanMs: 0.9 * leastSlowMs });
    });

    it("a plugin that is started anew tells what was written meanwhile", async () => {
      const { prox, ask, set } = await balanced(start, url, redis);
      await told(prox, () => set("targets:web:0", '["TWO"]'));
      expect(await ask()).toBe("two");
      process.kill(lastPluginPid(prox.log), "SIGKILL");
      await set("targets:web:0", '["THREE"]');
      await prox.readied(2);
      // It may begin with what it knew before.
      while ((await ask()) !== "three");
    });
  });
}

/** Resolves when prox has taken all that the change made the plugin tell it. */
async function told(prox: Prox, change: () => Promise<unknown>): Promise<void> {
  const from = prox.log.lines.length;
  await change();
  // The line that was pushed behind them, and not the one on stderr, which takes another way.
  await prox.log.saw(/(?<!")told prox its targets and speeds/, { from });
}

/** A prox whose route has a balancer, and three upstreams: targets are written by their names. */
async function balanced(start: Start, url: string, redis: Redis) {
  const dir = makeDir();
  const prefix = `${unique("pushes")}:`;
  const upstreams = { one: "", two: "", three: "" };
  for (const name of ["one", "two", "three"] as const) upstreams[name] = (await startUpstream(name)).address;
  const config: ProxConfig = {
    plugins: { bridge: { path: pluginPath } },
    services: {
      web: {
        plugins: ["bridge"],
        routes: [
          {
            match: { path: "/*" },
            balancer: { type: "roundrobin", targets: [upstreams.one] },
            action: { type: "proxy", upstream: "{target}" },
          },
        ],
      },
    },
  };
  const prox = await start({
    config,
    env: {
      SLUICE_DATA_DIR: dir,
      SLUICE_REDIS_URL: url,
      SLUICE_REDIS_PREFIX: prefix,
      SLUICE_ADMIN_PORT: "0",
      SLUICE_PROX_LOG: "true",
    },
  });
  await prox.log.saw(/answers prox/);
  const asked = (path: string) => askOnce(prox.port("web"), { path });
  return {
    prox,
    config,
    dir,
    upstreams,
    ask: async () => String((await asked("/")).body),
    /** How long one takes, the first that takes less than that many ms where one is given. */
    async download({ fasterThanMs = Number.POSITIVE_INFINITY } = {}): Promise<number> {
      for (;;) {
        const from = performance.now();
        expect((await asked(`/size/${bytes}`)).body).toHaveLength(bytes);
        const tookMs = performance.now() - from;
        if (tookMs < fasterThanMs) return tookMs;
      }
    },
    set: (key: string, value: string) =>
      redis.set(
        `${prefix}prox:${key}`,
        value.replace(/ONE|TWO|THREE/g, (name) => upstreams[name.toLowerCase() as keyof typeof upstreams]),
      ),
    remove: (key: string) => redis.del(`${prefix}prox:${key}`),
  };
}
