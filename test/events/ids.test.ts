import { hash } from "node:crypto";
import fc from "fast-check";
import { v5 } from "uuid";
import { describe, expect, it } from "vitest";
import { clientId, newId, opId, overriddenId, recordKey, sessionKey } from "../../src/events/ids.ts";

describe("ids", () => {
  it("of the same call are the same, of any other call another", () => {
    const id = opId("edge", "614ca8c5c77d1880", "Login");
    expect(opId("edge", "614ca8c5c77d1880", "Login")).toBe(id);
    expect(
      new Set([
        id,
        opId("edge2", "614ca8c5c77d1880", "Login"),
        opId("edge", "x", "Login"),
        opId("edge", "614ca8c5c77d1880", "Ping"),
        overriddenId(id),
      ]).size,
    ).toBe(5);
  });

  it("are UUIDs of version 5 and 7", () => {
    const shape = (version: number): RegExp =>
      new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);
    expect(opId("a", "b", "c")).toMatch(shape(5));
    expect(sessionKey("a", "b", "c", "d")).toMatch(shape(5));
    expect(newId()).toMatch(shape(7));
  });

  it("stay what they were in the first release: consumers hold them", () => {
    expect(opId("frps", "614ca8c5c77d1880", "Login")).toMatchInlineSnapshot(
      `"acd338fb-2871-5dc1-97a2-d6b10a1fd023"`,
    );
    expect(sessionKey("frps", "c_0123456789abcdef", "alice.ssh", "127.0.0.1 41212")).toMatchInlineSnapshot(
      `"2c7fcf41-7e76-5cfd-ad6c-a935bd26c2e6"`,
    );
    expect(overriddenId(opId("frps", "614ca8c5c77d1880", "Login"))).toMatchInlineSnapshot(
      `"7c4137da-b05b-56ae-b3b2-b0ea8113f536"`,
    );
  });

  it("of version 5 are what the uuid library makes of the same name", () => {
    const namespace = "5d1f0a52-8f0e-4c55-9a58-2f6f0c1b7a41";
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (reqid) => {
        expect(opId("n", reqid, "Login")).toBe(v5(`op\nn\n${reqid}\nLogin`, namespace));
      }),
    );
    expect(opId("n", "r", "\ud800")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("of a client are c_ and 16 digits of the run id's SHA-256", () => {
    expect(clientId("d8f37cd82bb879e3")).toBe(`c_${hash("sha256", "d8f37cd82bb879e3").slice(0, 16)}`);
  });

  it("as record keys are never empty and never over 256 bytes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 600, unit: "grapheme" }), (text) => {
        const key = recordKey(text, "node");
        expect(Buffer.byteLength(key)).toBeGreaterThan(0);
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(256);
      }),
    );
    expect(recordKey("x".repeat(256), "n")).toBe("x".repeat(256));
    expect(recordKey("é".repeat(129), "n")).toBe(hash("sha256", "é".repeat(129)));
    expect(recordKey("", "frps")).toBe("frps");
  });
});
