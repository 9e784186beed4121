import fc from "fast-check";
import { expect, it } from "vitest";
import { Kind } from "../../src/sessions/kind.ts";
import { snapshotLines } from "../../src/sessions/snapshot.ts";
import { JournalModel } from "./journal-model.ts";
import { closeProxy, closeUserConn, login, newProxy, newUserConn, ping } from "./ops.ts";
import { type AnyEvent, World } from "./world.ts";

const maxAgeMs = 300_000;
const clients = [
  { node: "edge-1", user: "alice", client: "c_00000000000000a1" },
  { node: "edge-1", user: "alice", client: "c_00000000000000a2" },
  { node: "edge-1", user: "", client: "c_00000000000000b1" },
  { node: "edge-2", user: "alice", client: "c_00000000000000a1" },
];
const proxies = [
  { proxy: "shared.ssh", type: "tcp" },
  { proxy: "shared.sql", type: "stcp" },
  { proxy: "shared.web", type: "https" },
];
const from = ["203.0.113.9:1", "[2001:db8::9]:1"];
const waitsMs = [1, 900, 2_100, 4_900, 20_000, 61_000, 200_000];

const ofClient = { client: fc.constantFrom(...clients) };
const ofProxy = { ...ofClient, proxy: fc.constantFrom(...proxies) };
const ofConnection = { ...ofProxy, from: fc.constantFrom(...from) };
const fate = fc.constantFrom("allowed", "allowed", "allowed", "allowed", "refused", "overridden");
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("start" as const), ...ofConnection, fate }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("close" as const), ...ofConnection }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("register" as const), ...ofProxy, fate }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unregister" as const), ...ofProxy }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("login" as const), ...ofClient, again: fc.boolean(), fate }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("ping" as const), ...ofClient, fate }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(...waitsMs) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("begin snapshot" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("write lines" as const), lines: fc.nat(6) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("kill" as const),
      torn: fc.nat(4),
      bySnapshot: fc.boolean(),
      downMs: fc.constantFrom(0, 0, ...waitsMs),
    }),
  },
);
const settings = fc.record({
  announced: fc.constantFrom<string[]>([], ["tcp"], ["tcp", "stcp", "https"]),
  maxOpen: fc.constantFrom(3, 1000),
  leavesOut: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A frps and a bridge that is killed now and then. */
class Play {
  readonly world: World;
  /** Records up to here are on disk, whatever happens. */
  #durable = 0;
  #writing: { through: number; lines: string[]; rest: Generator<string> } | null = null;
  #inPlace = { through: 0, lines: [] as string[] };

  constructor({
    announced,
    maxOpen,
    leavesOut,
  }: { announced: string[]; maxOpen: number; leavesOut: boolean }) {
    this.world = new World({ announcedTypes: () => announced, maxAgeMs, maxOpen });
    this.world.leavesOut = leavesOut;
  }

  take(step: Step): void {
    const { world } = this;
    if (step.do === "start") {
      this.#ask(newUserConn({ ...step.client, ...step.proxy, from: step.from }), step.fate);
    } else if (step.do === "close") {
      this.#ask(closeUserConn({ ...step.client, ...step.proxy, from: step.from }));
    } else if (step.do === "register") this.#ask(newProxy({ ...step.client, ...step.proxy }), step.fate);
    else if (step.do === "unregister") this.#ask(closeProxy({ ...step.client, ...step.proxy }));
    else if (step.do === "login") {
      this.#ask(login({ ...step.client, client: step.again ? step.client.client : null }), step.fate);
    } else if (step.do === "ping") this.#ask(ping(step.client), step.fate);
    else if (step.do === "wait") {
      this.#durable = world.journal.length;
      world.clock.advance(step.ms);
    } else if (step.do === "begin snapshot") {
      this.#writing = { through: world.journal.length, lines: [], rest: snapshotLines(world.sessions) };
    } else if (step.do === "write lines") this.#write(step.lines);
    else this.#kill(step);
  }

  /** Everything is let to end. */
  finish(): void {
    this.world.clock.advance(maxAgeMs + 120_000);
  }

  #ask(op: ReturnType<typeof ping>, fate = "allowed"): void {
    this.#durable = this.world.journal.length;
    const event = this.world.ask(op, fate === "refused" ? "refused" : "allowed");
    // What is left out has no record that could fail.
    const isLeftOut = this.world.journal.length === this.#durable;
    if (fate === "overridden" && !isLeftOut) this.world.override({ ...op, reqid: event.data.reqid }, event);
  }

  #write(lines: number): void {
    if (!this.#writing) return;
    const { rest, through, lines: written } = this.#writing;
    for (let n = 0; n < lines; n++) {
      const next = rest.next();
      if (next.done) {
        this.#inPlace = { through, lines: written };
        this.#durable = Math.max(this.#durable, through);
        this.#writing = null;
        return;
      }
      written.push(next.value);
    }
  }

  #kill({ torn, bySnapshot, downMs }: Extract<Step, { do: "kill" }>): void {
    const { world } = this;
    this.#writing = null;
    world.sessions.stop();
    const most = world.journal.length - this.#durable;
    world.journal.splice(world.journal.length - Math.min(torn, most));
    world.clock.advance(downMs);
    world.restart(bySnapshot ? this.#inPlace : undefined);
    this.#durable = world.journal.length;
  }
}

function recount({ sessions }: World): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { setting, remote, through, counted } of sessions.open.all()) {
    const ip = remote!.ip!.includes(":") ? "2001:db8::/64" : remote!.ip!;
    const kind = `${through.kind.node} ${through.kind.type}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (!counted) continue;
    for (const by of [`user ${setting.user}`, `proxy ${setting.proxy.name}`, `ip ${ip}`]) {
      counts.set(`all ${by}`, (counts.get(`all ${by}`) ?? 0) + 1);
      if (through.kind.announced) counts.set(by, (counts.get(by) ?? 0) + 1);
    }
  }
  return counts;
}

function expectCounted(world: World): void {
  const { open, counts, roster } = world.sessions;
  const found = recount(world);
  for (const user of ["alice", ""]) expect(counts.open("user", user)).toBe(found.get(`user ${user}`) ?? 0);
  for (const { proxy } of proxies) expect(counts.open("proxy", proxy)).toBe(found.get(`proxy ${proxy}`) ?? 0);
  for (const ip of ["203.0.113.9", "2001:db8::/64"]) {
    expect(counts.open("ip", ip)).toBe(found.get(`ip ${ip}`) ?? 0);
    expect(counts.begun("ip", ip)).toBeGreaterThanOrEqual(0);
  }
  for (const kind of roster.kinds()) {
    expect(kind).toBeInstanceOf(Kind);
    expect(kind.open).toBe(found.get(`${kind.node} ${kind.type}`) ?? 0);
  }
  expect(open.all()).toHaveLength(open.size);
}

function expectNothingLeft({ sessions: { open, departures, roster, counts } }: World): void {
  expect(open.size).toBe(0);
  expect(open.oldest).toBeUndefined();
  expect(departures.all()).toEqual([]);
  expect(counts.open("user", "alice")).toBe(0);
  for (const { clients, owners } of roster.nodes.values()) {
    const left = [...clients.values()].flatMap((client) => [...client.proxies.values()]);
    expect(left.filter((proxy) => !proxy.open)).toEqual([]);
    expect(left.map(({ sessions }) => sessions.size + sessions.all().length)).toEqual(left.map(() => 0));
    expect([...owners.values()].filter((proxy) => !left.includes(proxy))).toEqual([]);
  }
}

it("every session gets its one end, whatever frps tells or leaves out, whenever the bridge is killed", () => {
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 60, size: "max" }), (settings, steps) => {
      const play = new Play(settings);
      const { world } = play;
      const limits = { maxAgeMs, maxOpen: settings.maxOpen };
      for (const step of steps) {
        play.take(step);
        expectCounted(world);
        if (step.do !== "kill") continue;
        expect(new Set(world.sessions.open.all().map(({ id }) => id))).toEqual(
          new Set(new JournalModel(world.events, limits).open.map(({ start }) => start.id)),
        );
      }
      expect(world.sessions.open.size).toBeLessThanOrEqual(settings.maxOpen);
      world.clock.advance(66_000);
      expect(new JournalModel(world.events, limits).departed).toEqual([]);
      play.finish();
      const { problems, sessions } = new JournalModel(world.events, limits);
      expect(problems).toEqual([]);
      for (const { ends, close, start } of sessions.values()) {
        const announced = ends.filter(({ data }: AnyEvent) => !data.end.inferred);
        expect(ends.length, `ends of ${start.id}`).toBe(announced.length === 0 ? 1 : ends.length);
        expect(announced).toHaveLength(close === null ? announced.length : 1);
      }
      const confirmed = world.of("login.confirmed").map(({ id }) => id);
      expect(new Set(confirmed).size).toBe(confirmed.length);
      expectNothingLeft(world);
    }),
    { numRuns: 300 },
  );
});
