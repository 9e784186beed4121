import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Kept } from "../../src/journal/journal.ts";
import { closeProxy, closeUserConn, newUserConn } from "./ops.ts";
import { allowed, World } from "./world.ts";

function endsOf(world: World): [string, string][] {
  return world.of("session.ended").map(({ data }) => [data.session.id, data.end.reason]);
}

describe("bounds", () => {
  it("a session is over at sessions.maxAgeMs, not before", () => {
    const world = new World({ maxAgeMs: 1_000_000 });
    const { id } = world.ask(newUserConn());
    world.clock.advance(999_999);
    expect(endsOf(world)).toEqual([]);
    world.clock.advance(1);
    expect(endsOf(world)).toEqual([[id, "max_age"]]);
    expect(world.of("session.ended")[0].data.end.notAfter).toBeNull();
  });

  it("beyond sessions.maxOpen the oldest gives way, and its close still comes to it", () => {
    const world = new World({ maxOpen: 2 });
    const ids = [1, 2, 3].map((port) => world.ask(newUserConn({ from: `203.0.113.9:${port}` })).id);
    expect(endsOf(world)).toEqual([[ids[0], "max_open"]]);
    expect(world.sessions.open.size).toBe(2);
    world.ask(closeUserConn({ from: "203.0.113.9:1" }));
    expect(endsOf(world)).toEqual([
      [ids[0], "max_open"],
      [ids[0], "closed"],
    ]);
  });

  it("more than sessions.maxOpen that were there at a start give way", () => {
    const options = { maxOpen: 10 };
    const world = new World(options);
    for (let port = 1; port <= 10; port++) world.ask(newUserConn({ from: `203.0.113.9:${port}` }));
    options.maxOpen = 4;
    const fewer = world.snapshot();
    const anew = new World(options);
    anew.restart(fewer);
    expect(anew.sessions.open.size).toBe(4);
    expect(endsOf(anew).map(([, reason]) => reason)).toEqual(Array(6).fill("max_open"));
  });

  it("100,000 sessions that are over at once wait for the disk in pieces of 256", async () => {
    const waiting: ((kept: Kept) => void)[] = [];
    let published = 0;
    const world = new World({
      publish: () => {
        published++;
        return new Promise((resolve) => waiting.push(resolve));
      },
    });
    for (let n = 0; n < 100_000; n++) {
      const op = newUserConn({ from: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:1` });
      const context = world.sessions.begin(op, `${n}`);
      world.sessions.record(op, allowed, `${n}`, context, 0);
    }
    const op = closeProxy();
    world.sessions.record(op, allowed, "close", world.sessions.begin(op, "close"), 0);
    world.clock.advance(2_000);
    for (let pieces = 1; pieces <= 3; pieces++) {
      expect(published).toBe(pieces * 256);
      for (const resolve of waiting.splice(0)) resolve({ ok: true });
      await nextTurn();
    }
    while (waiting.length > 0) {
      expect(waiting.length).toBeLessThanOrEqual(256);
      for (const resolve of waiting.splice(0)) resolve({ ok: true });
      await nextTurn();
    }
    expect(published).toBe(100_000);
    expect(world.sessions.open.size).toBe(0);
  });

  it("ends that are known not to be kept are no faster than a piece a second", async () => {
    let published = 0;
    const kept: Kept = { ok: false, failure: "journal_full", queued: true };
    const world = new World({
      publish: async () => {
        published++;
        return kept;
      },
    });
    for (let n = 0; n < 600; n++) {
      const op = newUserConn({ from: `203.0.113.9:${n}` });
      world.sessions.record(op, allowed, `${n}`, world.sessions.begin(op, `${n}`), 0);
    }
    const op = closeProxy();
    world.sessions.record(op, allowed, "close", world.sessions.begin(op, "close"), 0);
    world.clock.advance(2_000);
    for (const total of [256, 512, 600]) {
      await nextTurn();
      expect(published).toBe(total);
      world.clock.advance(999);
      await nextTurn();
      expect(published).toBe(total);
      world.clock.advance(1);
    }
  });
});
