/** @module-tag docker */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { describeWith } from "./describe-with.ts";

const module = (name: string): string => JSON.stringify(join(import.meta.dirname, name));

const STARTS_A_REDIS = `
  import { temporaryFolder } from ${module("folder.ts")};
  import { startRedis } from ${module("redis.ts")};
  const { path } = await temporaryFolder("left-behind");
  const { port } = await startRedis();
  console.log(JSON.stringify({ path, port }));
  setInterval(() => {}, 1000);
`;

describeWith(["redis"], "the keeper", () => {
  it("ends the servers and removes the folders of a process that was killed", async () => {
    const owner = spawn(process.execPath, ["--input-type=module", "-e", STARTS_A_REDIS]);
    const [line] = await once(createInterface({ input: owner.stdout }), "line");
    const { path, port } = JSON.parse(line) as { path: string; port: number };
    const client = connect(port, "127.0.0.1").on("error", () => {});
    await once(client, "connect");
    const changes = watch(tmpdir(), { signal: AbortSignal.timeout(20_000) });
    const removed = (async () => {
      for await (const { filename } of changes) if (filename === basename(path)) return true;
      return false;
    })();
    const ended = once(client, "close");
    owner.kill("SIGKILL");
    await ended;
    expect(await removed).toBe(true);
  });
});
