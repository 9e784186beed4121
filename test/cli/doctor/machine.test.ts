import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { validity } from "../../../src/cli/doctor/certificates.ts";
import { runChecks } from "../../../src/cli/doctor/check.ts";
import { dataFindings } from "../../../src/cli/doctor/data.ts";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { portFindings } from "../../../src/cli/doctor/ports.ts";
import { systemClock } from "../../../src/clock.ts";
import { FakeClock } from "../../fake-clock.ts";
import type { BridgeSettings } from "../../hosts/bridge.ts";
import { type Folder, temporaryFolder } from "../../hosts/folder.ts";
import { freePort } from "../../hosts/ports.ts";
import { settingsOf } from "./settings-of.ts";

function lines(findings: readonly Finding[]): Record<string, string> {
  for (const { level, next } of findings) expect(next === null).toBe(level === "green");
  return Object.fromEntries(findings.map(({ what, level, seen }) => [what, `${level}: ${seen}`]));
}

describe("doctor on the data directory", () => {
  let folder: Folder;
  let dir: string;
  beforeEach(async () => {
    folder = await temporaryFolder("doctor");
    dir = join(folder.path, "data");
    await mkdir(dir, { mode: 0o700 });
  });
  afterEach(() => folder.remove());

  const found = async (more: BridgeSettings = {}): Promise<Record<string, string>> =>
    lines(await dataFindings(settingsOf({ "data.dir": dir, ...more }), systemClock));

  it("measures it, and leaves nothing in it", async () => {
    const seen = await found({ "journal.maxBytes": "256MiB" });
    expect(seen.folder).toMatch(/^green: .* can be written/);
    expect(seen.fdatasync).toMatch(/of 1024 bytes: median [\d.]+ ms, worst of 40 [\d.]+ ms/);
    expect(seen.clock).toMatch(/^green/);
    expect(await readdir(dir)).toEqual([]);
  });

  it("is content with one that can be made, and makes none", async () => {
    expect(await found({ "data.dir": join(dir, "a/b") })).toMatchObject({
      folder: `green: ${join(dir, "a/b")} is not there yet; it can be made in ${dir}`,
    });
    expect(await readdir(dir)).toEqual([]);
  });

  it("is red where a file stands in its place", async () => {
    await writeFile(join(dir, "file"), "");
    expect(await found({ "data.dir": join(dir, "file") })).toEqual({
      folder: `red: ${join(dir, "file")} is no folder`,
    });
  });

  it("warns of a disk that is full before the journal knows its bound, and of one that is full now", async () => {
    expect((await found({ "journal.maxBytes": 1e15 })).space).toMatch(/^yellow: .* free/);
    expect((await found({ "journal.maxBytes": 4e15, "journal.segmentBytes": 1e15 })).space).toMatch(
      /^red: .* free/,
    );
  });

  it("warns of a clock that was set back", async () => {
    await mkdir(join(dir, "journal"));
    await writeFile(join(dir, "journal/segment"), "");
    const later = new Date(Date.now() + 3_600_000);
    await utimes(join(dir, "journal/segment"), later, later);
    expect((await found()).clock).toMatch(/^yellow: .* files in data\.dir are 3\d\d\d s ahead/);
  });
});

describe("doctor on the ports", () => {
  const found = async (settings: BridgeSettings): Promise<Record<string, string>> =>
    lines(await portFindings(settingsOf(settings), systemClock));

  it("tells free ones, and those that something else has", async () => {
    const server = createServer((_request, response) => response.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const free = await freePort();
    expect(await found({ "http.port": port, "admin.port": free })).toEqual({
      "plugin port": `red: 127.0.0.1:${port} is taken by something that is no bridge (status 200 for /handler)`,
      "admin port": `green: 127.0.0.1:${free} is free: no bridge runs`,
    });
    expect((await found({ "http.port": free, "admin.port": port }))["admin port"]).toMatch(
      /^red: .*no bridge$/,
    );
  });

  it("tells an address that is not this machine's", async () => {
    const elsewhere = {
      "http.host": "203.0.113.9",
      "http.auth": "a:b",
      "http.port": await freePort(),
      "admin.port": 0,
    };
    expect((await found(elsewhere))["plugin port"]).toMatch(
      /^red: .* cannot be listened on \(EADDRNOTAVAIL\)$/,
    );
  });
});

describe("doctor", () => {
  it("is red for a check that hangs or fails, and tells the others", async () => {
    const clock = new FakeClock();
    const ran = runChecks(
      [
        { section: "data", what: "disk", run: () => new Promise(() => {}) },
        { section: "redis", what: "source", run: () => Promise.reject(new Error("broken")) },
        { section: "kafka", what: "brokers", run: async () => [] },
      ],
      clock,
      20_000,
    );
    await new Promise(setImmediate);
    clock.advance(20_000);
    expect((await ran).map(({ section, level, seen }) => [section, level, seen])).toEqual([
      ["data", "red", "no end after 20 s"],
      ["redis", "red", "broken"],
    ]);
  });

  it.each([
    ["2026-01-31", "green", "30 days left, until 2026-01-31"],
    ["2026-01-14", "yellow", "13 days left, until 2026-01-14"],
    ["2025-12-31", "red", "ended on 2025-12-31"],
  ])("tells what is left of a certificate until %s", (until, level, seen) => {
    const dates = { validFrom: "2025-01-01T00:00:00Z", validTo: `${until}T00:00:00Z` };
    expect(validity("certificate", dates, Date.UTC(2026, 0, 1), "renew it")).toMatchObject({ level, seen });
  });
});
