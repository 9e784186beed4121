import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../../src/policy/held-rules.ts";
import type { PolicyNote } from "../../src/policy/policy.ts";
import type { Replica } from "../../src/policy/replica.ts";
import { FakeClock } from "../fake-clock.ts";
import { type WatchedOptions, WatchedReplica } from "./watched-replica.ts";

let folder: string;
let clock: FakeClock;
let watched: WatchedReplica;
let replica: Replica;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-replica-"));
  clock = new FakeClock();
  ({ replica } = watched = fresh());
});
afterEach(() => rmSync(folder, { recursive: true }));

function fresh(options: Partial<WatchedOptions> = {}): WatchedReplica {
  return new WatchedReplica({ folder, clock, ...options });
}

function entries(values: Record<string, string>, leftMs: number | null = null): Entry[] {
  return Object.entries(values).map(([key, value]) => ({ key, value, leftMs }));
}

async function resyncTo(values: Record<string, string>, target = replica, flushed = false): Promise<void> {
  const resync = target.resync();
  resync.offer(entries(values));
  await resync.finish(flushed);
}

/** Notes without revisions, and as texts. */
function told(notes: readonly PolicyNote[] = watched.notes): string[] {
  return notes.map((note) => {
    if (note.kind === "changed") return `${note.key}: ${note.before} > ${note.after} (${note.cause})`;
    return note.kind === "rejected" ? `${note.key} rejected` : `emptied, ${note.rulesKept} kept`;
  });
}

describe("loading", () => {
  it("is not available before a policy has been loaded, and is after", async () => {
    const resync = replica.resync();
    resync.offer(entries({ "user:a": "deny" }));
    expect(replica.available).toBe(false);
    await resync.finish();
    expect(replica.available).toBe(true);
    expect(watched.values).toEqual({ "user:a": "deny" });
  });

  it("knows again after a restart what prox is told, and tells of it when the source is read", async () => {
    await replica.restore();
    await resyncTo({ "prox:speed:a": '{"uploadMbps":1}' });
    await replica.close();
    const again = fresh().replica;
    await again.restore();
    const ids = (): string[] => Array.from(again.rules.pushes(), ({ key }) => key.id);
    expect([again.available, ids()]).toEqual([true, ["speed:a"]]);
    let heard = 0;
    again.watchPushes(() => {
      heard += 1;
    });
    await resyncTo({ "prox:speed:a": '{"uploadMbps":1}' }, again);
    expect(heard).toBe(0);
    await resyncTo({ "prox:speed:b": "not readable" }, again);
    expect([heard, ids()]).toEqual([2, ["speed:b"]]);
    await again.close();
  });

  it("knows after a restart what prox was told that ended meanwhile", async () => {
    await replica.restore();
    const resync = replica.resync();
    resync.offer(entries({ "prox:speed:a": '{"uploadMbps":1}', "user:a": "deny" }, 1_000));
    resync.offer(entries({ "prox:speed:b": '{"uploadMbps":1}' }, 5_000));
    await resync.finish();
    await replica.close();
    expect(replica.endedPushes).toEqual([]);
    clock.advance(1_000);
    const again = fresh();
    await again.replica.restore();
    expect(again.replica.endedPushes).toEqual(["prox:speed:a"]);
    expect(Object.keys(again.values)).toEqual(["prox:speed:b"]);
    await again.replica.close();
  });

  it("tells of what prox is told once all of a first load is there", async () => {
    let seen: boolean[] = [];
    replica.watchPushes(() => seen.push(replica.available));
    await resyncTo({ "prox:speed:a": '{"uploadMbps":1}', "user:a": "deny" });
    expect(seen.at(-1)).toBe(true);
    seen = [];
    replica.put(entries({ "user:b": "deny" }));
    expect(seen).toEqual([]);
  });

  it("is available with a source that has no rules", async () => {
    await resyncTo({});
    expect(replica.available).toBe(true);
    expect(told()).toEqual([]);
  });

  it("tells of the first load only the values that cannot be read", async () => {
    await resyncTo({ "user:a": "deny", "user:b": "dennny" });
    expect(told()).toEqual(["user:b rejected"]);
  });

  it("tells of each later change with its cause and both revisions", async () => {
    await resyncTo({ "user:a": "deny", "user:b": "allow" });
    const from = replica.rules.revision;
    replica.put(entries({ "user:c": "deny" }));
    const to = replica.rules.revision;
    replica.remove("user:b");
    await resyncTo({ "user:a": "allow", "user:c": "deny" });
    expect(told()).toEqual([
      "user:c: null > deny (written)",
      "user:b: allow > null (deleted)",
      "user:a: deny > allow (resync)",
    ]);
    expect(watched.notes[0]).toMatchObject({ revision: { from, to } });
    expect(from).not.toBe(to);
  });

  it("says nothing of a value that is written again as it was", async () => {
    await resyncTo({ "user:a": "deny" });
    replica.put(entries({ "user:a": "deny" }));
    await resyncTo({ "user:a": "deny" });
    expect(told()).toEqual([]);
  });

  it("removes what a whole resync did not find", async () => {
    await resyncTo({ "user:a": "deny", "user:b": "deny" });
    await resyncTo({ "user:b": "deny" });
    expect(watched.values).toEqual({ "user:b": "deny" });
    expect(told()).toEqual(["user:a: deny > null (resync)"]);
  });

  it("does not take a key for gone that was written while a resync ran past it", async () => {
    await resyncTo({ "user:a": "deny", "user:b": "deny" });
    const resync = replica.resync();
    resync.offer(entries({ "user:b": "deny" }));
    replica.put(entries({ "user:a": "deny" }));
    await resync.finish();
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "deny" });
    expect(told()).toEqual([]);
  });

  it("lets a superseded resync change nothing any more", async () => {
    await resyncTo({ "user:a": "deny" });
    const old = replica.resync();
    const current = replica.resync();
    current.offer(entries({ "user:a": "deny" }));
    old.offer(entries({ "user:z": "deny" }));
    await old.finish();
    await current.finish();
    expect(watched.values).toEqual({ "user:a": "deny" });
  });

  it("replaces 20,000 rules in parts and gives way to other work between them", async () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`user:u${i}`, "deny"]));
    await resyncTo(many);
    let turns = 0;
    const count = (): void => {
      turns += 1;
      if (replica.rules.size > 1) setImmediate(count);
    };
    setImmediate(count);
    await resyncTo({ "user:u0": "deny" });
    expect(watched.values).toEqual({ "user:u0": "deny" });
    expect(turns).toBeGreaterThan(2);
  });
});

