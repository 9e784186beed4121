import { join } from "node:path";
import { fromDebian, mayUnpackDebian } from "./debian-package.ts";
import { onPath } from "./process.ts";

export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}

/** Why Prometheus and its promtool can't be run here; undefined if they can. */
export async function prometheusMissing(): Promise<string | undefined> {
  if ((await installed()) || (await mayUnpackDebian())) return undefined;
  return "no promtool and prometheus on PATH, and this is no Debian to unpack them from";
}

/** Those on PATH, or else Debian's, unpacked into the cache. */
export async function prometheusPrograms(): Promise<PrometheusPrograms> {
  const found = await installed();
  if (found) return found;
  const root = await fromDebian("prometheus-debian", ["prometheus"]);
  const place = (name: string): string => join(root, "usr/bin", name);
  return { prometheus: place("prometheus"), promtool: place("promtool") };
}

async function installed(): Promise<PrometheusPrograms | undefined> {
  const [prometheus, promtool] = [await onPath("prometheus"), await onPath("promtool")];
  return prometheus && promtool ? { prometheus, promtool } : undefined;
}
