/** deploy/grafana: a dashboard by Grafana's own types, all of whose figures a bridge tells. */
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type Metric, metricsIn, tableOfMetrics } from "../admin/metrics-table.ts";
import { startBridge } from "../hosts/bridge.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { type Folder, temporaryFolder } from "../hosts/folder.ts";
import { grafanaTypes } from "../hosts/grafana-types.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { onPath, run } from "../hosts/process.ts";
import { startPrometheus } from "../hosts/prometheus.ts";
import { expectKnown } from "./known-metrics.ts";

vi.setConfig({ testTimeout: 120_000 });

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: unknown;
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: unknown;
  }[];
}

const file = new URL("../../deploy/grafana/sluice.json", import.meta.url);
const text = readFileSync(file, "utf8");
const dashboard = JSON.parse(text) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
};
const { panels } = dashboard;
const charts = panels.filter(({ type }) => type !== "row");
const expressions = charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** As Grafana asks Prometheus. */
function filledIn(expression: string): string {
  return expression.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|instance)/g, ".+");
}

let folder: Folder;

beforeAll(async () => {
  folder = await temporaryFolder("grafana");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
});

describe("the dashboard", () => {
  it("fits the types that Grafana publishes", async () => {
    // Theirs are enums, to which no text can be assigned.
    const source = `
import type { Dashboard } from ${JSON.stringify(await grafanaTypes())};
type Written<T> = T extends string ? \`\${T}\` : T extends (infer Item)[] ? Written<Item>[]
  : T extends object ? { [Key in keyof T]: Written<T[Key]> } : T;
export const dashboard: Written<Dashboard> = ${text};
`;
    await writeFile(join(folder.path, "dashboard.ts"), source);
    const options =
      "--ignoreConfig --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler";
    const tsc = (await onPath("tsc")) ?? join(import.meta.dirname, "../../node_modules/.bin/tsc");
    const args = [...options.split(" "), "--target", "es2022", "dashboard.ts"];
    expect(await run({ program: tsc, args, cwd: folder.path })).toBe("");
  });

  it("gives every panel an id of its own and a place that no other has", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x} ${y}`), title).toBeUndefined();
          taken.set(`${x} ${y}`, title);
        }
      }
    }
  });

  it("asks the Prometheus that is chosen, for the job and the bridges that are chosen", () => {
    const chosen = { type: "prometheus", uid: `\${datasource}` };
    const names = dashboard.templating.list.map(({ name }) => name);
    expect(names).toEqual(["datasource", "job", "instance"]);
    for (const { title, datasource, targets = [] } of charts) {
      expect(targets.length, title).toBeGreaterThan(0);
      expect(datasource, title).toEqual(chosen);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      for (const target of targets) {
        expect(target.datasource, title).toEqual(chosen);
        const selectors = target.expr.match(/\{[^}]*\}/g) ?? [];
        expect(selectors.length, target.expr).toBeGreaterThan(0);
        for (const selector of selectors) expect(selector).toContain('job=~"$job",instance=~"$instance"');
      }
    }
  });

  it("has a row for each part", () => {
    const rows = panels.filter(({ type }) => type === "row").map(({ title }) => title);
    expect(rows).toEqual(["Answers", "Policy", "Journal and Kafka", "Sessions", "Bridge health"]);
  });
});

describeWith(["promtool"], "the dashboard's expressions", () => {
  it("are such as Prometheus answers", async () => {
    await writeFile(join(folder.path, "prometheus.yml"), "{}");
    const prometheus = await startPrometheus(join(folder.path, "prometheus.yml"));
    for (const expression of expressions) {
      await prometheus.ask(`query?query=${encodeURIComponent(filledIn(expression))}`);
    }
    await expect(prometheus.ask("query?query=sum(")).rejects.toThrow("parse error");
    await prometheus.close();
  });

  it("name only metrics that a bridge tells, by labels that it gives them", async () => {
    const bridge = await startBridge({ "kafka.brokers": `127.0.0.1:${await freePort()}` });
    const told: Metric[] = metricsIn(await (await fetch(`${bridge.adminUrl}/metrics`)).text());
    for (const expression of expressions) expectKnown(filledIn(expression), told, tableOfMetrics());
    for (const { query } of dashboard.templating.list) {
      const asked = /label_values\((.*), (\w+)\)$/.exec((query as { query?: string }).query ?? "");
      if (asked) expectKnown(`sum by (${asked[2]}) (${filledIn(asked[1]!)})`, told, tableOfMetrics());
    }
    await bridge.close();
  });

  it("are provided by files that name the places of the README", async () => {
    const provided = new URL("provisioning/dashboards/sluice.yml", file);
    const source = new URL("provisioning/datasources/prometheus.yml", file);
    const readme = await readFile(new URL("README.md", file), "utf8");
    const [, place] = /^ {6}path: (\S+)$/m.exec(await readFile(provided, "utf8"))!;
    expect(readme).toContain(`\`${place}\``);
    expect(await readFile(source, "utf8")).toMatch(/^ {4}type: prometheus$/m);
  });
});
