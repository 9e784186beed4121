/** Containers started by Docker's command line, with the very flags that people give it. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { keep } from "./keeper.ts";
import { closeWithFile } from "./open.ts";
import { run } from "./process.ts";

export interface RunningContainer {
  readonly id: string;
  /** The loopback port that this port of it is published on. */
  port(inside: number): Promise<number>;
  /** What a command in it writes. */
  exec(...command: string[]): Promise<string>;
  inspect(format: string): Promise<string>;
  log(): Promise<string>;
  /** Resolves with what HEALTHCHECK judges for the first time: healthy or unhealthy. */
  health(): Promise<string>;
  stop(): Promise<void>;
  /** Resolves with its exit code. */
  ended(): Promise<number>;
}

export function docker(...args: string[]): Promise<string> {
  return run({ program: "docker", args }).then((output) => output.trim());
}

/** Removed with its anonymous volumes at the end of the test file. */
export async function runContainer(
  args: string[],
  image: string,
  ...command: string[]
): Promise<RunningContainer> {
  const id = await docker("create", ...args, image, ...command);
  const strikeOff = keep("container", id);
  closeWithFile({
    async [Symbol.asyncDispose]() {
      await docker("rm", "--force", "--volumes", id);
      strikeOff();
    },
  });
  await docker("start", id);
  const inspect = (format: string): Promise<string> => docker("inspect", "--format", format, id);
  return {
    id,
    inspect,
    async port(inside) {
      const [address] = (await docker("port", id, `${inside}/tcp`)).split("\n");
      return Number(address?.split(":").at(-1));
    },
    exec: (...inner) => docker("exec", id, ...inner),
    log: () => run({ program: "sh", args: ["-c", `docker logs ${id} 2>&1`] }),
    health: () => firstHealth(id),
    async stop() {
      await docker("stop", id);
    },
    ended: async () => Number(await docker("wait", id)),
  };
}

async function firstHealth(id: string): Promise<string> {
  const filters = ["--filter", `container=${id}`, "--filter", "event=health_status"];
  const args = ["events", "--since", "0", ...filters, "--format", "{{.Status}}"];
  const events = spawn("docker", args, { stdio: ["ignore", "pipe", "ignore"] });
  const release = keep("process", events.pid!);
  try {
    for await (const line of createInterface({ input: events.stdout })) return line.replace(/.*: /, "");
    throw new Error(`${id} was never judged`);
  } finally {
    events.kill();
    release();
  }
}

/** A named volume; removed at the end of the test file, behind the containers that use it. */
export async function namedVolume(name: string): Promise<string> {
  await docker("volume", "create", name);
  closeWithFile({ [Symbol.asyncDispose]: async () => void (await docker("volume", "rm", "--force", name)) });
  return name;
}
