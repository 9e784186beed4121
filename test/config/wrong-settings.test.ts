/** Every wrong setting gives one line that a person can act on, and all of them come at once. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSettings } from "../../src/config/load.ts";
import { settingRows } from "../../src/config/setting-rows.ts";
import { prepare, secret, type WrongSettings, wrongSettings } from "./wrong-settings.ts";

const dir = mkdtempSync(join(tmpdir(), "sluice-wrong-"));
const toml = join(dir, "sluice.toml");
prepare(dir);
afterAll(() => rmSync(dir, { recursive: true }));

const real = (text: string): string => text.replaceAll("{toml}", toml).replaceAll("{dir}", dir);

function told({ toml: text = "", env = {} }: Pick<WrongSettings, "toml" | "env">): readonly string[] {
  writeFileSync(toml, real(text));
  const named = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, real(value)]));
  return readSettings(toml, named, { tlsFiles: true }).problems;
}

/** What is allowed, or the next step. */
const remedy =
  /must |did you mean|(?:^|[:;,] (?:or )?)(?:set|take|give|name|put|use|let|begin|mend|choose|nodes stand|a node whose)\b/;
const jargon = /Invalid|expected|Too (?:big|small)|undefined|\[object|NaN of|ZodError|\n|^ {4}at /;

function groupsOf(key: string): string[] {
  return key.includes(".") ? [key, ...groupsOf(key.slice(0, key.lastIndexOf(".")))] : [key];
}
const known = new Set([...settingRows.flatMap(({ key }) => groupsOf(key)), "nodes"]);

/** The file, a variable, or a setting: what is known of it, else as it was written. */
function isNamed(line: string, text: string): boolean {
  const [name = ""] = /^(?:SLUICE_\w+|[^\s:(]+(?: 1)?)/.exec(line) ?? [];
  const plain = name.replace(/File$/, "");
  return (
    name === toml ||
    name.startsWith("SLUICE_") ||
    groupsOf(plain).some((one) => known.has(one)) ||
    text.includes(name)
  );
}

describe("a wrong setting", () => {
  it.each(wrongSettings)("is told: $what", (row) => {
    const lines = told(row);
    expect(lines).toEqual([row.says].flat().map(real));
    for (const line of lines) {
      expect(line).toMatch(remedy);
      expect(line).not.toMatch(jargon);
      expect(line).not.toContain(secret);
      expect(isNamed(line, row.toml ?? ""), line).toBe(true);
    }
  });

  it("of thousands is told in the first hundred lines, each of bounded length", () => {
    const lines = told({
      toml: `[kafka]\nbrokers = [${"'a',".repeat(150_000)}]\n[http]\n${"x".repeat(100_000)} = 1`,
    });
    expect(lines.length).toBeLessThanOrEqual(101);
    expect(lines.at(-1)).toMatch(/^and 1499\d\d more values that are wrong: mend those above first$/);
    for (const line of lines) expect(line.length).toBeLessThan(2_100);
  });

  it("of a file in another encoding is told as such", () => {
    writeFileSync(toml, "[http]\nauth = 'u:caf\xe9'", "latin1");
    expect(readSettings(toml, {}).problems).toEqual([
      `${toml}: is not UTF-8, as TOML must be: save it as UTF-8`,
    ]);
  });

  it("names the file or the variable that it came from", () => {
    for (const row of wrongSettings)
      for (const line of told(row)) expect(line).toMatch(/SLUICE_[A-Z]|sluice\.toml/);
  });

  it("is told with all others at once, whatever kind they are of", () => {
    const single = wrongSettings.filter(
      ({ says, env = {} }) => typeof says === "string" && Object.keys(env).length === 1,
    );
    const env: Record<string, string> = {};
    const expected: string[] = [];
    // Whether there is a Redis would not be known, and so not what takes one.
    const groups = new Set(["SLUICE_REDIS_URL"]);
    for (const row of single) {
      const [name = "", value = ""] = Object.entries(row.env ?? {})[0] ?? [];
      const group = name
        .split("_")
        .slice(0, 3)
        .join("_")
        .replace(/_FILE$/, "");
      if (row.toml || groups.has(group)) continue;
      groups.add(group);
      env[name] = value;
      expected.push(real(row.says as string));
    }
    expect(expected.length).toBeGreaterThan(20);
    expect([...told({ env })].sort()).toEqual(expected.sort());
  });

  it("that has control characters in its name stays one line", () => {
    expect(told({ toml: '"ht\\ntp\\u001b[2J" = 1' })).toEqual([
      `ht?tp?[2J (${toml}): no such setting; take it away (sluice config --table lists all)`,
    ]);
  });

  it("does not hide what the others contradict, nor is what follows from it told", () => {
    const env = { SLUICE_HTTP_HOST: "0.0.0.0", SLUICE_HTTP_AUTH: "no-colon", SLUICE_BAN_AFTER: "3" };
    expect(told({ env }).map((line) => line.split(" ")[0])).toEqual(["http.auth", "ban.after"]);
  });

  it("of a file that cannot be read is not guessed: the environment is judged by itself", () => {
    const env = { SLUICE_HTTP_HOST: "0.0.0.0", SLUICE_LOG_LEVEL: "x" };
    expect(told({ toml: "[http\nauth = 'u:p'", env }).map((line) => line.split(" ")[0])).toEqual([
      `${toml}:`,
      "log.level",
    ]);
  });
});
