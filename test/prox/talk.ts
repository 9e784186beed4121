/** Speaks to the socket in bytes, as prox does, with whatever mistakes a test wants. */
import { connect, type Socket } from "node:net";
import { FrameReader } from "../../src/prox/frames.ts";

export class Talk {
  readonly socket: Socket;
  /** Bodies of the answers so far. */
  readonly answers: Buffer[] = [];
  /** Resolves when the other side has ended the connection, or it broke. */
  readonly ended: Promise<void>;
  #waiting: (() => void)[] = [];

  static async to(path: string): Promise<Talk> {
    const socket = connect({ path, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Talk(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    const frames = new FrameReader();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    socket.on("data", (piece) => {
      this.answers.push(...frames.read(piece).frames.map((frame) => Buffer.from(frame)));
      for (const waiter of this.#waiting.splice(0)) waiter();
    });
    socket.on("error", () => {});
    for (const name of ["end", "close"]) socket.on(name, () => resolve());
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The answers once there are this many; fails when the other side ends before. */
  async take(count: number): Promise<readonly Buffer[]> {
    while (this.answers.length < count) {
      const more = new Promise<"more">((resolve) => this.#waiting.push(() => resolve("more")));
      const came = await Promise.race([more, this.ended]);
      if (came !== "more" && this.answers.length < count) {
        throw new Error(`ended with ${this.answers.length} of ${count} answers`);
      }
    }
    return this.answers;
  }
}