describe("rules with a TTL", () => {
  it("end on time without their source", async () => {
    await resyncTo({ "user:a": "deny" });
    replica.put(entries({ "user:b": "allow" }, 1000));
    replica.put(entries({ "user:c": "allow" }, 500));
    replica.away("gone");
    clock.advance(499);
    expect(Object.keys(watched.values)).toEqual(["user:a", "user:b", "user:c"]);
    clock.advance(1);
    expect(Object.keys(watched.values)).toEqual(["user:a", "user:b"]);
    clock.advance(500);
    expect(Object.keys(watched.values)).toEqual(["user:a"]);
    expect(told().slice(2)).toEqual(["user:c: allow > null (expired)", "user:b: allow > null (expired)"]);
  });

  it("end after their span whatever the wall clock does meanwhile", async () => {
    await resyncTo({});
    replica.put(entries({ "user:a": "deny", "user:b": "deny" }, 1000));
    clock.stepWall(-3_600_000);
    clock.advance(999);
    expect(replica.rules.size).toBe(2);
    clock.advance(1);
    expect(replica.rules.size).toBe(0);
    replica.put(entries({ "user:a": "deny" }, 1000));
    clock.stepWall(3_600_000);
    clock.advance(999);
    expect(replica.rules.size).toBe(1);
  });

  it("live on when their TTL is lengthened or taken away", async () => {
    await resyncTo({});
    replica.put(entries({ "user:a": "deny", "user:b": "deny" }, 1000));
    replica.put(entries({ "user:a": "deny" }, 5000));
    replica.put(entries({ "user:b": "deny" }));
    clock.advance(4999);
    expect(replica.rules.size).toBe(2);
    clock.advance(1);
    expect(Object.keys(watched.values)).toEqual(["user:b"]);
  });

  it("end by the source's word too, and that is called an end and not a deletion", async () => {
    await resyncTo({});
    replica.put(entries({ "user:a": "deny" }, 60_000));
    clock.advance(59_900);
    replica.remove("user:a");
    expect(told().at(-1)).toBe("user:a: deny > null (expired)");
  });

  it("all end in time when thousands are rewritten again and again", async () => {
    await resyncTo({});
    for (let round = 0; round < 50; round++) {
      replica.put(
        Array.from({ length: 200 }, (_, i) => ({ key: `user:u${i}`, value: "deny", leftMs: 1000 + i })),
      );
    }
    clock.advance(1099);
    expect(replica.rules.size).toBe(100);
    clock.advance(100);
    expect(replica.rules.size).toBe(0);
  });
});

