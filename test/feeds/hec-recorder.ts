/**
 * Splunk's HTTP Event Collector, as strict as its documentation lets it be: what is not of the documented shape is
 * refused with the documented code, and remembered as a refusal.
 *
 * As Splunk does, it indexes the events of a request that stand before the one it refuses.
 */
import { concatenatedObjects } from "./concatenated-json.ts";
import { type Answer, type Asked, decoded, Sink } from "./sink.ts";

export interface HecEvent {
  readonly time: number;
  readonly host: string;
  readonly source: string;
  readonly sourcetype: string;
  readonly index?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it is about
  readonly event: any;
  readonly fields: Readonly<Record<string, unknown>>;
}

const path = "/services/collector/event";
const keys = ["time", "host", "source", "sourcetype", "index", "event", "fields"];
const texts = ["host", "source", "sourcetype", "index"] as const;
/** 2020 to 2100, in seconds: milliseconds are far beyond. */
const [earliest, latest] = [1_577_836_800, 4_102_444_800];

const codes = {
  success: [200, 0, "Success"],
  tokenRequired: [401, 2, "Token is required"],
  invalidAuthorization: [401, 3, "Invalid authorization"],
  invalidToken: [403, 4, "Invalid token"],
  noData: [400, 5, "No data"],
  invalidFormat: [400, 6, "Invalid data format"],
  incorrectIndex: [400, 7, "Incorrect index"],
  busy: [503, 9, "Server is busy"],
  eventRequired: [400, 12, "Event field is required"],
  eventBlank: [400, 13, "Event field cannot be blank"],
  badFields: [400, 15, "Error in handling indexed fields"],
} as const;

type Verdict = keyof typeof codes;

export class HecRecorder {
  readonly sink: Sink;
  readonly token = "5ecb1e0c-6a1a-4f5c-9d2f-0c6a7d0f3b11";
  /** Indexes that the token may write to. */
  readonly indexes = new Set(["sluice"]);
  readonly events: HecEvent[] = [];
  /** Verdicts other than success, in their order. */
  readonly refusals: Verdict[] = [];
  /** Refuses what it holds for, as it does what it can't parse. */
  refuses: (event: HecEvent) => boolean = () => false;
  takesToken = true;

  private constructor(sink: Sink) {
    this.sink = sink;
  }

  static async start(): Promise<HecRecorder> {
    const sink = await Sink.start((asked) => recorder.#answer(asked));
    const recorder = new HecRecorder(sink);
    return recorder;
  }

  static readonly busy: Answer = answerOf("busy");

  get ids(): string[] {
    return this.events.map(({ event }) => event.id);
  }

  #answer(asked: Asked): Answer {
    if (asked.path !== path) return { status: 404 };
    if (asked.method !== "POST") return { status: 405 };
    const verdict = this.#verdict(asked);
    if (verdict !== "success") this.refusals.push(verdict);
    return answerOf(verdict);
  }

  #verdict(asked: Asked): Verdict {
    const { authorization } = asked.headers;
    if (authorization === undefined) return "tokenRequired";
    if (!/^Splunk \S+$/.test(authorization)) return "invalidAuthorization";
    if (!this.takesToken || authorization !== `Splunk ${this.token}`) return "invalidToken";
    const text = decoded(asked);
    if (text === undefined) return "invalidFormat";
    if (text.trim() === "") return "noData";
    let objects: Record<string, unknown>[];
    try {
      objects = concatenatedObjects(text);
    } catch {
      return "invalidFormat";
    }
    for (const object of objects) {
      const verdict = this.#verdictOn(object);
      if (verdict !== "success") return verdict;
      this.events.push(object as unknown as HecEvent);
    }
    return "success";
  }

  #verdictOn(object: Record<string, unknown>): Verdict {
    const { time, event, fields = {}, index } = object;
    if (Object.keys(object).some((key) => !keys.includes(key))) return "invalidFormat";
    if (event === undefined || event === null) return "eventRequired";
    if (event === "") return "eventBlank";
    if (typeof time !== "number" || time < earliest || time > latest) return "invalidFormat";
    if (texts.some((key) => key in object && (typeof object[key] !== "string" || object[key] === "")))
      return "invalidFormat";
    if (!isFlat(fields)) return "badFields";
    if (index !== undefined && !this.indexes.has(index as string)) return "incorrectIndex";
    return this.refuses(object as unknown as HecEvent) ? "invalidFormat" : "success";
  }
}

function answerOf(verdict: Verdict): Answer {
  const [status, code, text] = codes[verdict];
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify({ text, code }) };
}

/** Fields hold texts, numbers or lists of texts. */
function isFlat(fields: unknown): boolean {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return false;
  const isText = (value: unknown): boolean => typeof value === "string";
  return Object.values(fields).every(
    (value) => isText(value) || typeof value === "number" || (Array.isArray(value) && value.every(isText)),
  );
}
