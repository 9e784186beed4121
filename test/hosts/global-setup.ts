/**
 * Runs in vitest's main process, once for a run: it says to every test file where each service comes from, and holds
 * the shared servers, which start when the first file asks for them and end with the run.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { startKafka } from "./kafka.ts";
import { closeAll } from "./open.ts";
import { allProviders, given, type Provider, type Service } from "./provider.ts";
import { startRedis } from "./redis.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** How each service is had in this run. */
    providers: Record<Service, Provider>;
    /** Where the shared servers' addresses are asked for. */
    desk: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide("providers", await allProviders());
  const desk = createServer((request, response) => void answer(request.url, response));
  await new Promise<void>((resolve) => desk.listen(0, "127.0.0.1", resolve));
  project.provide("desk", `http://127.0.0.1:${(desk.address() as AddressInfo).port}`);
  return async () => {
    desk.closeAllConnections();
    desk.close();
    await closeAll();
  };
}

let redis: Promise<string> | undefined;
let kafka: Promise<string> | undefined;

async function addressOf(service: string | undefined): Promise<string> {
  if (service === "/redis") {
    redis ??= (async () => given("redis") ?? (await startRedis()).url)();
    return redis;
  }
  kafka ??= (async () => given("kafka") ?? (await startKafka()).brokers.join(","))();
  return kafka;
}

async function answer(path: string | undefined, response: ServerResponse): Promise<void> {
  try {
    response.end(await addressOf(path));
  } catch (error) {
    response.writeHead(500).end(error instanceof Error ? error.message : String(error));
  }
}
