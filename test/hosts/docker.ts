import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ContainerRuntimeClient, GenericContainer, StartedNetwork } from "testcontainers";
import { keep } from "./keeper.ts";
import { Log } from "./log.ts";
import { closeWithFile } from "./open.ts";
import type { Server } from "./server.ts";

type Container = ReturnType<ContainerRuntimeClient["container"]["getById"]>;

/**
 * Testcontainers takes most of a second to load, so only who finds an engine loads it. Its own reaper is an image
 * that may not be had; ours is the keeper.
 */
export async function engine(): Promise<ContainerRuntimeClient> {
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= "true";
  const { getContainerRuntimeClient } = await import("testcontainers");
  return getContainerRuntimeClient();
}

export async function engineAnswers(): Promise<boolean> {
  if (!mayHaveEngine()) return false;
  return engine().then(
    () => true,
    () => false,
  );
}

function mayHaveEngine(): boolean {
  const sockets = ["/var/run/docker.sock", join(homedir(), ".docker/run/docker.sock")];
  if (process.env.XDG_RUNTIME_DIR) sockets.push(join(process.env.XDG_RUNTIME_DIR, "docker.sock"));
  return process.env.DOCKER_HOST !== undefined || process.platform === "win32" || sockets.some(existsSync);
}

export interface ContainerOptions {
  image: string;
  command: string[];
  /** The ports inside and the loopback ports they are published on, which stay the same over a stop. */
  publish: { inside: number; port: number }[];
  /** Files to put into the container before it starts: path and text. */
  files?: { target: string; content: string }[];
  network?: { network: StartedNetwork; alias: string };
  /** The line that says that it takes connections. */
  ready: RegExp;
  readyWithinMs: number;
}

/** A container as a server. Pausing freezes all its processes; the engine stops one with SIGTERM, as we do. */
export class DockerServer implements Server {
  readonly log = new Log();
  readonly #options: ContainerOptions;
  #container: Container | undefined;
  #strikeOff = (): void => {};

  constructor(options: ContainerOptions) {
    this.#options = options;
    closeWithFile(this);
  }

  async start(): Promise<void> {
    const from = this.log.lines.length;
    const sinceSeconds = Date.now() / 1000;
    if (this.#container) await this.#container.start();
    else await this.#create();
    const { ended } = await this.#follow(sinceSeconds);
    const { ready, readyWithinMs } = this.#options;
    await this.log.saw(ready, { timeoutMs: readyWithinMs, from, unless: ended });
  }

  async stop(): Promise<void> {
    await this.resume();
    await this.#running().stop({ t: 10 });
  }

  async kill(): Promise<void> {
    await this.resume();
    await this.#running().kill({ signal: "SIGKILL" });
    await this.#running().wait();
  }

  async pause(): Promise<void> {
    await this.#running().pause();
  }

  async resume(): Promise<void> {
    const { State } = await this.#running().inspect();
    if (State.Paused) await this.#running().unpause();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async close(): Promise<void> {
    await this.#container?.remove({ force: true, v: true });
    this.#container = undefined;
    this.#strikeOff();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #running(): Container {
    if (!this.#container) throw new Error("was never started");
    return this.#container;
  }

  async #create(): Promise<void> {
    const { GenericContainer, Wait } = await import("testcontainers");
    const { image, command, publish, files, network } = this.#options;
    const { container } = await engine();
    const listed = (id: string): void => {
      this.#container = container.getById(id);
      this.#strikeOff = keep("container", id);
    };
    /** Published on loopback alone, and known to the keeper before it runs, so that none is left behind. */
    class OwnContainer extends GenericContainer {
      protected override async beforeContainerCreated(): Promise<void> {
        const bindings = Object.values(this.hostConfig.PortBindings ?? {}) as { HostIp?: string }[][];
        for (const binding of bindings.flat()) binding.HostIp = "127.0.0.1";
      }

      protected override async containerCreated(id: string): Promise<void> {
        listed(id);
      }
    }
    const recipe: GenericContainer = new OwnContainer(image)
      .withCommand(command)
      .withExposedPorts(...publish.map(({ inside, port }) => ({ container: inside, host: port })))
      .withCopyContentToContainer(files ?? [])
      .withAutoCleanup(false)
      .withWaitStrategy(Wait.forLogMessage(this.#options.ready))
      .withStartupTimeout(this.#options.readyWithinMs);
    if (network) recipe.withNetwork(network.network).withNetworkAliases(network.alias);
    await recipe.start().catch(async (error) => {
      await this.#container?.kill().catch(() => {});
      if (this.#container) await (await this.#follow(0)).ended;
      throw new Error(`${image} did not start:\n${this.log.tail()}`, { cause: error });
    });
  }

  /** Adds what it writes to the log; the promise inside settles when it has ended. */
  async #follow(sinceSeconds: number): Promise<{ ended: Promise<void> }> {
    const { container } = await engine();
    const output = await container.logs(this.#running(), { since: sinceSeconds });
    createInterface({ input: output }).on("line", (line) => this.log.add(line));
    return { ended: new Promise((resolve) => output.once("close", resolve)) };
  }
}
