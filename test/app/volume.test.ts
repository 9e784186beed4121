import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, sluice } from "../cli/sluice.ts";
import { type BridgeHost, startBridge } from "../hosts/bridge.ts";
import { readAll, recordsOf } from "../journal/harness.ts";
import { judged } from "../ledger/topic-log.ts";
import type { AnyEvent } from "../sessions/world.ts";

const publish = "heartbeat.allowed=off";
const heartbeats = 8;

/** A Ping of one client. */
const ping = (bridge: BridgeHost, user: string): Promise<unknown> =>
  call(bridge.url, "Ping", { user: { user, metas: null, run_id: "aaaaaaaaaaaaaaa1" } });

describe("a bridge that leaves heartbeats out", () => {
  let bridge: BridgeHost;
  let events: AnyEvent[];
  let metrics: string;

  beforeAll(async () => {
    bridge = await startBridge({ "events.publish": publish, "stop.drainMs": 100 });
    for (let n = 0; n < heartbeats; n++) expect(await ping(bridge, "alice")).toMatchObject({ reject: false });
    metrics = await (await fetch(`${bridge.adminUrl}/metrics`)).text();
    await bridge.stop();
    events = recordsOf(await readAll(bridge.dataDir)).map(({ event }) => JSON.parse(event));
  });

  afterAll(() => bridge.close());

  const dataOf = (type: string): AnyEvent => events.find((event) => event.type === `sluice.${type}`).data;
  const said = (args: string[]) =>
    sluice(args, { settings: { "data.dir": bridge.dataDir, "events.publish": publish } });

  it("says so at its start, counts them, and gives the count with its last word", () => {
    expect(bridge.log.lines.join("\n")).toContain("heartbeat.allowed, by events.publish");
    expect(dataOf("bridge.started").publish).toEqual({ "heartbeat.allowed": 0 });
    expect(dataOf("bridge.stopped").leftOut).toEqual({ "heartbeat.allowed": heartbeats - 1 });
    expect(metrics).toContain(`sluice_events_left_out_total{type="heartbeat.allowed"} ${heartbeats - 1}`);
    expect(metrics).toContain(`sluice_ops_total{op="Ping",effect="allowed"} ${heartbeats}`);
  });

  it("leaves no hole in any topic's numbers", () => {
    const records = events.map((event) => ({
      topic: `sluice.${event.type.split(".")[1]}`,
      partition: 0,
      value: JSON.stringify(event),
    }));
    const report = judged(records);
    expect(report.streams.flatMap(({ unannounced }) => unannounced)).toEqual([]);
    expect(report).toMatchObject({
      ok: true,
      leftOut: [{ counts: { "heartbeat.allowed": heartbeats - 1 } }],
    });
  });

  it("has its commands say what they cannot show", async () => {
    const policyFile = join(bridge.folder, "candidate.json");
    await writeFile(policyFile, "{}");
    const [tail, simulate, last, exported] = await Promise.all([
      said(["tail", "-t", "heartbeat.*"]),
      said(["simulate", "--policy", policyFile, "--since", "1h"]),
      said(["explain", "--last", "bob"]),
      said(["export", "-t", "heartbeat.*"]),
    ]);
    for (const { stderr } of [tail, exported])
      expect(stderr).toContain("events.publish leaves out heartbeat.allowed");
    expect(simulate.stderr).toContain("cannot judge what events.publish leaves out: heartbeat.allowed");
    expect(last.stderr).toContain("events.publish leaves out heartbeat.allowed");
  });
});
