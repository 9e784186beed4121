/** What a plugin needs to say READY: a slot, and a socket with a door behind it where calls wait. */
import { resolve } from "node:path";
import { BoundedLines } from "../bounded-lines.ts";
import { factsOf } from "../observer.ts";
import { Door } from "../prox/door.ts";
import { takeSlot } from "../prox/slots.ts";
import { socketPathIn } from "../prox/socket-path.ts";
import { HookServer } from "../prox/socket-server.ts";
import { releaseMs, type WiringParts } from "./parts.ts";

/** What prox dials, before there is anything behind it. */
export interface ProxEntrance {
  /** With the slot as data directory. */
  readonly parts: WiringParts;
  /** In which all slots lie. */
  readonly folder: string;
  readonly socket: string;
  readonly server: HookServer;
  readonly door: Door;
}

/** @throws SluiceError for whatever keeps it from listening; what was acquired stands in the resources */
export async function openEntrance(given: Omit<WiringParts, "dataDir">): Promise<ProxEntrance> {
  const { settings, clock, log, resources } = given;
  const folder = resolve(settings.data.dir);
  const slot = takeSlot(folder);
  resources.onRelease("slot", releaseMs, () => slot.release());
  const door = new Door(clock);
  const lines = new BoundedLines(log, clock);
  resources.onRelease("counts of lines left out", releaseMs, async () => lines.flush());
  const server = new HookServer({
    node: settings.prox.node,
    deadlineMs: settings.prox.deadlineMs,
    clock,
    handle: door.handle,
    malformed: door.malformed,
    failed: (problem, op) => {
      const { node } = settings.prox;
      const kind = { protocol: "prox", node, op: op?.known ? op.name : "unknown", effect: "failed", problem };
      lines.write("error", kind, op ? factsOf(op) : {}, "a call of prox failed; its connection is closed");
    },
  });
  const socket = socketPathIn(slot.dir);
  await server.listen(socket);
  resources.onRelease("socket", releaseMs, () => server.close(0));
  return { parts: { ...given, dataDir: slot.dir }, folder, socket, server, door };
}
