/** What the policy file alone guarantees. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import { FileSource, type FileTiming } from "../../src/policy/file.ts";
import { readPolicyText } from "../../src/policy/policy-text.ts";
import { FakeClock } from "../fake-clock.ts";
import { WatchedReplica } from "./watched-replica.ts";

let folder: string;
let path: string;
let watched: WatchedReplica;
let source: FileSource;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-file-"));
  mkdirSync(join(folder, "policy"));
  path = join(folder, "policy", "policy.json");
});
afterEach(async () => {
  await source.close();
  await watched.replica.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(timing?: FileTiming, clock: Clock = systemClock): Promise<void> {
  watched = new WatchedReplica({ folder, clock });
  await watched.replica.restore();
  const { replica, log } = watched;
  source = new FileSource({ path, replica, clock, log, ...(timing && { timing }) });
  await source.start();
}

function write(text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

describe("at the start", () => {
  it("an absent file is no rules, and a file that appears later is taken", async () => {
    await start();
    expect([watched.replica.available, watched.replica.rules.size]).toEqual([true, 0]);
    expect(watched.lines.filter((line) => line.level !== "info")).toEqual([]);
    write('{"user:a": "deny"}');
    await watched.changed("user:a", "deny");
  });

  it.each([
    ["cut short", '{\n  "user:a": "deny",\n', /: it ends too early; |in line 3/],
    ["with a comma too many", '{\n  "user:a": "deny",\n}', /in line 3, column 1/],
    ["with a word that is no JSON", '{\n  "user:a": deny\n}', /in line 2, column 13/],
    ["a list", '["user:a"]', /must hold one JSON object/],
  ])("a file %s refuses to start and says where it is wrong and what to do", async (_what, text, where) => {
    write(text);
    const error = await start().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "policy_unreadable", retryable: false });
    expect(String(error)).toMatch(where);
    expect(String(error)).toContain(path);
    expect(String(error)).toContain("policy.file (SLUICE_POLICY_FILE)");
  });

  it("a folder in the file's place refuses to start", async () => {
    mkdirSync(path);
    await expect(start()).rejects.toMatchObject({ code: "policy_unreadable" });
  });

  it("an absent file does not make the rules of the last run vanish", async () => {
    write('{"user:a": "deny"}');
    await start();
    await source.close();
    await watched.replica.close();
    rmSync(path);
    await start();
    expect(await watched.noted("emptied")).toMatchObject({ rulesKept: 1 });
    expect(watched.values).toEqual({ "user:a": "deny" });
  });
});

describe("a value", () => {
  it("may be text as in Redis or the JSON object itself, and anything else cannot be read", async () => {
    write(
      '{"user:a": "deny moved", "user:b": {"effect": "deny", "reason": "x"}, "user:c": 7, "user:d": null}',
    );
    await start();
    expect(watched.values).toMatchObject({
      "user:a": "deny moved",
      "user:b": '{"effect":"deny","reason":"x"}',
    });
    expect(watched.replica.rules.get("user:b")).toMatchObject({ readable: true });
    expect([...watched.replica.rules.unreadable].map((rule) => rule.key.text)).toEqual(["user:c", "user:d"]);
  });

  it("that is overruled by a second one of its key is said to be", async () => {
    write('{"user:a": "deny", "user:b": {"effect": "deny", "note": "user:b"}, "user:\\u0061": "allow"}');
    await start();
    expect(watched.value("user:a")).toBe("allow");
    expect((await watched.logged(/stands twice/)).fields).toMatchObject({ key: "user:a" });
    expect(watched.lines.filter((line) => line.level === "warn")).toHaveLength(1);
  });
});

describe("a file that changes", () => {
  beforeEach(async () => {
    write('{"user:a": "deny"}');
    await start();
  });

  it("and can no longer be read leaves the old rules, says so once, and is taken when it is mended", async () => {
    write('{"user:a": deny}');
    expect(await watched.noted("rejected")).toMatchObject({
      key: "",
      problem: expect.stringContaining("in line 1"),
    });
    expect(watched.values).toEqual({ "user:a": "deny" });
    expect(source.state()).toMatchObject({ connected: false, lastError: expect.stringContaining(path) });
    write('{"user:a": "allow"}');
    await watched.changed("user:a", "allow");
    await watched.logged(/source is back/);
    expect(watched.notes.filter((note) => note.kind === "rejected")).toHaveLength(1);
  });

  it("and vanishes leaves the old rules, says so, and takes what comes in its place", async () => {
    rmSync(path);
    expect(await watched.noted("rejected")).toMatchObject({ problem: `${path} is gone` });
    expect(watched.values).toEqual({ "user:a": "deny" });
    write('{"user:b": "deny"}');
    await Promise.all([watched.changed("user:a", null), watched.changed("user:b", "deny")]);
    expect(watched.replica.keptRules).toBe(0);
  });

  it("in two steps, as editors save, raises no alarm", async () => {
    for (let i = 0; i < 5; i++) {
      rmSync(path);
      writeFileSync(path, '{"user:a": "de');
      writeFileSync(path, `{"user:a": "deny ${i}"}`);
      await watched.changed("user:a", `deny ${i}`);
    }
    expect(watched.notes.filter((note) => note.kind !== "changed")).toEqual([]);
  });
});

it.each([
  ["broken", () => write("{")],
  ["gone", () => rmSync(path)],
])("a file that is %s at one look and not at the next raises no alarm", async (_what, harm) => {
  write('{"user:a": "deny"}');
  const clock = new FakeClock();
  await start(undefined, clock);
  harm();
  clock.advance(1000);
  // The look begins in this turn, and close waits for its end.
  await turn();
  await source.close();
  expect(watched.happened.filter((happening) => "kind" in happening || happening.level !== "info")).toEqual(
    [],
  );
});

it("a change is seen without watching, where the file is a link into another folder", async () => {
  mkdirSync(join(folder, "elsewhere"));
  const target = join(folder, "elsewhere", "rules.json");
  writeFileSync(target, '{"user:a": "deny"}');
  symlinkSync(target, path);
  await start({ settleMs: 10, lookEveryMs: 20 });
  writeFileSync(target, '{"user:a": "allow"}');
  await watched.changed("user:a", "allow");
});

it("a folder that is not there yet is no rules, and its file is taken when it comes", async () => {
  rmSync(join(folder, "policy"), { recursive: true });
  await start({ settleMs: 10, lookEveryMs: 20 });
  expect(existsSync(path)).toBe(false);
  await watched.logged(/cannot be watched/);
  mkdirSync(join(folder, "policy"));
  write('{"user:a": "deny"}');
  await watched.changed("user:a", "deny");
});

describe("the text of a policy file", () => {
  // Nothing to close here.
  beforeEach(() => start());

  it("reads as JSON does, and knows each repeated key", () => {
    const key = fc.string({ unit: "grapheme", maxLength: 3 });
    const pairs = fc.array(fc.tuple(key, fc.jsonValue({ maxDepth: 2 })), { maxLength: 8 });
    fc.assert(
      fc.property(pairs, (list) => {
        const text = `{${list.map(([k, v]) => `${JSON.stringify(k)} : ${JSON.stringify(v)}`).join(",\n")}}`;
        const { rules, repeated } = readPolicyText(text);
        const wanted = new Map(list.map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)]));
        expect(Object.fromEntries(rules)).toEqual(Object.fromEntries(wanted));
        const keys = list.map(([k]) => k);
        expect(new Set(repeated)).toEqual(new Set(keys.filter((k, i) => keys.indexOf(k) !== i)));
      }),
    );
  });

  it("is never quoted in what is said of its mistakes", () => {
    const words = fc.constantFrom(
      "{",
      "}",
      "[",
      ",",
      ":",
      '"s3cr3t"',
      "s3cr3t",
      " ",
      "\n",
      "null",
      "1",
      '"s3cr3t',
    );
    fc.assert(
      fc.property(fc.array(words), (parts) => {
        try {
          readPolicyText(parts.join(""));
        } catch (thrown) {
          expect(String(thrown)).not.toContain("s3cr3t");
        }
      }),
    );
  });
});
