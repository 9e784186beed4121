import { expect, it } from "vitest";
import { describeWith } from "./describe-with.ts";
import { run } from "./process.ts";
import { startRedis } from "./redis.ts";
import { redisCliFor, standInFor } from "./redis-cli.ts";

describeWith(["redis"], "redis-cli, and what stands in for it where there is none,", () => {
  it("print the same for the same commands", async () => {
    const { port } = await startRedis();
    const path = `${await redisCliFor(port)}:${process.env.PATH}`;
    const printed = (cli: string): Promise<string> => {
      const calls = [
        `SET greeting '{"a":"b c"}' EX 7200`,
        "TTL greeting",
        "GET greeting",
        "GET nothing",
        "MGET greeting nothing",
        "DEL greeting",
      ];
      const lines = calls.map((call) => `${cli} ${call}\n`).join("");
      return run({ program: "sh", args: ["-euc", lines], env: { PATH: path } });
    };
    // However long what is between the two takes.
    const timeless = (text: string): string => text.replace(/^719\d$/m, "7200");
    const expected = 'OK\n7200\n{"a":"b c"}\n\n{"a":"b c"}\n\n1\n';
    expect(timeless(await printed("redis-cli"))).toBe(expected);
    expect(timeless(await printed(standInFor(port)))).toBe(expected);
    const unknown = `NOSUCH 2>&1 || true`;
    for (const cli of ["redis-cli", standInFor(port)]) {
      const said = await run({ program: "sh", args: ["-c", `${cli} ${unknown}`], env: { PATH: path } });
      expect(said).toContain("unknown command");
    }
  });
});
