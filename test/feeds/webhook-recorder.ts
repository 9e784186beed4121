/**
 * A receiver of webhooks that takes what follows both CloudEvents' HTTP binding and Standard Webhooks, and answers all
 * else with a refusal, which it remembers. A request with one event that it refuses is refused whole.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { HTTP } from "cloudevents";
import { type Answer, type Asked, Sink } from "./sink.ts";

export interface Received {
  /** The header, which a receiver tells repetitions by. */
  readonly webhookId: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it is about
  readonly events: readonly any[];
  /** Of the one event, when it came alone. */
  readonly text: string;
}

const toleranceS = 5 * 60;
const one = "application/cloudevents+json; charset=utf-8";
const many = "application/cloudevents-batch+json; charset=utf-8";

export class WebhookRecorder {
  readonly sink: Sink;
  readonly secret = `whsec_${randomBytes(24).toString("base64")}`;
  readonly received: Received[] = [];
  /** Why requests were refused, in their order. */
  readonly refusals: string[] = [];
  refuses: (event: { id: string }) => boolean = () => false;

  private constructor(sink: Sink) {
    this.sink = sink;
  }

  static async start(): Promise<WebhookRecorder> {
    const sink = await Sink.start((asked) => recorder.#answer(asked));
    const recorder = new WebhookRecorder(sink);
    return recorder;
  }

  get ids(): string[] {
    return this.received.flatMap(({ events }) => events.map(({ id }) => id));
  }

  #answer(asked: Asked): Answer {
    const refuse = (status: number, why: string): Answer => {
      this.refusals.push(why);
      return { status, body: why };
    };
    const { method, path, headers } = asked;
    if (method !== "POST" || path !== "/hook") return refuse(404, "nothing here");
    if (!this.#isSigned(asked)) return refuse(401, "not signed with the secret");
    const type = headers["content-type"];
    if (type !== one && type !== many) return refuse(415, "no CloudEvents");
    const text = asked.body.toString();
    let events: { id: string }[];
    try {
      const parsed = HTTP.toEvent({ headers: { "content-type": type }, body: text });
      events = (Array.isArray(parsed) ? parsed : [parsed]) as { id: string }[];
      for (const event of events) (event as unknown as { validate(): void }).validate();
    } catch (error) {
      return refuse(400, `not what CloudEvents says: ${error}`);
    }
    const webhookId = String(headers["webhook-id"]);
    if (type === one && webhookId !== events[0]?.id) return refuse(400, "another id than the event's");
    if (events.some((event) => this.refuses(event))) return refuse(422, "an event that is not wanted");
    const plain = JSON.parse(text);
    this.received.push({ webhookId, text, events: Array.isArray(plain) ? plain : [plain] });
    return { status: 204 };
  }

  #isSigned({ headers, body }: Asked): boolean {
    const [id, at, signature] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`]);
    if (!/^\d+$/.test(String(at)) || Math.abs(Date.now() / 1000 - Number(at)) > toleranceS) return false;
    const key = Buffer.from(this.secret.replace("whsec_", ""), "base64");
    const expected = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64");
    const [given, own] = [Buffer.from(String(signature)), Buffer.from(`v1,${expected}`)];
    return given.length === own.length && timingSafeEqual(given, own);
  }
}
