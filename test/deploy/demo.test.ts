/** `npm run demo`: what it shows, and that nothing of it stays, whenever it ends. */
import { expect, it, vi } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { start } from "../scripts/started.ts";

vi.setConfig({ testTimeout: 120_000 });

const demo = "../../scripts/demo.ts";
const seconds = process.env.SLUICE_TEST_DEMO_SECONDS ?? "8";

describeWith(["redis", "kafka", "frp"], "npm run demo", () => {
  it("shows users served, refused by a rule, and served again without it, and that no event is lost", async () => {
    const { log, ended, leavesNothing } = await start(demo, ["--seconds", seconds]);
    expect(await ended).toBe(0);
    const shown = log.lines.join("\n");
    // Of several topics they come in no order: each line begins with its event's time.
    const events = log.lines.filter((line) => /^\d{4}-\S+Z {2}/.test(line)).sort();
    const timeOf = (line: string): string => line.slice(0, line.indexOf(" "));
    const [denying, lifting] = events
      .filter((line) => /policy\.changed .* user:alice /.test(line))
      .map(timeOf);
    const between = (from: string, to: string): string =>
      events.filter((line) => timeOf(line) > from && timeOf(line) < to).join("\n");
    const before = between("", denying!);
    const denied = between(denying!, lifting!);
    const after = between(lifting!, "~");
    const served = /session\.started .* alice\.web /;
    const refused = /session\.refused .* alice\.web .* refused by user:alice: moved away/;
    expect(before).toMatch(served);
    expect(before).not.toMatch(refused);
    expect(denied).toMatch(refused);
    expect(denied).not.toMatch(served);
    expect(after).toMatch(served);
    expect(after).not.toMatch(refused);
    expect(shown).toMatch(/refused by proxy:bob\.ssh: closed tonight/);
    expect(shown).toMatch(/▶ alice is refused: .*\n[\s\S]*▶ alice is served again: /);
    const [, counted = ""] = /▶ (\d+) users were served/.exec(shown) ?? [];
    expect(shown.match(/session\.started /g)).toHaveLength(Number(counted));
    expect(shown).toMatch(/^WHOLE: no number is missing/m);
    await leavesNothing();
  });

  it("leaves nothing when Ctrl-C comes while users do", async () => {
    const { child, log, ended, leavesNothing } = await start(demo, ["--seconds", "600"]);
    await log.saw(/session\.started/, { timeoutMs: 60_000 });
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(log.lines.join("\n")).not.toContain("sluice verify");
    await leavesNothing();
  });
});
