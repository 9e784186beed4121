import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineReader } from "../../src/prox/lines.ts";
import { everyMs, mostAtOnce } from "../../src/prox/pace.ts";
import { type Binding, ProxStdio } from "../../src/prox/stdio.ts";
import { FakeClock } from "../fake-clock.ts";
import { proxLines } from "../fixtures.ts";

class Prox {
  readonly input = new PassThrough();
  readonly bindings: Binding[] = [];
  readonly warnings: string[] = [];
  ends = 0;
  written = "";
  readonly output: Writable;
  readonly stdio: ProxStdio;
  readonly clock = new FakeClock();

  constructor(output?: Writable) {
    this.output =
      output ??
      new Writable({
        write: (chunk, _encoding, done) => {
          this.written += chunk;
          done();
        },
      });
    this.stdio = new ProxStdio({
      input: this.input,
      output: this.output,
      onConfigure: (binding) => this.bindings.push(binding),
      onEnd: () => {
        this.ends += 1;
      },
      clock: this.clock,
      warn: (fields, text) => this.warnings.push(`${text} ${JSON.stringify(fields)}`),
    });
  }

  /** Hands on what was sent, and resolves when it has been read. */
  async say(text: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.input.write(text, () => resolve()));
    await new Promise(setImmediate);
  }

  get lines(): string[] {
    return this.written.split("\n").slice(0, -1);
  }
}

const configure = (route: string, match?: object): string =>
  `${JSON.stringify({ method: "configure", params: { route_id: route, ...(match && { match }) } })}\n`;

describe("stdin and stdout of the plugin", () => {
  it.each(["start-stop", "reload"] as const)("say what they said in the recorded run: %s", async (name) => {
    const prox = new Prox();
    const recorded = proxLines(name);
    for (const { dir, line } of recorded) {
      if (dir === "plugin->prox") {
        if (line!.includes('"ready"')) prox.stdio.ready("plugin.sock");
      } else if (line === undefined) prox.input.end();
      else await prox.say(`${line}\n`);
    }
    await new Promise(setImmediate);
    expect(prox.lines).toEqual(recorded.flatMap(({ dir, line }) => (dir === "plugin->prox" ? [line] : [])));
    expect(prox.ends).toBe(1);
    expect(prox.warnings).toEqual([]);
    expect(prox.bindings.slice(0, 2)).toEqual([
      { route: "web:0", domain: null, path: "/*" },
      { route: "gw:0", domain: "*.l4.test", path: null },
    ]);
    if (name === "reload") expect(prox.bindings[2]).toEqual({ route: "web:0", domain: null, path: "/v2/*" });
  });

  const ready =
    '{"method":"ready","params":{"socket":"/a.sock","hooks":["on_request","on_response","on_connect","on_disconnect"]}}';

  it("say ready once, however often they are asked to", async () => {
    const prox = new Prox();
    await prox.say(configure("web:0"));
    prox.stdio.ready("/a.sock");
    prox.stdio.ready("/b.sock");
    await prox.say(configure("web:0"));
    expect(prox.lines).toEqual(['{"result":"ok"}', ready, '{"result":"ok"}']);
  });

  it("never say ready to a prox that does not configure them, which would crash", async () => {
    const prox = new Prox();
    prox.stdio.ready("/a.sock");
    await prox.say(configure("web:0").slice(0, 20));
    expect(prox.lines).toEqual([]);
  });

  it("never say ready to a prox that has ended its side before they could", async () => {
    const prox = new Prox();
    await prox.say(configure("web:0"));
    prox.input.end();
    await new Promise(setImmediate);
    void prox.stdio.ready("/a.sock");
    expect([prox.ends, prox.lines]).toEqual([1, ['{"result":"ok"}']]);
  });

  it("say ready when prox speaks late, also in words that are not understood: until then it is open", async () => {
    for (const words of ["later words\n", `${"x".repeat(100_000)}\n`]) {
      const prox = new Prox();
      prox.stdio.ready("/a.sock");
      await prox.say(words);
      expect(prox.lines).toEqual([ready]);
    }
  });

  it("take a plugin without a route", async () => {
    const prox = new Prox();
    await prox.say(configure(""));
    expect(prox.bindings).toEqual([{ route: "", domain: null, path: null }]);
    expect(prox.lines).toEqual(['{"result":"ok"}']);
  });

  it("pass over what is not understood, say so without quoting it, and go on", async () => {
    const prox = new Prox();
    await prox.say(
      [
        "s3cret",
        "null",
        "[]",
        '{"method":"s3cret","params":{"route_id":"x"}}',
        '{"method":"configure","params":{"route_id":1}}',
        `{"method":"configure","params":{"route_id":"${"s3cret".repeat(20_000)}"}}`,
        "",
        "",
      ].join("\n"),
    );
    expect(prox.bindings).toEqual([]);
    expect(prox.written).toBe("");
    expect(prox.warnings).toHaveLength(6);
    expect(prox.warnings.join()).not.toContain("s3cret");
    await prox.say(configure("web:0"));
    expect(prox.bindings).toHaveLength(1);
    expect(prox.ends).toBe(0);
  });

  it("push lines for prox's log, never longer than prox can read", () => {
    const prox = new Prox();
    expect(prox.stdio.log("info", "begun", ["route", "web:0"])).toBe(true);
    expect(prox.lines).toEqual([
      '{"method":"log","params":{"level":"info","message":"begun","args":["route","web:0"]}}',
    ]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(2_000), fc.nat(100), (text, times, args) => {
        prox.written = "";
        prox.clock.advance(everyMs);
        prox.stdio.log("error", text.repeat(times), Array(args).fill(`\u0000${text.repeat(times)}`));
        expect(Buffer.byteLength(prox.written)).toBeLessThan(64 * 1024);
        expect(prox.lines).toHaveLength(1);
        expect(JSON.parse(prox.written)).toMatchObject({ method: "log", params: { level: "error" } });
      }),
      { numRuns: 30 },
    );
    prox.written = "";
    prox.clock.advance(everyMs);
    prox.stdio.log("error", "\u0000".repeat(2_000), Array(100).fill("\u0000".repeat(2_000)));
    expect(Buffer.byteLength(prox.written)).toBeLessThan(64 * 1024);
    expect(JSON.parse(prox.written).params.args).toEqual([]);
  });

  it("leave lines of the log out that come faster than prox takes them, and say how many", async () => {
    const prox = new Prox();
    await prox.say(configure("web:0"));
    void prox.stdio.ready("/a.sock");
    prox.written = "";
    const taken = Array.from({ length: 100 }, () => prox.stdio.log("info", "x")).filter(Boolean).length;
    expect(prox.lines).toHaveLength(taken);
    expect(taken).toBeLessThan(mostAtOnce - 1);
    const push = { method: "set_speed", params: { route_id: "*" } } as const;
    while (prox.stdio.push(push));
    expect(prox.lines).toHaveLength(mostAtOnce - 1);
    prox.clock.advance(1_000);
    expect(prox.stdio.log("info", "later", ["a", "b"])).toBe(true);
    expect(JSON.parse(prox.lines.at(-1)!).params.args).toEqual([
      "linesLeftOut",
      String(100 - taken),
      "a",
      "b",
    ]);
  });

  it("push nothing before ready, and nothing while prox does not read", async () => {
    const push = { method: "set_speed", params: { route_id: "*" } } as const;
    const prox = new Prox();
    void prox.stdio.ready("/a.sock");
    expect(prox.stdio.push(push)).toBe(false);
    await prox.say(configure("web:0"));
    expect(prox.stdio.push(push)).toBe(true);
    expect(prox.lines.at(-1)).toBe(JSON.stringify(push));
    const stuck = new Prox(new Writable({ write: () => {} }));
    void stuck.stdio.ready("/a.sock");
    await stuck.say(configure("web:0"));
    expect(stuck.stdio.push(push)).toBe(false);
  });

  it("leave lines of the log out while prox does not read, and keep ready", async () => {
    const stuck = new Writable({ write: () => {} });
    const prox = new Prox(stuck);
    const { stdio } = prox;
    await prox.say(configure("web:0"));
    let pushed = 0;
    while (stdio.log("info", "x".repeat(1_000)) && pushed < 10_000) pushed += 1;
    expect(pushed).toBeLessThan(1_000);
    const before = stuck.writableLength;
    stdio.ready("/a.sock");
    expect(stuck.writableLength).toBeGreaterThan(before);
  });

  it("outlive a stdout that nobody reads any more", async () => {
    const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const prox = new Prox(gone);
    prox.stdio.log("info", "x");
    await prox.say(configure("web:0"));
    expect(prox.bindings).toHaveLength(1);
  });

  it("end once, also in the middle of a line or by an error", async () => {
    const cut = new Prox();
    await cut.say('{"method":');
    cut.input.end();
    await new Promise(setImmediate);
    expect([cut.ends, cut.warnings.length]).toEqual([1, 1]);
    const broken = new Prox();
    broken.input.destroy(new Error("EIO"));
    await new Promise(setImmediate);
    expect(broken.ends).toBe(1);
  });
});