describe("a policy that vanishes", () => {
  beforeEach(() => resyncTo({ "user:a": "deny", "user:b": "allow" }));

  it("stays in force, with one note and one error in the log", async () => {
    await resyncTo({});
    await resyncTo({});
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "allow" });
    expect(told()).toEqual(["emptied, 2 kept"]);
    expect(watched.lines.filter((line) => line.level === "error")).toHaveLength(1);
    expect(replica.keptRules).toBe(2);
  });

  it("is overlaid by new rules, whose deletion takes effect", async () => {
    await resyncTo({});
    replica.put(entries({ "user:a": "allow", "user:c": "deny" }));
    expect(watched.values).toEqual({ "user:a": "allow", "user:b": "allow", "user:c": "deny" });
    replica.remove("user:a");
    await resyncTo({ "user:d": "deny" });
    expect(watched.values).toEqual({ "user:b": "allow", "user:d": "deny" });
    expect(replica.keptRules).toBe(1);
  });

  it("stays in force when all was flushed, also where rules were written before the source was read again", async () => {
    await resyncTo({ "user:a": "allow", "user:c": "deny" }, replica, true);
    expect(watched.values).toEqual({ "user:a": "allow", "user:b": "allow", "user:c": "deny" });
    expect(told()).toContain("emptied, 1 kept");
    expect(replica.keptRules).toBe(1);
    await resyncTo({ "user:c": "deny" });
    expect(watched.values).toEqual({ "user:b": "allow", "user:c": "deny" });
  });

  it("is meant to be gone when a default rule was written after the flush", async () => {
    await resyncTo({ "user:c": "deny", default: "deny" }, replica, true);
    expect(watched.values).toEqual({ "user:c": "deny", default: "deny" });
    expect(told().some((text) => text.startsWith("emptied"))).toBe(false);
  });

  it("is none when a flush took nothing of it", async () => {
    await resyncTo({ "user:a": "deny", "user:b": "allow" }, replica, true);
    await resyncTo({ "user:a": "deny" });
    expect(told()).toEqual(["user:b: allow > null (resync)"]);
  });

  it("ends when the source has a default rule", async () => {
    await resyncTo({});
    replica.put(entries({ default: "deny" }));
    expect(watched.values).toEqual({ default: "deny" });
    expect(replica.keptRules).toBe(0);
    expect(told()).toContain("user:a: deny > null (accepted)");
  });

  it("ends when a resync finds a default rule, without flapping of what it finds besides", async () => {
    await resyncTo({});
    await resyncTo({ default: "deny", "user:a": "deny" });
    expect(watched.values).toEqual({ default: "deny", "user:a": "deny" });
    expect(told().slice(1)).toEqual(["default: null > deny (resync)", "user:b: allow > null (accepted)"]);
  });

  it("ends after the resync when a default rule is told while it runs, without flapping", async () => {
    await resyncTo({});
    const resync = replica.resync();
    replica.put(entries({ default: "deny" }));
    resync.offer(entries({ "user:a": "deny", default: "deny" }));
    await resync.finish();
    expect(told().slice(1)).toEqual(["default: null > deny (written)", "user:b: allow > null (accepted)"]);
  });

  it("does not take its own kept default rule for the source's", async () => {
    replica.put(entries({ default: "deny" }));
    await resyncTo({});
    replica.put(entries({ "user:c": "deny" }));
    expect(Object.keys(watched.values)).toEqual(["default", "user:a", "user:b", "user:c"]);
  });

  it("ends when an operator says that it is meant", async () => {
    await resyncTo({});
    replica.put(entries({ "user:c": "deny" }));
    expect(await replica.acceptEmpty()).toBe(2);
    expect(watched.values).toEqual({ "user:c": "deny" });
    expect(await replica.acceptEmpty()).toBe(0);
  });

  it("is not hidden by bans that the source has been given since", async () => {
    await resyncTo({ "user:a": "deny" });
    await resyncTo({ "ban:203.0.113.9": "deny" });
    expect(watched.values).toEqual({ "user:a": "deny", "ban:203.0.113.9": "deny" });
    expect(replica.keptRules).toBeGreaterThan(0);
  });

  it("does not keep bans, which go as they came", async () => {
    await resyncTo({ "user:a": "deny", "ban:203.0.113.9": "deny" });
    await resyncTo({});
    expect(watched.values).not.toHaveProperty("ban:203.0.113.9");
    expect(watched.values).toHaveProperty("user:a", "deny");
  });

  it("is none where only bans went", async () => {
    replica.put(entries({ default: "allow" }));
    replica.remove("default");
    for (const key of Object.keys(watched.values)) replica.remove(key);
    await resyncTo({ "ban:203.0.113.9": "deny" });
    watched.happened.length = 0;
    await resyncTo({});
    expect(told()).toEqual(["ban:203.0.113.9: deny > null (resync)"]);
    expect(replica.keptRules).toBe(0);
  });

  it("is not hidden by what prox is told, which is kept with the rules where none of it is found", async () => {
    const told = { "prox:speed:a": '{"uploadMbps":1}', "prox:speed:b": '{"uploadMbps":1}' };
    await resyncTo({ "user:a": "deny", ...told });
    await resyncTo({ "prox:speed:b": told["prox:speed:b"] });
    expect(watched.values).toEqual({ "user:a": "deny", "prox:speed:b": told["prox:speed:b"] });
    await resyncTo({});
    expect(watched.values).toEqual({ "user:a": "deny", "prox:speed:b": told["prox:speed:b"] });
  });

  it("is none where some of what prox is told went, and there are no rules", async () => {
    for (const key of Object.keys(watched.values)) replica.remove(key);
    await resyncTo({ "prox:speed:a": '{"uploadMbps":1}', "prox:speed:b": '{"uploadMbps":1}' });
    await resyncTo({ "prox:speed:b": '{"uploadMbps":1}' });
    expect(Object.keys(watched.values)).toEqual(["prox:speed:b"]);
    expect(replica.keptRules).toBe(0);
  });

  it("keeps what prox is told of before a flush, whatever of it was written since", async () => {
    await resyncTo({ "user:a": "deny", "prox:speed:a": '{"uploadMbps":1}' });
    const flushed = replica.resync();
    flushed.offer(entries({ "prox:speed:b": '{"uploadMbps":1}' }));
    await flushed.finish(true);
    expect(Object.keys(watched.values).sort()).toEqual(["prox:speed:a", "prox:speed:b", "user:a"]);
  });

  it("is over when every kept rule was written anew", async () => {
    await resyncTo({});
    await resyncTo({ "user:a": "deny", "user:b": "allow" });
    expect(replica.keptRules).toBe(0);
    await resyncTo({ "user:a": "deny" });
    expect(watched.values).toEqual({ "user:a": "deny" });
  });

  it("is told anew when the rules written since vanish as well", async () => {
    await resyncTo({});
    replica.put(entries({ "user:c": "deny" }));
    await resyncTo({});
    expect(told().filter((text) => text.startsWith("emptied"))).toEqual([
      "emptied, 2 kept",
      "emptied, 3 kept",
    ]);
  });

  it("lets its rules with a TTL end on time", async () => {
    replica.put(entries({ "user:b": "allow" }, 5000));
    await resyncTo({});
    clock.advance(5000);
    expect(watched.values).toEqual({ "user:a": "deny" });
    expect(replica.keptRules).toBe(1);
  });

  it("is no such thing when the last rules are deleted by name", async () => {
    replica.remove("user:a");
    replica.remove("user:b");
    await resyncTo({});
    expect(replica.rules.size).toBe(0);
    expect(told()).toEqual(["user:a: deny > null (deleted)", "user:b: allow > null (deleted)"]);
  });

  it("is no such thing when the last rules were about to end", async () => {
    replica.remove("user:a");
    replica.put(entries({ "user:b": "allow" }, 60_000));
    clock.advance(59_500);
    await resyncTo({});
    clock.advance(500);
    expect(told()).toEqual(["user:a: deny > null (deleted)", "user:b: allow > null (expired)"]);
  });
});

