/** deploy/prometheus, judged by promtool, and by a Prometheus that scrapes a bridge by it. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { metricsIn, tableOfMetrics } from "../admin/metrics-table.ts";
import { startBridge } from "../hosts/bridge.ts";
import { Authority } from "../hosts/certificates.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { freePort } from "../hosts/ports.ts";
import { run } from "../hosts/process.ts";
import { startPrometheus } from "../hosts/prometheus.ts";
import { prometheusPrograms } from "../hosts/prometheus-program.ts";
import { alertCases, type Situation } from "./alert-cases.ts";
import { expectKnown } from "./known-metrics.ts";

vi.setConfig({ testTimeout: 120_000 });

const deployed = fileURLToPath(new URL("../../deploy/prometheus/", import.meta.url));
const token = "a-token-of-the-admin-port";

let folder: string;
let promtool: (...args: string[]) => Promise<string>;

async function prepared(): Promise<void> {
  const { promtool: program } = await prometheusPrograms();
  const place = await temporaryFolder("prometheus-deployed");
  closeWithFile({ [Symbol.asyncDispose]: () => place.remove() });
  folder = place.path;
  await cp(deployed, folder, { recursive: true });
  await writeFile(join(folder, "sluice-admin-token"), token);
  promtool = (...args) => run({ program, args, cwd: folder });
}

/** A test of promtool's for one situation. Its files may be JSON, which is YAML too. */
function testOf({ series, atMinute, unscraped }: Situation, tests: object): object {
  const scraped = { 'up{job="sluice",instance="a"}': "1x120" };
  const all = { ...(!unscraped && scraped), ...series };
  const input_series = Object.entries(all).map(([name, values]) => ({ series: name, values }));
  return { interval: "1m", name: `minute ${atMinute}`, input_series, ...tests };
}

async function judge(name: string, tests: readonly object[]): Promise<string> {
  const file = `${name}.test.json`;
  const rules = { rule_files: ["sluice.rules.yml"], evaluation_interval: "1m", tests };
  await writeFile(join(folder, file), JSON.stringify(rules));
  return promtool("test", "rules", file);
}

const firing = 'count by (alertname) (ALERTS{alertstate="firing"})';

/** Exactly these alerts, each once. */
function firingAre(situation: Situation, alerts: readonly string[]): object {
  const exp_samples = alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 }));
  const test = { expr: firing, eval_time: `${situation.atMinute}m`, exp_samples };
  return testOf(situation, { promql_expr_test: [test] });
}

function firingIsNot(situation: Situation, alert: string): object {
  const expr = `ALERTS{alertstate="firing",alertname="${alert}"}`;
  const test = { expr, eval_time: `${situation.atMinute}m`, exp_samples: [] };
  return testOf(situation, { promql_expr_test: [test] });
}

interface Rule {
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly lastError?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

describeWith(["promtool"], "deploy/prometheus", () => {
  beforeAll(prepared);

  it("is a configuration, with rules, that promtool finds nothing wrong with", async () => {
    expect(await promtool("check", "config", "prometheus.yml")).toContain("SUCCESS");
    expect(await promtool("check", "rules", "sluice.rules.yml")).toContain(
      `SUCCESS: ${Object.keys(alertCases).length} rules found`,
    );
  });

  describe.each(Object.entries(alertCases))("%s", (alert, { fires, quiet }) => {
    it("fires, alone, when it should, and when it nearly should it does not", async () => {
      const tests = [
        ...fires.map((situation) => firingAre(situation, [alert, ...(situation.also ?? [])])),
        ...quiet.map((situation) => firingIsNot(situation, alert)),
      ];
      expect(await judge(alert, tests)).toContain("SUCCESS");
    });

    it("says what is wrong in words that can be filled in", async () => {
      const [situation] = fires;
      const test = { alertname: alert, eval_time: `${situation!.atMinute}m`, exp_alerts: [] };
      // Wrong on purpose: what promtool got instead is all that shows its words.
      const told = await judge(`${alert}-words`, [testOf(situation!, { alert_rule_test: [test] })]).catch(
        String,
      );
      expect(told).toMatch(/got:\[\s*0:\s*Labels:\{/);
      expect(told).not.toMatch(/error expanding|no value|\{\{/);
    });
  });

  it("scrapes a bridge with its admin token, and finds in it every metric and label of the rules", async () => {
    const kafka = { "kafka.brokers": `127.0.0.1:${await freePort()}` };
    const { cert, key } = new Authority().issue();
    const tls = { "http.tls.cert": join(folder, "tls.crt"), "http.tls.key": join(folder, "tls.key") };
    await writeFile(tls["http.tls.cert"], cert);
    await writeFile(tls["http.tls.key"], key);
    const bridge = await startBridge({ ...kafka, ...tls, "admin.token": token });
    const config = await readFile(join(folder, "prometheus.yml"), "utf8");
    const here = config
      .replace("127.0.0.1:9001", new URL(bridge.adminUrl).host)
      .replaceAll(/: 15s$/gm, ": 1s");
    await writeFile(join(folder, "here.yml"), here);
    const prometheus = await startPrometheus(join(folder, "here.yml"));
    await vi.waitFor(
      async () => {
        const up = await prometheus.ask<{ result: { value: [number, string] }[] }>("query?query=up");
        expect(up.result.map(({ value }) => value[1])).toEqual(["1"]);
      },
      { timeout: 30_000, interval: 250 },
    );
    const page = await fetch(`${bridge.adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    const told = metricsIn(await page.text());
    const rules = await vi.waitFor(
      async () => {
        const { groups } = await prometheus.ask<{ groups: { rules: Rule[] }[] }>("rules");
        const all = groups.flatMap((group) => group.rules);
        expect(all.map(({ name, health, lastError }) => [name, health, lastError])).toEqual(
          Object.keys(alertCases).map((name) => [name, "ok", undefined]),
        );
        return all;
      },
      { timeout: 30_000, interval: 250 },
    );
    for (const { query } of rules) expectKnown(query, told, tableOfMetrics());
    await prometheus.close();
    await bridge.close();
  });

  it("gives each alert a severity and a section of the runbook that is there", async () => {
    const rules = await readFile(join(deployed, "sluice.rules.yml"), "utf8");
    const parts = rules.split(/^ {6}- alert: /m).slice(1);
    const runbook = await readFile(join(deployed, "README.md"), "utf8");
    const sections = [...runbook.matchAll(/^## (\w+)\n\n\S/gm)].map(([, name]) => name);
    expect(sections).toEqual(parts.map((part) => /^\w+/.exec(part)![0]));
    for (const part of parts) {
      expect(part).toMatch(/^ {10}severity: (critical|warning)$/m);
      const [, anchor] = /runbook_url: "deploy\/prometheus\/README\.md#(\w+)"/.exec(part)!;
      expect(sections.map((name) => name!.toLowerCase())).toContain(anchor);
    }
  });
});