describe("lines", () => {
  it("are read alike in whatever pieces they come", () => {
    const written = fc.array(fc.string({ unit: "grapheme", maxLength: 20 }).filter((t) => !t.includes("\n")));
    fc.assert(
      fc.property(written, fc.array(fc.nat(), { maxLength: 10 }), (texts, places) => {
        const stream = Buffer.from(texts.map((text) => `${text}\n`).join(""));
        const cuts = [0, ...places.map((place) => place % (stream.length + 1)), stream.length];
        cuts.sort((a, b) => a - b);
        const reader = new LineReader();
        const lines = cuts.slice(1).flatMap((end, n) => reader.read(stream.subarray(cuts[n], end)).lines);
        expect(lines).toEqual(texts);
        expect(reader.isWithin).toBe(false);
      }),
    );
  });

  it("that are too long are passed over whole, in whatever pieces they come", () => {
    for (const size of [1_000, 65_535, 65_536, 200_000]) {
      const reader = new LineReader();
      const stream = Buffer.from(`a\n${"x".repeat(65_536)}\n${"y".repeat(65_537)}\nb\n`);
      const lines: string[] = [];
      let tooLong = 0;
      for (let at = 0; at < stream.length; at += size) {
        const read = reader.read(stream.subarray(at, at + size));
        lines.push(...read.lines);
        tooLong += read.tooLong;
      }
      expect(lines.map((line) => `${line[0]}${line.length}`)).toEqual(["a1", "x65536", "b1"]);
      expect(tooLong).toBe(1);
    }
  });
});
