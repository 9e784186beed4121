/** What is asked of `npm run stack`. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type ProjectionName, projectionNames } from "../../src/events/projections/names.ts";
import type { Ports } from "./stack.ts";

export interface StackOptions {
  /** Null: a temporary folder. */
  readonly data: string | null;
  readonly ports: Ports;
  readonly projections: readonly ProjectionName[];
}

const usage = `Starts a real Redis, a real Kafka and the bridge on them, and runs until Ctrl-C.

  npm run stack -- [options]

  --data <folder>         keeps all data there, for the next time (default: a temporary folder, removed at the end)
  --ports <name=port,…>   of redis, kafka, plugin, admin; others are those of the time before, or free ones
  --projections <name,…>  of ocsf, ecs, flat: publishes events so, besides
  --help

Redis and Kafka are found as the tests find them: from a Docker engine, else as programs, which are fetched and built
once. With --data they are programs. The bridge's settings lie in sluice.toml in the folder: it reloads when you change it.
`;

const portNames = ["redis", "kafka", "plugin", "admin"] as const;

/** A text to print instead of running. @throws Error saying what is wrong */
export function stackOptionsOf(args: readonly string[]): StackOptions | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      ports: { type: "string", default: "" },
      projections: { type: "string", default: "" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return usage;
  return {
    data: values.data === undefined ? null : resolve(values.data),
    ports: portsIn(values.ports),
    projections: listed(values.projections).map(projectionNamed),
  };
}

function portsIn(text: string): Ports {
  const ports: Partial<Record<(typeof portNames)[number], number>> = {};
  for (const part of listed(text)) {
    const [, name, port] = /^(\w+)=(\d{1,5})$/.exec(part) ?? [];
    const known = portNames.find((one) => one === name);
    if (known === undefined || Number(port) < 1 || Number(port) > 65535) {
      throw new Error(`--ports: ${part} is none; ${portNames.map((one) => `${one}=…`).join(", ")} would be`);
    }
    ports[known] = Number(port);
  }
  return ports;
}

function projectionNamed(name: string): ProjectionName {
  const known = projectionNames.find((one) => one === name);
  if (known === undefined) throw new Error(`--projections: ${name} is none of ${projectionNames.join(", ")}`);
  return known;
}

function listed(text: string): string[] {
  return text.split(",").filter((part) => part !== "");
}
