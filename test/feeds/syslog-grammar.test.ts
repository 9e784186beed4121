/** The judges of connectors/syslog take what RFC 5424 and RFC 5425 allow, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OctetCounted } from "./syslog-frames.ts";
import { syslogMessage } from "./syslog-message.ts";

const head = "<84>1 2026-01-01T00:00:00.007Z gate sluice 1 ID";
const messageOf = (line: string) => syslogMessage(Buffer.from(line));

describe("octet counting", () => {
  it("gives every frame whole, whatever pieces it came in", () => {
    const frame = fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat({ max: 40 })), (frames, cuts) => {
        let rest = Buffer.concat(frames.flatMap((bytes) => [Buffer.from(`${bytes.length} `), bytes]));
        const taken: Buffer[] = [];
        const reader = new OctetCounted((bytes) => taken.push(bytes));
        for (const cut of cuts) {
          reader.add(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        reader.add(rest);
        expect(taken).toEqual(frames);
      }),
    );
  });

  it.each(["<13>1 - - - - - -\n", "05 hello", " 5 hello", "99999999999 ", "5x hello"])(
    "refuses %j",
    (bytes) => {
      expect(() => new OctetCounted(() => {}).add(Buffer.from(bytes))).toThrow("no MSG-LEN");
    },
  );
});

describe("a syslog message", () => {
  it("has what was put into structured data and MSG, whatever it is", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (value, text) => {
        const escaped = value.replace(/["\\\]]/g, "\\$&");
        const message = messageOf(`${head} [x@1 a="${escaped}" b=""][y@1] ${text}`);
        expect(message.data).toEqual({ "x@1": { a: value, b: "" }, "y@1": {} });
        expect(message.text).toBe(text.replace(/^\ufeff/, ""));
      }),
    );
  });

  it.each([
    ["<192>1 - - - - - -"],
    ["<013>1 - - - - - -"],
    ["<13>2 - - - - - -"],
    ["<13>1 2026-01-01 - - - - -"],
    ["<13>1 2026-13-01T00:00:00Z - - - - -"],
    ["<13>1 2026-01-01T00:00:00.0070000Z - - - - -"],
    [`<13>1 - - - - ${"x".repeat(33)} -`],
    ["<13>1 - a\u007fb - - - -"],
    [`${head} `],
    [`${head} [x a="b"`],
    [`${head} [x a="]"] text`],
    [`${head} [x a="b"][x] text`],
    [`${head} [x]text`],
  ])("is not %j", (line) => {
    expect(() => messageOf(line)).toThrow("no RFC 5424 message");
  });

  it("is UTF-8", () => {
    expect(() => syslogMessage(Buffer.from(`${head} - caf\u00e9`, "latin1"))).toThrow();
  });
});
