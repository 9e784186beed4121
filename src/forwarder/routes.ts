/** Which topics a record goes to: its stream's, and those of the projections that have events of its type. */
import type { Stream } from "../events/streams.ts";
import type { JournalRecord } from "../journal/record.ts";
import { typeOf } from "./envelope.ts";
import { asEvent, type Form, type Projection, projected } from "./form.ts";
import type { Topic } from "./topic.ts";

export interface RoutesParts {
  readonly projections: readonly Projection[];
  readonly goesTo: ((record: JournalRecord, topic: string) => boolean) | undefined;
  /** The topic of a stream's events; streams may share one. */
  readonly nameOf: (stream: Stream) => string;
  /** Called once for each topic, with the name of a projection's, or of one of the streams that share it. */
  readonly open: (name: string, form: Form) => Topic;
}

export class Routes {
  /** Every topic, projections included. */
  readonly all: Topic[];
  readonly #open: RoutesParts["open"];
  readonly #goesTo: RoutesParts["goesTo"];
  readonly #nameOf: RoutesParts["nameOf"];
  readonly #events = new Map<Stream, Topic>();
  readonly #projections: readonly (Projection & { readonly opened: Topic })[];
  /** By stream, or by type where there are projections; made once each. */
  readonly #routes = new Map<string, readonly Topic[]>();

  constructor({ projections, goesTo, nameOf, open }: RoutesParts) {
    this.#open = open;
    this.#nameOf = nameOf;
    this.#goesTo = goesTo;
    this.#projections = projections.map((one) => ({ ...one, opened: open(one.topic, projected(one)) }));
    this.all = this.#projections.map(({ opened }) => opened);
  }

  /** Topics of the events themselves. */
  get events(): Iterable<Topic> {
    return new Set(this.#events.values());
  }

  /** Also for a stream that only an older journal knows. */
  eventsOf(stream: Stream): Topic {
    const known = this.#events.get(stream);
    if (known !== undefined) return known;
    const name = this.#nameOf(stream);
    // One lane a partition, whatever shares it: with two, its numbers would overtake each other.
    const shared = [...this.#events].find(([other]) => this.#nameOf(other) === name)?.[1];
    const topic = shared ?? this.#open(stream, asEvent);
    this.#events.set(stream, topic);
    if (shared === undefined) this.all.push(topic);
    return topic;
  }

  of(record: JournalRecord): readonly Topic[] {
    return this.#goesTo === undefined ? this.#allOf(record) : this.#someOf(record, this.#goesTo);
  }

  #allOf({ stream, event }: JournalRecord): readonly Topic[] {
    const type = this.#projections.length === 0 ? "" : typeOf(event);
    const route = type === "" ? stream : `${stream} ${type}`;
    const known = this.#routes.get(route);
    if (known !== undefined) return known;
    const projections = this.#projections.filter(({ has }) => has(type));
    const topics = [this.eventsOf(stream), ...projections.map(({ opened }) => opened)];
    this.#routes.set(route, topics);
    return topics;
  }

  #someOf(record: JournalRecord, goesTo: (record: JournalRecord, topic: string) => boolean): Topic[] {
    const own = goesTo(record, record.stream) ? [this.eventsOf(record.stream)] : [];
    return [
      ...own,
      ...this.#projections.filter(({ topic }) => goesTo(record, topic)).map(({ opened }) => opened),
    ];
  }
}
