/** `npm run stack` from its start to its end, whenever that comes, and what it leaves behind: nothing. */
import { createServer } from "node:net";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { call } from "../cli/sluice.ts";
import { eventually } from "../eventually.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { freePort } from "../hosts/ports.ts";
import { start } from "./started.ts";

const stack = "../../scripts/stack.ts";

describeWith(["redis", "kafka"], "npm run stack", () => {
  it("runs a bridge on a Redis and a Kafka of its own, and ends all of them at Ctrl-C", async () => {
    const plugin = await freePort();
    const { child, log, ended, leavesNothing } = await start(stack, ["--ports", `plugin=${plugin}`]);
    const [, url] = /(redis:\S+)/.exec(await log.saw(/SLUICE_REDIS_URL/))!;
    const redis = new Redis(url!);
    await redis.set("sluice:policy:user:alice", "deny moved away");
    const login = () => call(`http://127.0.0.1:${plugin}/handler`, "Login", { user: "alice" });
    await eventually(async () => expect(await login()).toMatchObject({ reject_reason: "moved away" }));
    redis.disconnect();
    await log.saw(/topics created/);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(log.lines.join("\n")).toMatch(/stopping \{"reason":"SIGTERM"[\s\S]*stopped/);
    await leavesNothing();
  });

  it("leaves nothing when Ctrl-C comes while it starts", async () => {
    const { child, log, ended, leavesNothing } = await start(stack);
    await log.saw(/^Redis answers/);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(log.lines.join("\n")).not.toContain("Kafka answers");
    await leavesNothing();
  });

  it("leaves nothing when a part does not start, and says which", async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const { log, ended, leavesNothing } = await start(stack, ["--ports", `kafka=${port}`]);
    expect(await ended).toBe(1);
    expect(log.lines).toContain(`port ${port} for kafka is taken; choose another with --ports kafka=…`);
    await leavesNothing();
    server.close();
  });
});

describe("a program that does not get all closed", () => {
  it("goes on closing after the two signals of one Ctrl-C, and ends at once at another, with all it started", async () => {
    const { child, log, ended, leavesNothing } = await start("never-closing.ts");
    await log.saw(/ready/);
    const beat = setInterval(() => child.kill("SIGINT"), 20);
    expect(await ended).toBe(130);
    clearInterval(beat);
    expect(log.lines.filter((line) => line.startsWith("stopping"))).toHaveLength(1);
    await leavesNothing();
  });
});

it.each([
  [["--ports", "redis=none"], /--ports: redis=none is none; redis=…, kafka=…/],
  [["--projections", "csv"], /--projections: csv is none of ocsf, ecs, flat/],
  [["--dta", "x"], /'--dta'/],
])("refuses %s, with the way out", async (args, text) => {
  const { log, ended } = await start(stack, args);
  expect(await ended).toBe(2);
  expect(log.lines.join("\n")).toMatch(text);
});
