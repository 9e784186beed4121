/** The README's table of metrics says what /metrics tells, no more and no less, at both edges. */
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Metrics } from "../../src/admin/metrics.ts";
import { systemClock } from "../../src/clock.ts";
import { startBridge } from "../hosts/bridge.ts";
import { Authority } from "../hosts/certificates.ts";
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
  const { cert, key } = new Authority().issue();
  const folder = makeDir();
  const tls = { "http.tls.cert": join(folder, "crt"), "http.tls.key": join(folder, "key") };
  writeFileSync(tls["http.tls.cert"], cert);
  writeFileSync(tls["http.tls.key"], key);
  const [embedded, forwarding] = await Promise.all([startBridge(tls), startBridge(kafka)]);
  const told = await page(embedded.adminUrl);
  expectTold(told, rowsOf("TLS"));
  const ends = Date.parse(new X509Certificate(cert).validTo) / 1000;
  const [, seconds] = /^sluice_tls_certificate_expiry_timestamp_seconds (\S+)$/m.exec(told) ?? [];
  expect(Number(seconds)).toBe(ends);
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
