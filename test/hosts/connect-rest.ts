import { setTimeout as pause } from "node:timers/promises";

const LOOK_EVERY_MS = 50;

export interface ConnectorStatus {
  readonly connector: { readonly state: string; readonly trace?: string };
  readonly tasks: readonly { readonly id: number; readonly state: string; readonly trace?: string }[];
}

/** A Connect worker's REST port. */
export class ConnectRest {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Makes a connector, or gives it another configuration. */
  async put(name: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.#ask("PUT", `${name}/config`, config);
  }

  status(name: string): Promise<ConnectorStatus> {
    return this.#ask("GET", `${name}/status`) as Promise<ConnectorStatus>;
  }

  async restart(name: string): Promise<void> {
    await this.#ask("POST", `${name}/restart?includeTasks=true&onlyFailed=true`);
  }

  /** Its tasks end; it stays, with its offsets. */
  async stop(name: string): Promise<void> {
    await this.#ask("PUT", `${name}/stop`);
  }

  async resume(name: string): Promise<void> {
    await this.#ask("PUT", `${name}/resume`);
  }

  async remove(name: string): Promise<void> {
    await this.#ask("DELETE", name);
  }

  /** Of a stopped connector: with which offset of a partition it goes on. */
  async moveTo(name: string, topic: string, partition: number, offset: number): Promise<void> {
    const moved = {
      partition: { kafka_topic: topic, kafka_partition: partition },
      offset: { kafka_offset: offset },
    };
    await this.#ask("PATCH", `${name}/offsets`, { offsets: [moved] });
  }

  /** Resolves when the connector and its tasks, of which there is one at least, are in this state. */
  async sawTasks(name: string, state: string, timeoutMs = 30_000): Promise<ConnectorStatus> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const status = await this.status(name).catch(() => undefined);
      if (status?.tasks.length && status.tasks.every((task) => task.state === state)) return status;
      if (deadline.aborted)
        throw new Error(`${name} was not ${state} within ${timeoutMs} ms: ${JSON.stringify(status)}`);
      await pause(LOOK_EVERY_MS);
    }
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}/connectors/${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }
}