describe("a source that is away", () => {
  it("leaves the rules, which age and are said to be stale once", async () => {
    await resyncTo({ "user:a": "deny" });
    replica.away("no route");
    replica.away("no route");
    clock.advance(300_001);
    expect(watched.values).toEqual({ "user:a": "deny" });
    expect(replica.ageMs).toBe(300_001);
    expect(replica.refuseAsStale).toBe(false);
    expect(watched.lines.map((line) => line.level)).toEqual(["info", "warn", "error"]);
    replica.confirmed();
    expect([replica.ageMs, replica.problem]).toEqual([0, null]);
  });

  it("has everything refused from maxStaleMs on where whenStale is deny, until it is back", async () => {
    const strict = fresh({ whenStale: "deny", maxStaleMs: 1000 }).replica;
    await resyncTo({ "user:a": "deny" }, strict);
    strict.away("no route");
    clock.advance(1000);
    expect(strict.refuseAsStale).toBe(false);
    clock.advance(1);
    expect(strict.refuseAsStale).toBe(true);
    strict.confirmed();
    expect(strict.refuseAsStale).toBe(false);
  });

  it("rejects a source that cannot be understood once, and keeps the rules", async () => {
    await resyncTo({ "user:a": "deny" });
    replica.unreadable("policy.json is not JSON in line 3");
    replica.unreadable("policy.json is not JSON in line 3");
    expect(told()).toEqual([" rejected"]);
    expect(watched.values).toEqual({ "user:a": "deny" });
  });
});

