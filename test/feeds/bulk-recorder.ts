/**
 * The bulk interface of OpenSearch and Elasticsearch, as far as the sink uses it: it keeps documents by index and id,
 * answers for each by itself, and refuses a request that is not of the documented shape.
 */
import { type Answer, type Asked, Sink } from "./sink.ts";

export interface Document {
  readonly index: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it is about
  readonly source: any;
}

/** What becomes of one document instead of being kept. */
export interface ItemError {
  readonly status: number;
  readonly type: string;
  readonly reason: string;
}

export class BulkRecorder {
  readonly sink: Sink;
  readonly password = "hunter-of-documents";
  /** By index and id. */
  readonly documents = new Map<string, Document>();
  /** How often a document was written that was there already. */
  repeated = 0;
  readonly refusals: string[] = [];
  refuses: (document: Document) => ItemError | undefined = () => undefined;

  private constructor(sink: Sink) {
    this.sink = sink;
  }

  static async start(): Promise<BulkRecorder> {
    const sink = await Sink.start((asked) => recorder.#answer(asked));
    const recorder = new BulkRecorder(sink);
    return recorder;
  }

  get ids(): string[] {
    return [...this.documents.values()].map(({ id }) => id);
  }

  #answer({ method, path, headers, body }: Asked): Answer {
    const answer = (status: number, value: unknown): Answer => ({
      status,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value),
    });
    const refuse = (status: number, type: string): Answer => {
      this.refusals.push(type);
      return answer(status, { error: { type, reason: type }, status });
    };
    if (method !== "POST" || path !== "/_bulk") return refuse(405, "method_not_allowed");
    const basic = Buffer.from(`sluice:${this.password}`).toString("base64");
    if (headers.authorization !== `Basic ${basic}`) return refuse(401, "security_exception");
    const lines = body.toString().split("\n");
    if (lines.pop() !== "" || lines.length % 2 !== 0) return refuse(400, "illegal_argument_exception");
    const items: unknown[] = [];
    for (let at = 0; at < lines.length; at += 2) {
      const { index: target } = JSON.parse(lines[at]!) as { index?: { _index?: string; _id?: string } };
      if (!target?._index || !target._id) return refuse(400, "action_request_validation_exception");
      const document = { index: target._index, id: target._id, source: JSON.parse(lines[at + 1]!) };
      items.push({ index: { _index: document.index, _id: document.id, ...this.#keep(document) } });
    }
    const errors = items.some((item) => JSON.stringify(item).includes('"error"'));
    return answer(200, { took: 1, errors, items });
  }

  #keep(document: Document): Record<string, unknown> {
    const error = this.refuses(document);
    if (error) return { status: error.status, error: { type: error.type, reason: error.reason } };
    const key = `${document.index}/${document.id}`;
    const isThere = this.documents.has(key);
    if (isThere) this.repeated += 1;
    this.documents.set(key, document);
    return isThere ? { status: 200, result: "updated" } : { status: 201, result: "created" };
  }
}
