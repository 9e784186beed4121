/** What the plugin tells prox, against a model of prox and a clock that tests move. */
import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RuleSet } from "../../src/policy/rule-set.ts";
import { everyMs, mostAtOnce } from "../../src/prox/pace.ts";
import { Pusher } from "../../src/prox/pusher.ts";
import { ProxStdio } from "../../src/prox/stdio.ts";
import { FakeClock } from "../fake-clock.ts";
import { ModelledProx, type ModelledRoute } from "./modelled-prox.ts";

const routes: ModelledRoute[] = [
  { id: "web:0", action: "blue", balancer: true, bound: true },
  { id: "web:1", action: "blue", balancer: false, bound: true },
  { id: "api:0", action: "green", balancer: true, bound: true },
  { id: "api:1", action: "green", balancer: true, bound: false },
];

class Setting {
  readonly clock = new FakeClock();
  readonly rules = new RuleSet();
  readonly prox = new ModelledProx(routes);
  /** What prox was told, and when. */
  readonly lines: { atMs: number; method: string; params: Record<string, unknown> }[] = [];
  readonly outcomes: string[] = [];
  readonly warnings: string[] = [];
  readonly stdio: ProxStdio;
  readonly pusher: Pusher;
  readonly #input = new PassThrough();

  constructor() {
    const output = new Writable({
      write: (chunk, _encoding, done) => {
        expect(chunk.length).toBeLessThan(64 * 1024);
        this.#take(String(chunk));
        done();
      },
    });
    const { clock } = this;
    this.stdio = new ProxStdio({
      input: this.#input,
      output,
      onConfigure: () => {},
      onEnd: () => {},
      clock,
      warn: () => {},
    });
    this.pusher = new Pusher({
      port: this.stdio,
      wanted: () => this.rules.pushes(),
      clock,
      log: {
        info: () => {},
        warn: (fields: object, text: string) => this.warnings.push(`${JSON.stringify(fields)} ${text}`),
      },
      onPush: (kind, outcome) => this.outcomes.push(`${kind} ${outcome}`),
    });
    this.stdio.onConfigured(() => this.pusher.configured());
  }

  set(key: string, value: unknown): void {
    this.rules.set(key, typeof value === "string" ? value : JSON.stringify(value));
    this.pusher.changed();
  }

  remove(key: string): void {
    if (this.rules.delete(key)) this.pusher.changed();
  }

  /** prox says which routes it has bound, as at its start and after each reload. */
  configure(...ids: string[]): void {
    const bound = ids.length > 0 ? ids : routes.flatMap(({ id, bound }) => (bound ? [id] : []));
    for (const route_id of bound)
      this.#input.write(`${JSON.stringify({ method: "configure", params: { route_id } })}\n`);
    this.#input.read(0);
  }

  quiet(): void {
    this.clock.advance(60_000);
  }

  of(method: string): Record<string, unknown>[] {
    return this.lines.flatMap((line) => (line.method === method ? [line.params] : []));
  }

  #take(text: string): void {
    const line = JSON.parse(text) as { method?: string; params: Record<string, unknown> };
    if (line.method === undefined) return;
    this.lines.push({ atMs: this.clock.monotonic(), method: line.method, params: line.params });
    this.prox.take(line);
  }
}

async function started(): Promise<Setting> {
  const setting = new Setting();
  setting.stdio.ready("/s");
  setting.configure();
  await new Promise(setImmediate);
  return setting;
}

const targetsOf = (n: number): string[] => [`10.0.0.${n}:80`];

/** The most exact readable key of a kind that reaches a route. */
function wantedAt(
  values: ReadonlyMap<string, number>,
  kind: string,
  route: ModelledRoute,
): number | undefined {
  const own =
    kind === "speed" || (route.balancer && route.bound) ? values.get(`prox:${kind}:${route.id}`) : undefined;
  if (own !== undefined || !route.balancer) return own;
  return values.get(`prox:${kind}:${route.action}`) ?? values.get(`prox:${kind}:*`);
}

const anyKey = fc
  .tuple(
    fc.constantFrom("targets", "speed"),
    fc.constantFrom("*", "blue", "green", "web:0", "web:1", "api:1"),
  )
  .map(([kind, name]) => `prox:${kind}:${name}`);
