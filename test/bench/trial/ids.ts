/** What ids and hashes cost: UUIDv5, UUIDv7, the public client id. `node test/bench/trial/ids.ts` */
import { strict as assert } from "node:assert";
import { createHash, hash, randomFillSync } from "node:crypto";
import { v5, v7 } from "uuid";
import { print, timeInTurns } from "./turns.ts";

const namespace = "3b241101-e2bb-4255-8caf-4136c566a962";
const namespaceBytes = Buffer.from(namespace.replaceAll("-", ""), "hex");
const namespaceLatin1 = namespaceBytes.toString("latin1");
const names = Array.from(
  { length: 512 },
  (_, i) => `edge-1/${(0x9d5af15f04e98000n + BigInt(i)).toString(16)}/NewUserConn`,
);
let turn = 0;
const next = (): string => names[turn++ & 511] ?? "";

const formatted = (hex: string): string => {
  const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const scratch = Buffer.alloc(2048);
namespaceBytes.copy(scratch);
function oneShot(name: string): string {
  const length = 16 + scratch.write(name, 16);
  return formatted(hash("sha1", scratch.subarray(0, length), "hex"));
}
function createdHash(name: string): string {
  return formatted(createHash("sha1").update(namespaceBytes).update(name).digest("hex"));
}
function oneShotConcat(name: string): string {
  return formatted(hash("sha1", Buffer.concat([namespaceBytes, Buffer.from(name)]), "hex"));
}
function oneShotLatin1(name: string): string {
  return formatted(hash("sha1", Buffer.from(namespaceLatin1 + name, "latin1"), "hex"));
}
const variantDigit = Array.from(
  { length: 256 },
  (_, code) => "89ab"[Number.parseInt(String.fromCharCode(code), 16) & 3],
);
function oneShotTable(name: string): string {
  const hex = hash("sha1", scratch.subarray(0, 16 + scratch.write(name, 16)), "hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variantDigit[hex.charCodeAt(16)]}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
for (const name of [...names, "nœud/ä"]) {
  for (const own of [oneShot, oneShotTable, createdHash, oneShotConcat])
    assert.equal(own(name), v5(name, namespace));
}
print(
  "UUIDv5 of ~35 characters",
  timeInTurns([
    { name: "npm uuid v5", call: () => v5(next(), namespace) },
    { name: "npm uuid v5, namespace as bytes", call: () => v5(next(), namespaceBytes) },
    { name: "createHash, hex, own format", call: () => createdHash(next()) },
    { name: "crypto.hash, Buffer.concat", call: () => oneShotConcat(next()) },
    { name: "crypto.hash, latin1 only", call: () => oneShotLatin1(next()) },
    { name: "crypto.hash, scratch buffer", call: () => oneShot(next()) },
    { name: "the same, variant digit by table", call: () => oneShotTable(next()) },
  ]),
);

const pool = Buffer.alloc(16 * 256);
let poolAt = pool.length;
const hexByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const byteHex = (at: number): string => hexByte[pool[at] ?? 0] ?? "";
/** Random bits after the time; not ordered within one millisecond. */
function ownV7(): string {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const at = poolAt;
  poolAt += 16;
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${byteHex(at).slice(1)}${byteHex(at + 1)}-${hexByte[((pool[at + 2] ?? 0) & 0x3f) | 0x80]}${byteHex(at + 3)}-${byteHex(at + 4)}${byteHex(at + 5)}${byteHex(at + 6)}${byteHex(at + 7)}${byteHex(at + 8)}${byteHex(at + 9)}`;
}
assert.match(ownV7(), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
print(
  "UUIDv7",
  timeInTurns([
    { name: "npm uuid v7", call: () => v7() },
    { name: "own, random bytes by the pool", call: ownV7 },
    { name: "crypto.randomUUID (v4, to compare)", call: () => crypto.randomUUID() },
  ]),
);

const runIds = Array.from({ length: 512 }, (_, i) => (0x6a595c1292481000n + BigInt(i)).toString(16));
/** As JSON.parse gives it: not the very object in the cache, its hash not yet known. */
const nextRunId = (): string => Buffer.from(runIds[turn++ & 511] ?? "", "latin1").toString("latin1");
const cached = new Map<string, string>();
function clientId(runId: string): string {
  let id = cached.get(runId);
  if (id === undefined) {
    id = `c_${hash("sha256", runId, "hex").slice(0, 16)}`;
    if (cached.size >= 10_000) cached.clear();
    cached.set(runId, id);
  }
  return id;
}
function clientIdLru(runId: string): string {
  const id = cached.get(runId);
  if (id === undefined) return clientId(runId);
  cached.delete(runId);
  cached.set(runId, id);
  return id;
}
print(
  "public client id: SHA-256 of the run id, 16 hex digits (512 clients)",
  timeInTurns([
    {
      name: "createHash",
      call: () => `c_${createHash("sha256").update(nextRunId()).digest("hex").slice(0, 16)}`,
    },
    { name: "crypto.hash", call: () => `c_${hash("sha256", nextRunId(), "hex").slice(0, 16)}` },
    { name: "Map cleared when full", call: () => clientId(nextRunId()) },
    { name: "Map as LRU", call: () => clientIdLru(nextRunId()) },
  ]),
);
