/**
 * A bucket of an S3-compatible store with path-style addresses: it takes objects whose body has the hash and whose
 * request the key that were agreed, and refuses all else. It does not check the signature itself.
 */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { type Answer, type Asked, Sink } from "./sink.ts";

export class BucketRecorder {
  readonly sink: Sink;
  readonly bucket = "events";
  readonly keyId = "AKIDSLUICE";
  /** By key; an object put again replaces the one before. */
  readonly objects = new Map<string, Buffer>();
  readonly refusals: string[] = [];

  private constructor(sink: Sink) {
    this.sink = sink;
  }

  static async start(): Promise<BucketRecorder> {
    const sink = await Sink.start((asked) => recorder.#answer(asked));
    const recorder = new BucketRecorder(sink);
    return recorder;
  }

  /** The lines of an object. */
  linesOf(key: string): string[] {
    const text = gunzipSync(this.objects.get(key)!).toString();
    return text.split("\n").filter((line) => line !== "");
  }

  get ids(): string[] {
    return [...this.objects.keys()].flatMap((key) => this.linesOf(key).map((line) => JSON.parse(line).id));
  }

  #answer({ method, path, headers, body }: Asked): Answer {
    const refuse = (status: number, code: string): Answer => {
      this.refusals.push(code);
      return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code></Error>` };
    };
    const [, bucket, ...rest] = decodeURIComponent(path).split("/");
    if (method !== "PUT" || rest.length === 0) return refuse(405, "MethodNotAllowed");
    if (bucket !== this.bucket) return refuse(404, "NoSuchBucket");
    const credential = `AWS4-HMAC-SHA256 Credential=${this.keyId}/`;
    if (!headers.authorization?.startsWith(credential)) return refuse(403, "InvalidAccessKeyId");
    const hash = createHash("sha256").update(body).digest("hex");
    if (headers["x-amz-content-sha256"] !== hash) return refuse(400, "XAmzContentSHA256Mismatch");
    this.objects.set(rest.join("/"), body);
    return { status: 200, headers: { etag: `"${hash.slice(0, 32)}"` } };
  }
}
