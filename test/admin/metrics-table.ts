/** The README's table of metrics, and what a bridge really tells. */
import { readFileSync } from "node:fs";

export interface Metric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

interface Row extends Metric {
  /** Where it is told alone: prox, Kafka, TLS, Linux; null: everywhere. */
  readonly only: string | null;
}

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const head = "| metric | type | labels | what it says | what to do |\n";

/** @throws Error of a row that is not written as the others are */
export function tableOfMetrics(): Row[] {
  const [, ...lines] = readme.split(head)[1]!.split("\n\n")[0]!.split("\n");
  return lines.map((line) => {
    const parts = /^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) ?\| (\S.*?) \| (.*?) ?\|$/.exec(line);
    if (parts === null) throw new Error(`not a row of the table of metrics: ${line}`);
    const [, name, type, labels, says] = parts as unknown as [string, string, string, string, string];
    const only = /\(only (\w+)\)$/.exec(says)?.[1] ?? null;
    return { name, type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label!), only };
  });
}

/** What a page of /metrics names, with the labels that are seen on it. */
export function metricsIn(page: string): Metric[] {
  return [...page.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => {
    const ending = type === "histogram" ? "_(?:bucket|sum|count)" : "";
    const samples = page.matchAll(new RegExp(`^${name}${ending}(?:\\{(.*)\\})? \\S+$`, "gm"));
    const labels = [...samples].flatMap(([, inside = ""]) => [...inside.matchAll(/(\w+)="/g)]);
    const named = new Set(labels.map(([, label]) => label!).filter((label) => label !== "le"));
    return { name: name!, type: type!, labels: [...named].sort() };
  });
}
