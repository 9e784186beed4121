import { closeSync, openSync, type writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createLog, LineSink } from "../src/log.ts";

/** A file descriptor that takes as many bytes at once as it has room for. */
class Pipe {
  taken = "";
  room = Number.POSITIVE_INFINITY;
  failure = "EAGAIN";
  #again = (): void => {};
  readonly sink = new LineSink(
    -1,
    ((_fd: number, bytes: Buffer, at: number) => {
      const taken = bytes.subarray(at, at + this.room);
      if (taken.length === 0) throw Object.assign(new Error("no"), { code: this.failure });
      this.room -= taken.length;
      this.taken += taken.toString();
      return taken.length;
    }) as typeof writeSync,
    (again) => {
      this.#again = again;
    },
  );

  /** Its reader goes on. */
  drain(room = Number.POSITIVE_INFINITY): void {
    this.room = room;
    this.#again();
  }
}

describe("the log", () => {
  it("carries its level as a word, and the time in UTC", () => {
    const pipe = new Pipe();
    createLog({ level: "info", format: "json" }, pipe.sink).warn({ user: "alice" }, "refused");
    expect(JSON.parse(pipe.taken)).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      user: "alice",
      msg: "refused",
    });
  });

  it("for people brings no control character of a stranger to the terminal", () => {
    const pipe = new Pipe();
    const log = createLog({ level: "info", format: "pretty" }, pipe.sink);
    log.info({ user: "\u001b[2J\u009b2J\u202e", proxy: "a\nb\u0007" }, "refused");
    expect(pipe.taken).toMatch(/INFO.*: .*refused/);
    expect(pipe.taken.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  });

  it("for programs has one line for each, whatever a stranger's name holds, and the name as it was", () => {
    const pipe = new Pipe();
    const user = "a\n\r\u0085\u2028\u2029\u009b2J\u202e\u007f{}";
    createLog({ level: "info", format: "json" }, pipe.sink).info({ user }, "refused");
    expect(pipe.taken).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]+\n$/u);
    expect(JSON.parse(pipe.taken)).toMatchObject({ user });
  });

  it("keeps lines for a reader that is slow, whole and in order", () => {
    const pipe = new Pipe();
    pipe.sink.write("first\n");
    pipe.room = 3;
    pipe.sink.write("second\n");
    pipe.sink.write("third\n");
    expect(pipe.taken).toBe("first\nsec");
    pipe.drain(5);
    expect(pipe.taken).toBe("first\nsecond\nt");
    pipe.drain();
    pipe.sink.write("fourth\n");
    expect(pipe.taken).toBe("first\nsecond\nthird\nfourth\n");
  });

  it("loses lines rather than keeping all for a reader that stalls, and says how many", () => {
    const pipe = new Pipe();
    pipe.room = 0;
    const line = `${"x".repeat(2 ** 16 - 1)}\n`;
    for (let n = 0; n < 20; n++) pipe.sink.write(line);
    pipe.drain();
    pipe.sink.write("next\n");
    const lines = pipe.taken.split("\n");
    expect(lines.slice(0, 16)).toEqual(Array(16).fill(line.trimEnd()));
    const [notice, ...rest] = lines.slice(16).filter((text) => text !== "");
    expect(JSON.parse(notice!)).toMatchObject({ level: "warn", lines: 4 });
    expect(rest).toEqual(["next"]);
  });

  it.each(["EPIPE", "ENOSPC", "EIO"])("goes on when stderr fails with %s", (failure) => {
    const pipe = new Pipe();
    pipe.failure = failure;
    pipe.room = 0;
    expect(() => pipe.sink.write("lost\n")).not.toThrow();
    expect(pipe.taken).toBe("");
  });

  it.runIf(process.platform === "linux")("survives a full disk", () => {
    const full = openSync("/dev/full", "w");
    expect(() => new LineSink(full).write("lost\n")).not.toThrow();
    closeSync(full);
  });
});
