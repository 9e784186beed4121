import { setTimeout as pause } from "node:timers/promises";

const LOOK_EVERY_MS = 50;
const SEEN_WITHIN_MS = 60_000;

interface ConnectorStatus {
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

  /** Resolves when its tasks have ended; it stays, with its offsets. */
  async stop(name: string): Promise<void> {
    await this.#ask("PUT", `${name}/stop`);
    await this.#saw(name, ({ connector, tasks }) => connector.state === "STOPPED" && tasks.length === 0);
  }

  async resume(name: string): Promise<void> {
    await this.#ask("PUT", `${name}/resume`);
  }

  /** Of a stopped connector: with which offset of a partition it goes on. */
  async moveTo(name: string, topic: string, partition: number, offset: number): Promise<void> {
    const moved = {
      partition: { kafka_topic: topic, kafka_partition: partition },
      offset: { kafka_offset: offset },
    };
    await this.#ask("PATCH", `${name}/offsets`, { offsets: [moved] });
  }

  /** Resolves when its tasks, of which there is one at least, have failed. */
  sawFailed(name: string): Promise<ConnectorStatus> {
    return this.#saw(name, ({ tasks }) => tasks.length > 0 && tasks.every(({ state }) => state === "FAILED"));
  }

  async #saw(name: string, is: (status: ConnectorStatus) => boolean): Promise<ConnectorStatus> {
    const deadline = AbortSignal.timeout(SEEN_WITHIN_MS);
    for (;;) {
      const status = await this.status(name);
      if (is(status)) return status;
      if (deadline.aborted) throw new Error(`${name} is still ${JSON.stringify(status)}`);
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
