import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { run } from "./process.ts";
import { redpandaConnectProgram } from "./redpanda-connect-program.ts";
import { NativeServer } from "./server.ts";

const READY_WITHIN_MS = 60_000;
const GRACE_MS = 20_000;

/** A configuration of connectors/, such as `splunk-hec/redpanda-connect.yaml`. */
export const connectorFile = (config: string): string =>
  fileURLToPath(new URL(`../../connectors/${config}`, import.meta.url));

/** Redpanda Connect with one configuration. It has started when it says by itself that it is ready. */
class RedpandaConnect extends NativeServer {
  /** Without a slash at its end. */
  url = "";

  override async start(): Promise<void> {
    await super.start();
    const deadline = AbortSignal.timeout(READY_WITHIN_MS);
    while (!(await this.#isReady())) {
      if (deadline.aborted) throw new Error(`not ready within ${READY_WITHIN_MS} ms:\n${this.log.tail()}`);
      await pause(50);
    }
  }

  async #isReady(): Promise<boolean> {
    return fetch(`${this.url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

export async function startRedpandaConnect(
  config: string,
  env: Readonly<Record<string, string>>,
): Promise<RedpandaConnect> {
  const program = await redpandaConnectProgram();
  const [folder, port] = [await temporaryFolder("redpanda-connect"), await freePort()];
  const address = `127.0.0.1:${port}`;
  const server = new RedpandaConnect({
    command: {
      program,
      args: ["run", connectorFile(config)],
      cwd: folder.path,
      env: { HTTP_ADDRESS: address, ...env },
    },
    ready: /Listening for HTTP requests at/,
    readyWithinMs: READY_WITHIN_MS,
    graceMs: GRACE_MS,
    folder,
  });
  server.url = `http://${address}`;
  await server.start();
  return server;
}

/** What the engine finds wrong with a configuration, or nothing; `file` may lie anywhere. */
export async function lint(file: string, env: Readonly<Record<string, string>>): Promise<string> {
  const command = { program: await redpandaConnectProgram(), args: ["lint", "--deprecated", file], env };
  return run(command).catch((error: Error) => error.message);
}