const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ key: anyKey, value: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 3, arbitrary: fc.record({ gone: anyKey }) },
  { weight: 1, arbitrary: fc.record({ broken: anyKey }) },
  { weight: 1, arbitrary: fc.constant({ reload: true }) },
  { weight: 2, arbitrary: fc.record({ logs: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 4, arbitrary: fc.record({ waitMs: fc.integer({ min: 1, max: 1_500 }) }) },
);

describe("what prox is told", () => {
  it("leaves each route with the value of its most exact key, after whatever came and went", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
        const setting = await started();
        const { prox, lines, clock } = setting;
        const values = new Map<string, number>();
        for (const step of steps) {
          if ("key" in step) {
            values.set(step.key, step.value);
            setting.set(
              step.key,
              step.key.startsWith("prox:speed:") ? { downloadMbps: step.value } : targetsOf(step.value),
            );
          } else if ("gone" in step) {
            values.delete(step.gone);
            setting.remove(step.gone);
          } else if ("broken" in step) {
            // What it had counts on, if it was read in time; so it is read here.
            clock.advance(50);
            if (values.has(step.broken)) setting.set(step.broken, "[");
          } else if ("logs" in step) {
            for (let n = 0; n < step.logs; n++) setting.stdio.log("info", "x");
          } else if ("waitMs" in step) clock.advance(step.waitMs);
          else {
            prox.reload();
            setting.configure();
            await new Promise(setImmediate);
          }
        }
        setting.quiet();
        for (const route of routes) {
          const speed = wantedAt(values, "speed", route);
          expect([route.id, prox.speeds.get(route.id) ?? "0 0"]).toEqual([route.id, `${speed ?? 0} 0`]);
          const targets = wantedAt(values, "targets", route);
          if (targets !== undefined) expect(prox.targets.get(route.id)).toEqual(targetsOf(targets));
        }
        prox.reload();
        setting.configure();
        await new Promise(setImmediate);
        setting.quiet();
        for (const route of routes) {
          const targets = wantedAt(values, "targets", route);
          expect(prox.targets.get(route.id)).toEqual(targets === undefined ? "config" : targetsOf(targets));
        }
        for (const [first, { atMs }] of lines.entries()) {
          for (const [last, line] of lines.entries()) {
            if (last < first) continue;
            expect(last - first + 1).toBeLessThanOrEqual(
              mostAtOnce + Math.ceil((line.atMs - atMs) / everyMs),
            );
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("is paced below prox's buffer, be it ever so much, and comes whole", async () => {
    const setting = await started();
    const count = 300;
    for (let n = 0; n < count; n++) setting.set(`prox:speed:many:${n}`, { downloadMbps: n + 1 });
    setting.clock.advance(20);
    expect(setting.lines.length).toBeLessThanOrEqual(mostAtOnce);
    setting.quiet();
    expect(setting.of("set_speed")).toHaveLength(count);
  });

  it("is of many changes of a key between two pushes only the last", async () => {
    const setting = await started();
    for (let n = 1; n <= 50; n++) setting.set("prox:targets:web:0", targetsOf(n));
    setting.quiet();
    expect(setting.of("set_targets")).toEqual([{ route_id: "web:0", targets: targetsOf(50) }]);
    setting.set("prox:targets:web:0", targetsOf(51));
    setting.set("prox:targets:web:0", targetsOf(50));
    setting.set("prox:targets:web:0", { targets: targetsOf(50), note: "the same" });
    setting.quiet();
    expect(setting.of("set_targets")).toHaveLength(1);
  });

  it("goes from the widest to the most exact, targets before speeds", async () => {
    const setting = await started();
    for (const name of ["web:0", "blue", "*"]) {
      setting.set(`prox:speed:${name}`, { downloadMbps: 1 });
      setting.set(`prox:targets:${name}`, targetsOf(1));
    }
    setting.quiet();
    const told = setting.lines
      .slice(1)
      .map(({ method, params }) => `${method} ${params.route_id ?? params.action}`);
    expect(told).toEqual([
      "set_targets *",
      "set_targets blue",
      "set_targets web:0",
      "set_speed *",
      "set_speed blue",
      "set_speed web:0",
    ]);
  });

  it("takes nothing back of a value that can't be read, also over a reload", async () => {
    const setting = await started();
    setting.set("prox:targets:web:0", targetsOf(1));
    setting.quiet();
    setting.set("prox:targets:web:0", '["a b"]');
    setting.set("prox:speed:web:0", "fast");
    setting.quiet();
    expect(setting.lines.slice(1)).toHaveLength(1);
    setting.prox.reload();
    setting.configure();
    await new Promise(setImmediate);
    setting.quiet();
    expect(setting.prox.targets.get("web:0")).toEqual(targetsOf(1));
    expect(setting.of("set_speed")).toEqual([]);
  });

  it("says once that prox takes no targets for a route it has not bound, and sends them when it has", async () => {
    const setting = await started();
    setting.set("prox:targets:web:7", targetsOf(1));
    setting.quiet();
    setting.set("prox:targets:web:7", targetsOf(2));
    setting.quiet();
    expect(setting.warnings).toEqual([expect.stringMatching(/"prox:targets:web:7".* bound no such route/)]);
    expect(setting.outcomes).toEqual(["targets unbound", "targets unbound"]);
    setting.configure("web:7");
    await new Promise(setImmediate);
    setting.quiet();
    expect(setting.of("set_targets")).toEqual([{ route_id: "web:7", targets: targetsOf(2) }]);
  });

  it("says that targets stay when their key goes, and frees the speed of one that goes", async () => {
    const setting = await started();
    setting.set("prox:targets:web:0", targetsOf(1));
    setting.set("prox:speed:web:0", { uploadMbps: 3, groupKey: "g" });
    setting.quiet();
    setting.remove("prox:targets:web:0");
    setting.remove("prox:speed:web:0");
    setting.quiet();
    expect(setting.warnings).toEqual([expect.stringMatching(/"prox:targets:web:0".* can't be taken back/)]);
    expect(setting.of("set_speed")).toEqual([
      { route_id: "web:0", download_mbps: 0, upload_mbps: 3, group_key: "g" },
      { route_id: "web:0", download_mbps: 0, upload_mbps: 0 },
    ]);
    expect(setting.outcomes).toEqual(["targets sent", "speed sent", "targets kept", "speed sent"]);
  });

  it.each(["*", "blue"])("is what %s says again where a more exact key goes", async (wider) => {
    const setting = await started();
    setting.set(`prox:targets:${wider}`, targetsOf(1));
    setting.set(`prox:speed:${wider}`, { downloadMbps: 1 });
    setting.set("prox:targets:web:0", targetsOf(2));
    setting.set("prox:speed:web:0", { downloadMbps: 2 });
    setting.quiet();
    setting.remove("prox:targets:web:0");
    setting.remove("prox:speed:web:0");
    setting.quiet();
    expect(setting.prox.targets.get("web:0")).toEqual(targetsOf(1));
    expect(setting.prox.speeds.get("web:0")).toBe("1 0");
  });

  it("frees what the process before had told, where it is gone when the source is read", async () => {
    const setting = await started();
    setting.rules.set("prox:speed:web:0", '{"downloadMbps":1}');
    setting.pusher.begin();
    setting.remove("prox:speed:web:0");
    setting.quiet();
    expect(setting.of("set_speed")).toEqual([{ route_id: "web:0", download_mbps: 0, upload_mbps: 0 }]);
  });

  it("frees a speed that the process before had told and that ended between the two", async () => {
    const setting = await started();
    setting.rules.set("prox:speed:*", '{"downloadMbps":9}');
    setting.prox.take({
      method: "set_speed",
      params: { route_id: "web:0", download_mbps: 1, upload_mbps: 0 },
    });
    setting.prox.take({
      method: "set_speed",
      params: { route_id: "web:1", download_mbps: 1, upload_mbps: 0 },
    });
    setting.pusher.begin(["speed:web:0", "speed:web:1"]);
    setting.quiet();
    // The other has no balancer, and `*` does not reach it.
    expect([setting.prox.speeds.get("web:0"), setting.prox.speeds.get("web:1")]).toEqual(["9 0", "0 0"]);
  });

  it("is tried seldom where prox takes nothing, as one that never gets a ready, and comes soon when it does", () => {
    const clock = new FakeClock();
    const tries: number[] = [];
    let isOpen = false;
    const pusher = new Pusher({
      port: { bound: new Set(), push: () => tries.push(clock.monotonic()) > 0 && isOpen, onConfigured() {} },
      wanted: () => new RuleSet([["prox:speed:*", '{"uploadMbps":3}']]).pushes(),
      clock,
      log: { info: () => {}, warn: () => {} },
      onPush: () => {},
    });
    pusher.begin();
    clock.advance(3_600_000);
    expect(tries.length).toBeLessThan(3_700);
    isOpen = true;
    const before = tries.length;
    clock.advance(1_000);
    expect(tries.slice(before)).toHaveLength(1);
  });

  it("is nothing any more once it is closed", async () => {
    const setting = await started();
    setting.set("prox:targets:web:0", targetsOf(1));
    setting.pusher.close();
    setting.set("prox:targets:web:0", targetsOf(2));
    setting.quiet();
    expect(setting.of("set_targets")).toEqual([]);
  });
});
