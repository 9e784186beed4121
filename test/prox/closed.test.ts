/** What a plugin that cannot start does before it ends. */
import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/errors.ts";
import { keepClosed } from "../../src/prox/closed.ts";
import { FakeClock } from "../fake-clock.ts";

function closed(problem: string, ended: Promise<unknown> = new Promise(() => {})) {
  const [clock, told] = [new FakeClock(), [] as unknown[]];
  const stdio = {
    log: (...line: unknown[]) => told.push(["log", ...line]) > 0,
    ready: async (socket: string) => void told.push(["ready", socket]),
  };
  const done = keepClosed(stdio, new SluiceError("config_invalid", problem), ended, clock);
  return { clock, told, done };
}

describe("a plugin that cannot start", () => {
  it("tells prox why in one line, before it has it ask where nobody can listen", () => {
    const { told } = closed("2 problems in the settings:\n  - redsi: no such setting\n  - node: too long");
    expect(told).toEqual([
      [
        "log",
        "error",
        "sluice cannot start; until it does, everything is refused",
        ["problem", "2 problems in the settings: redsi: no such setting; node: too long"],
      ],
      ["ready", "/dev/null/sluice-did-not-start"],
    ]);
  });

  it("ends after a while, so that prox starts it anew", async () => {
    const { clock, done } = closed("no room");
    let over = false;
    void done.then(() => {
      over = true;
    });
    await clock.advance(4_999);
    expect(over).toBe(false);
    await clock.advance(1);
    await done;
  });

  it("ends at once when prox wants it to", async () => {
    const { done } = closed("no room", Promise.resolve("stdin ended"));
    await done;
  });
});
