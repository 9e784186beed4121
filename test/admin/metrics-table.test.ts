/** The README's table of metrics says what /metrics tells, no more and no less, at both edges. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Metrics } from "../../src/admin/metrics.ts";
import { systemClock } from "../../src/clock.ts";
import { startBridge } from "../hosts/bridge.ts";
import { freePort } from "../hosts/ports.ts";
import { makeDir } from "../journal/harness.ts";
import { PluginProcess } from "../prox/plugin-process.ts";
import { type Metric, metricsIn, tableOfMetrics } from "./metrics-table.ts";

const platform = process.platform === "linux" ? ["Linux"] : [];

/** The rows of an edge where there are these. */
function rowsOf(...there: string[]): Metric[] {
  const told = tableOfMetrics().filter(({ only }) => only === null || [...platform, ...there].includes(only));
  return told.map(({ name, type, labels }) => ({ name, type, labels: labels.toSorted() }));
}

/** Labels show only where something has been counted: of the others the table is believed here, and judged below. */
function expectTold(page: string, rows: readonly Metric[]): void {
  const told = metricsIn(page);
  const named = ({ name, type }: Metric): string => `${name} ${type}`;
  expect(told.map(named).sort()).toEqual(rows.map(named).sort());
  const labelled = told.filter(({ labels }) => labels.length > 0);
  expect(rows).toEqual(expect.arrayContaining(labelled));
}

async function page(adminUrl: string): Promise<string> {
  return (await fetch(`${adminUrl}/metrics`)).text();
}

it("a bridge for frps tells each metric of the table with its type and labels, and no other", async () => {
  const kafka = { "kafka.brokers": `127.0.0.1:${await freePort()}` };
  const [embedded, forwarding] = await Promise.all([startBridge(), startBridge(kafka)]);
  expectTold(await page(embedded.adminUrl), rowsOf());
  expectTold(await page(forwarding.adminUrl), rowsOf("Kafka"));
  await Promise.all([embedded.close(), forwarding.close()]);
});

it("a plugin of prox does so too", async () => {
  const cwd = makeDir();
  writeFileSync(join(cwd, "policy.json"), "{}");
  const port = await freePort();
  const plugin = new PluginProcess({ cwd, settings: { "admin.port": port } });
  await plugin.settled();
  expectTold(await page(`http://127.0.0.1:${port}`), rowsOf("prox"));
});

it("the labels of the table are those that are counted by", () => {
  const notAsked = (): never => {
    throw new Error("asked when nobody scrapes");
  };
  const sources = {
    settings: notAsked,
    journal: notAsked,
    policy: notAsked,
    forwarder: notAsked,
    sessions: notAsked,
    leftOut: notAsked,
  };
  const { registry } = new Metrics(sources, systemClock);
  const counted = registry.getMetricsAsArray() as unknown as { name: string; labelNames: string[] }[];
  const labels = new Map(counted.map(({ name, labelNames }) => [name, labelNames.toSorted()]));
  const table = rowsOf("Kafka").map((row) => [row.name, row.labels]);
  // Whether ops can be decided is told when the port is open.
  labels.set("sluice_ready", []);
  expect(Object.fromEntries(labels)).toEqual(Object.fromEntries(table));
});
