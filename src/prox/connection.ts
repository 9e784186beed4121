/**
 * One of the connections that prox asks over.
 *
 *   reading ──a piece──▶ answering its frames ──▶ reading
 *      │                     └── one that is no call, or of a hook nobody knows, or end() ──▶ ending ──▶ closed
 *      └── prox ends it, or end() ──▶ ending ──▶ closed
 *
 * Guarantees
 *   - One call at a time is decided, in the order of arrival, and answered before the next; also when they come in one
 *     piece. What takes no answer (on_disconnect) holds up nothing behind it.
 *   - Nothing is read while a piece is being answered, so that memory holds one piece and one frame.
 *   - What has come whole is answered before the connection ends.
 */
import type { Socket } from "node:net";
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import { fingerprint, type MalformedReport } from "../malformed.ts";
import type { Answer, Op } from "../op.ts";
import { answerTo } from "./answers.ts";
import { readEnvelope } from "./envelope.ts";
import { FrameReader, frameOf } from "./frames.ts";
import { opOf } from "./ops.ts";

export interface HookParts {
  /** The name of the prox. */
  readonly node: string;
  /** Longest wait for the record of a call, in milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly handle: (op: Op, deadlineMs: number) => Promise<Answer>;
  readonly malformed: (report: MalformedReport) => void;
  /** A call could not be answered at all; its connection is closed, which prox takes for a refusal. */
  readonly failed: (problem: string, op?: Op) => void;
}

export class Connection {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #parts: HookParts;
  readonly #frames = new FrameReader();
  #answering = false;
  #ending = false;

  /** @param socket that may be half open: prox may end its side before it has its answer */
  constructor(socket: Socket, parts: HookParts) {
    this.#socket = socket;
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on("data", (piece: Buffer) => void this.#answerAll(piece));
    socket.on("end", () => this.#end());
    // "close" follows, and tells the rest.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#end();
      resolve();
    });
  }

  /** Answers what has come whole, and ends. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#answering) this.#socket.destroySoon();
  }

  cut(): void {
    this.#ending = true;
    this.#socket.destroy();
  }

  /** prox has ended it. */
  #end(): void {
    if (this.#ending) return;
    const { partial } = this.#frames;
    if (partial.length > 0) this.#report("cut_off", partial);
    this.end();
  }

  async #answerAll(piece: Buffer): Promise<void> {
    if (this.#ending) return;
    this.#answering = true;
    this.#socket.pause();
    try {
      await this.#answerFrames(piece);
    } catch (thrown) {
      this.#parts.failed(textOf(thrown));
      this.#ending = true;
    }
    this.#answering = false;
    if (this.#ending) this.#socket.destroySoon();
    else this.#socket.resume();
  }

  async #answerFrames(piece: Buffer): Promise<void> {
    const { frames, tooLarge } = this.#frames.read(piece);
    const told: Promise<void>[] = [];
    try {
      for (const frame of frames) {
        if (!(await this.#answer(frame, told))) {
          this.#ending = true;
          return;
        }
      }
    } finally {
      await Promise.all(told);
    }
    if (tooLarge === null) return;
    this.#report("too_large", tooLarge);
    this.#ending = true;
  }

  /**
   * @param told where what need not be waited for is put
   * @returns whether the connection can go on
   */
  async #answer(frame: Buffer, told: Promise<void>[]): Promise<boolean> {
    const { node, deadlineMs, clock, handle, failed } = this.#parts;
    const envelope = readEnvelope(frame);
    if (envelope.kind === "malformed") {
      this.#report(envelope.reason, frame);
      return false;
    }
    const op = opOf(envelope, { node, atMs: clock.now() });
    const handled = handle(op, deadlineMs);
    if (envelope.kind === "hook" && envelope.hook === "on_disconnect") {
      told.push(
        handled.then(
          () => {},
          (thrown) => failed(textOf(thrown), op),
        ),
      );
      return true;
    }
    const answer = await this.#answerOr(handled, op);
    if (answer === null) return false;
    // What would be an answer to a hook that nobody knows?
    if (envelope.kind === "unknown") return false;
    const came = envelope.hook === "on_request" ? envelope.payload.h : null;
    const body = answerTo(envelope.hook, answer, came ?? {});
    if (body !== null) await this.#write(frameOf(body));
    return true;
  }

  /** Null where there is none, which has been told. */
  async #answerOr(handled: Promise<Answer>, op: Op): Promise<Answer | null> {
    try {
      return await handled;
    } catch (thrown) {
      this.#parts.failed(textOf(thrown), op);
      return null;
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#socket.write(bytes) || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("drain", resolve);
      void this.closed.then(resolve);
    });
  }

  #report(reason: MalformedReport["reason"], bytes: Buffer): void {
    this.#parts.malformed({ node: this.#parts.node, reason, peer: null, ...fingerprint(bytes) });
  }
}
