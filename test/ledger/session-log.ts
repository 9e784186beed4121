/** A topic log in which a bridge tells of user sessions, as it does: what is derived right behind its op. */
import { v5 as uuidV5 } from "uuid";
import { endId } from "../../src/events/ids.ts";
import { startMs, TopicLog, type Written } from "./topic-log.ts";

const namespace = "0b4d9c58-3d60-4d5b-9d27-3a52f3c2f7a1";

interface Told {
  readonly startedMs?: number;
  /** Under this number, and not the next one. */
  readonly sequence?: number;
  readonly ms?: number;
}

export class SessionLog extends TopicLog {
  readonly topic: string;

  constructor(instance = "i-1", topic = "user-sessions") {
    super(instance);
    this.topic = topic;
  }

  /** The id of a session, by its name in a test. */
  static idOf(name: string): string {
    return uuidV5(`start ${name}`, namespace);
  }

  started(name: string, about: Told = {}): Written {
    const id = SessionLog.idOf(name);
    return this.#tell("started", id, { session: { id, key: keyOf(name) }, content: {} }, about);
  }

  /** Refused at once, or `after` its start was told. */
  refused(name: string, after = false): Written {
    const id = uuidV5(`refused ${name}`, namespace);
    const supersedes = after ? SessionLog.idOf(name) : undefined;
    return this.#tell(
      "refused",
      id,
      { session: { id: null, key: keyOf(name) }, content: {} },
      {},
      supersedes,
    );
  }

  /** What prox lets in, and is refused after all where it could not be recorded: nothing ends it. */
  admitted(name: string, overridden: boolean): Written {
    const data = { protocol: "prox", session: { id: SessionLog.idOf(name), key: keyOf(name) }, content: {} };
    const admitted = this.#tell("admitted", SessionLog.idOf(name), data, {});
    const id = uuidV5(`refused ${name}`, namespace);
    return overridden ? this.#tell("refused", id, data, {}, SessionLog.idOf(name)) : admitted;
  }

  /** @param of null when it belongs to no session */
  closed(close: string, of: string | null = close, about: Told = {}): Written {
    const session = { id: of === null ? null : SessionLog.idOf(of), key: keyOf(close) };
    // What frps wrote into it stands behind.
    return this.#tell(
      "closed",
      closeId(close),
      { session, content: { session: { id: "x", key: "y" } } },
      about,
    );
  }

  /** @param close null when it is not by a close */
  ended(name: string, close: string | null = name, about: Told = {}): Written {
    return this.#end(name, { inferred: false, close: close === null ? null : closeId(close) }, about);
  }

  /** Announced behind an inferred end. */
  endedLate(name: string, about: Told = {}): Written {
    return this.#end(name, { inferred: false, close: closeId(name), late: true }, about);
  }

  inferred(name: string, about: Told = {}): Written {
    return this.#end(name, { inferred: true, close: null }, about);
  }

  /** From start to announced end. */
  whole(name: string): Written[] {
    return [this.started(name), this.closed(name), this.ended(name)];
  }

  #end(
    name: string,
    { inferred, close, late = false }: { inferred: boolean; close: string | null; late?: boolean },
    about: Told,
  ): Written {
    const session = SessionLog.idOf(name);
    const data = {
      node: 'an "end":{"reason":"x","inferred":true,"closedBy":null}',
      session: { id: session, key: keyOf(name) },
      startedAt: new Date(about.startedMs ?? startMs + 2000).toISOString(),
      end: {
        reason: close === null ? "overridden" : "closed",
        inferred,
        notBefore: new Date(startMs).toISOString(),
        notAfter: null,
        closedBy: close,
      },
      pairing: "exact",
    };
    return this.#tell(
      "ended",
      endId(session, inferred),
      data,
      about,
      late ? endId(session, true) : undefined,
    );
  }

  #tell(type: string, id: string, data: object, { sequence, ms }: Told, supersedes?: string): Written {
    const about = { type: `sluice.session.${type}`, id, data, ...(supersedes && { supersedes }) };
    return this.write(this.topic, { ...about, ...(sequence && { sequence }), ...(ms && { ms }) });
  }
}

function keyOf(name: string): string {
  return uuidV5(`key ${name}`, namespace);
}

function closeId(name: string): string {
  return uuidV5(`close ${name}`, namespace);
}
