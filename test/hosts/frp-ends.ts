import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { type FrpsHost, type FrpsOptions, startFrpsAs } from "./frp.ts";
import { frpEndsProgram } from "./frp-ends-program.ts";

/** One user connection that NewUserConn allowed and that has ended, as frps itself saw it. */
export interface EndedConnection {
  /** With the user before it, as in NewUserConn. */
  proxy: string;
  type: string;
  remoteAddr: string;
  /** By the wall clock, right before NewUserConn was sent. */
  startedAt: string;
  /** By the wall clock, right before CloseUserConn was sent. */
  endedAt: string;
  /** Between the two, by the monotonic clock, with its fraction. */
  durationMs: number;
}

export interface EndingFrpsOptions extends FrpsOptions {
  /** CloseUserConn carries `traffic_in` and `traffic_out`, in bytes, as a fork's might. */
  extras?: boolean;
}

export type EndingFrpsHost = FrpsHost & {
  /** What has ended so far, in that order, over restarts too; a connection is in it before its CloseUserConn is sent. */
  ended(): Promise<EndedConnection[]>;
};

/**
 * As `startFrps`, with a frps that sends CloseUserConn at the end of each connection of a tcp, https, tcpmux, stcp or
 * sudp proxy: to every plugin, whatever its `ops`, since no release of frps starts with CloseUserConn among them.
 */
export async function startEndingFrps({
  extras,
  ...options
}: EndingFrpsOptions = {}): Promise<EndingFrpsHost> {
  const program = await frpEndsProgram();
  const folder = await temporaryFolder("frps-ends");
  const record = join(folder.path, "ended.jsonl");
  const args = ["--record", record, ...(extras ? ["--extras"] : [])];
  const frps = await startFrpsAs({ program, args, folder }, options);
  return Object.assign(frps, { ended: () => recorded(record) });
}

async function recorded(file: string): Promise<EndedConnection[]> {
  const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as EndedConnection);
}
