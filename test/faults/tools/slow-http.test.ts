import { expect, it } from "vitest";
import { Load } from "../../app/load.ts";
import { startBridge } from "../../hosts/bridge.ts";
import { SlowClients } from "./slow-http.ts";

it("a bridge with hundreds of clients that never finish answers those that do", async () => {
  await using bridge = await startBridge();
  const port = Number(new URL(bridge.url).port);
  await using clients = await SlowClients.open(port, 300, Math.random);
  expect(clients.open).toBeGreaterThan(100);
  const load = new Load({ url: bridge.url });
  await load.more(500);
  await load.stop();
  expect(load.unanswered).toEqual([]);
  // Rubbish and bodies that end too soon are thrown out; those who only wait are not.
  expect(clients.open).toBeLessThan(300);
  expect(clients.open).toBeGreaterThan(100);
});

it("no client is left when they are closed", async () => {
  await using bridge = await startBridge();
  const clients = await SlowClients.open(Number(new URL(bridge.url).port), 20, () => 0);
  await clients[Symbol.asyncDispose]();
  expect(clients.open).toBe(0);
});

it("clients that find nobody say so", async () => {
  await expect(SlowClients.open(1, 3, Math.random)).rejects.toThrow("ECONNREFUSED");
});
