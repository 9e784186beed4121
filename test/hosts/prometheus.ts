import { temporaryFolder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { prometheusPrograms } from "./prometheus-program.ts";
import { NativeServer, type Server } from "./server.ts";

export type PrometheusHost = Server & {
  /** Asks its HTTP API, `rules` or `query?query=up`. @throws Error with what it says is wrong */
  ask<Data>(question: string): Promise<Data>;
};

/** A Prometheus that runs by this file. */
export async function startPrometheus(configFile: string): Promise<PrometheusHost> {
  const { prometheus } = await prometheusPrograms();
  const folder = await temporaryFolder("prometheus");
  const address = `127.0.0.1:${await freePort()}`;
  const args = [`--config.file=${configFile}`, `--web.listen-address=${address}`];
  const server = new NativeServer({
    command: { program: prometheus, args: [...args, `--storage.tsdb.path=${folder.path}`] },
    ready: /Server is ready to receive web requests/,
    readyWithinMs: 60_000,
    graceMs: 10_000,
    folder,
  });
  await server.start();
  return Object.assign(server, {
    async ask<Data>(question: string): Promise<Data> {
      const answer = await fetch(`http://${address}/api/v1/${question}`);
      const { status, data, error } = (await answer.json()) as { status: string; data: Data; error?: string };
      if (status !== "success") throw new Error(`${question}: ${error}`);
      return data;
    },
  });
}
