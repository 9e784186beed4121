import { describe, expect, it } from "vitest";
import { parseOp } from "../../../src/frp/wire.ts";
import { callFile } from "./call-file.ts";
import { callsOf, mixes } from "./calls.ts";
import { CallRow } from "./node-calls.ts";

const count = 3_000;

/** Three passes, as they go over the wire. */
function threePasses(mix: (typeof mixes)[number]) {
  const calls = callsOf(mix, count);
  const row = new CallRow(callFile(calls), 0xabcdef, 100);
  return Array.from({ length: 3 * calls.length }, () => {
    const { bytes, id, op, body } = row.take();
    return { op, id, text: bytes.toString(), body: Buffer.from(body), call: JSON.parse(body.toString()) };
  });
}

describe.each(mixes)("the calls of an frps, %s", (mix) => {
  const asked = threePasses(mix);

  it("are whole requests that the edge reads as the op that they name", () => {
    const read = ({ op, id, text, body }: (typeof asked)[number]): boolean => {
      const parsed = parseOp(body, { node: "edge-1", subdomainHost: undefined, reqid: id, atMs: 0 });
      const headers = [`Content-Length: ${body.length}`, `X-Frp-Reqid: ${id}`];
      const whole = headers.every((header) => text.includes(`\r\n${header}\r\n`));
      return whole && parsed.ok && parsed.op.known && parsed.op.name === op;
    };
    expect(asked.filter((one) => !read(one))).toEqual([]);
  });

  it("have an id each that is never given again", () => {
    expect(new Set(asked.map(({ id }) => id)).size).toBe(asked.length);
    expect(asked[0]!.id).toMatch(/^[0-9a-f]{16}$/);
  });

  it("begin each user connection from an address of its own", () => {
    const starts = asked.filter(({ op }) => op === "NewUserConn");
    expect(new Set(starts.map(({ call }) => call.content.remote_addr)).size).toBe(starts.length);
  });
});

it("each user connection of an frps that tells of ends is ended once, behind its begin", () => {
  const open = new Set<string>();
  const strange: number[] = [];
  let ended = 0;
  for (const [at, { op, call }] of threePasses("closes").entries()) {
    const key = `${call.content.proxy_name} ${call.content.remote_addr}`;
    if (op === "NewUserConn") open.add(key);
    if (op !== "CloseUserConn") continue;
    if (open.delete(key)) ended++;
    else strange.push(at);
  }
  // Those at the beginning end what a pass before the first one began.
  expect(Math.max(...strange)).toBeLessThan(count);
  expect(ended).toBeGreaterThan(open.size);
});
