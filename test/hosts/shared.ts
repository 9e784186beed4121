import { inject } from "vitest";

/** The URL of the run's Redis, which all test files use at once: keep to keys under a `unique` prefix. */
export function sharedRedis(): Promise<string> {
  return ask("/redis");
}

/** The brokers of the run's Kafka, which all test files use at once: keep to topics under a `unique` prefix. */
export async function sharedKafka(): Promise<string[]> {
  return (await ask("/kafka")).split(",");
}

async function ask(path: string): Promise<string> {
  const response = await fetch(inject("desk") + path);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