describe("the last known good", () => {
  async function restarted(options: Partial<WatchedOptions> = {}): Promise<WatchedReplica> {
    await replica.close();
    ({ replica } = watched = fresh(options));
    await replica.restore();
    return watched;
  }

  beforeEach(async () => {
    await replica.restore();
    await resyncTo({ "user:a": "deny", "user:b": "allow" });
  });

  it("serves a restart while the source is away", async () => {
    await restarted();
    expect(replica.available).toBe(true);
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "allow" });
  });

  it("tells what changed while the bridge was down", async () => {
    await restarted();
    await resyncTo({ "user:a": "allow" });
    expect(told()).toEqual(["user:a: deny > allow (resync)", "user:b: allow > null (resync)"]);
  });

  it("leaves out what ended while the bridge was down, and ends the rest on time", async () => {
    replica.put(entries({ "user:c": "allow" }, 1000));
    replica.put(entries({ "user:d": "allow" }, 9000));
    await replica.close();
    clock.advance(5000);
    await restarted();
    expect(Object.keys(watched.values)).toEqual(["user:a", "user:b", "user:d"]);
    clock.advance(4000);
    expect(Object.keys(watched.values)).toEqual(["user:a", "user:b"]);
  });

  it("is never a part of a first load", async () => {
    await replica.close();
    rmSync(watched.path);
    await restarted();
    replica.resync().offer(entries({ "user:a": "deny" }));
    clock.advance(1000);
    await restarted();
    expect(replica.available).toBe(false);
  });

  it("keeps a vanished policy over a restart, and over one in which it vanishes", async () => {
    await restarted();
    await resyncTo({});
    expect(told()).toEqual(["emptied, 2 kept"]);
    await restarted();
    expect(replica.keptRules).toBe(2);
    await resyncTo({});
    expect(watched.values).toEqual({ "user:a": "deny", "user:b": "allow" });
    expect(told()).toEqual([]);
    replica.put(entries({ default: "allow" }));
    expect(watched.values).toEqual({ default: "allow" });
  });

  it("remembers how long ago the source confirmed it, without being written anew", async () => {
    await replica.close();
    const { mtimeMs } = statSync(watched.path);
    clock.stepWall(Math.ceil(mtimeMs) - clock.now() + 60_000);
    await restarted();
    expect(replica.ageMs).toBeGreaterThan(59_000);
    expect(replica.ageMs).toBeLessThan(61_000);
  });

  it("is another source's and is not used", async () => {
    await restarted({ source: "elsewhere" });
    expect(replica.available).toBe(false);
    expect(watched.lines.map((line) => line.level)).toEqual(["warn"]);
  });

  it.each([
    ["cut short", (text: string) => text.slice(0, -3)],
    ["not JSON", () => "policy"],
    ["of another format", (text: string) => text.replace('"format":1', '"format":2')],
    ["a line that is no rule", (text: string) => text.replace('"user:a"', "7")],
    ["empty", () => ""],
  ])("is ignored, loudly, when its file is %s", async (_what, damaged) => {
    await replica.close();
    writeFileSync(watched.path, damaged(readFileSync(watched.path, "utf8")));
    ({ replica } = watched = fresh());
    await replica.restore();
    expect(replica.available).toBe(false);
    expect(watched.lines.map((line) => line.level)).toEqual(["error"]);
  });

  it("is JSON that only its owner can read", async () => {
    await replica.close();
    const { rules } = JSON.parse(readFileSync(watched.path, "utf8"));
    expect(rules).toEqual([
      ["user:a", "deny", null, false],
      ["user:b", "allow", null, false],
    ]);
    expect(statSync(watched.path).mode & 0o777).toBe(0o600);
  });

  it("is said once not to be writable, and is written when it can be again", async () => {
    await replica.close();
    ({ replica } = watched = fresh({ folder: join(folder, "missing") }));
    await replica.restore();
    await resyncTo({ "user:a": "deny" });
    clock.advance(250);
    await watched.logged(/cannot be written/);
    mkdirSync(join(folder, "missing"));
    replica.put(entries({ "user:b": "deny" }));
    clock.advance(250);
    await watched.logged(/can be written again/);
  });
});
