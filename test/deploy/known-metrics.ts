/** Whether what an expression names is told by a bridge. */
import { expect } from "vitest";
import type { Metric } from "../admin/metrics-table.ts";
import { namedIn } from "./promql.ts";

/** What Prometheus adds by itself. */
const ofScrape = new Map([["up", "gauge"]]);
const targetLabels = ["job", "instance"];

/**
 * @param told by a real bridge
 * @param table which knows labels that show only when something has been counted
 */
export function expectKnown(expression: string, told: readonly Metric[], table: readonly Metric[]): void {
  const types = new Map([...ofScrape, ...told.map(({ name, type }) => [name, type] as const)]);
  const { metrics, labels } = namedIn(expression);
  const labelsOf: string[] = [...targetLabels];
  for (const metric of metrics) {
    const whole = metric.replace(/_(bucket|sum|count)$/, "");
    const isPart = !types.has(metric) && types.get(whole) === "histogram";
    expect(types.has(isPart ? whole : metric), `${metric} in ${expression}`).toBe(true);
    if (isPart && metric.endsWith("_bucket")) labelsOf.push("le");
    labelsOf.push(...(table.find(({ name }) => name === (isPart ? whole : metric))?.labels ?? []));
  }
  expect(metrics.length, expression).toBeGreaterThan(0);
  for (const label of labels) expect(labelsOf, `label ${label} in ${expression}`).toContain(label);
}
