/**
 * Traffic figures that forks of frp add to CloseUserConn. The proposal (frp PR #5228) has none and names none, so
 * they are known by their words: `traffic_in`, `BytesOut`, `in_bytes`, `rx`.
 */
import type { Traffic } from "../op.ts";

/** As frp counts a proxy's traffic: in is what the user sends. */
const inward = new Set(["in", "rx", "recv", "received", "read", "upload", "uploaded", "up", "ingress"]);
const outward = new Set([
  "out",
  "tx",
  "sent",
  "send",
  "written",
  "write",
  "download",
  "downloaded",
  "down",
  "egress",
]);
const measures = new Set([
  "traffic",
  "bytes",
  "byte",
  "octets",
  "size",
  "total",
  "count",
  "conn",
  "connection",
]);

/** Null where no field tells of traffic. A figure that JavaScript cannot hold, or none of bytes, counts as not said. */
export function trafficIn(content: Readonly<Record<string, unknown>>): Traffic | null {
  let traffic: { in: number | null; out: number | null } | null = null;
  for (const name in content) {
    const value = content[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) continue;
    const direction = directionOf(name);
    if (direction === null) continue;
    traffic ??= { in: null, out: null };
    traffic[direction] ??= value;
  }
  return traffic;
}

/** A name is one of traffic when each of its words is of measure or direction, and exactly one of direction. */
function directionOf(name: string): "in" | "out" | null {
  let direction: "in" | "out" | null = null;
  for (const word of wordsOf(name)) {
    if (measures.has(word)) continue;
    const found = inward.has(word) ? "in" : outward.has(word) ? "out" : null;
    if (found === null || direction !== null) return null;
    direction = found;
  }
  return direction;
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== "");
}
