import { once } from "node:events";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { startBridge } from "./hosts/bridge.ts";

/** More than Node lets the system take by itself. */
const connections = 600;

it("a bridge that does not look for a while loses no connection of a burst, and needs no second try", async () => {
  await using bridge = await startBridge();
  await bridge.pause();
  const port = Number(new URL(bridge.url).port);
  const sockets = Array.from({ length: connections }, () => connect(port, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  await bridge.resume();
  const answers = sockets.map((socket) => once(socket, "data"));
  for (const socket of sockets) socket.write("GET /nothing HTTP/1.1\r\nHost: bridge\r\n\r\n");
  for (const [answer] of await Promise.all(answers)) expect(String(answer)).toMatch(/^HTTP\/1\.1 404 /);
  for (const socket of sockets) socket.destroy();
});
