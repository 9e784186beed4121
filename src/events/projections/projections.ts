/**
 * The projections that a bridge may publish beside its events: from an event's record to what goes onto a topic of
 * its own, under the same key and id. All are pure, so that a record sent again has the same bytes.
 */
import type { SluiceEvent } from "../schema.ts";
import type { ConnectRow, ConnectSchema } from "./columns.ts";
import { toEcs } from "./ecs.ts";
import { flatSchema, toFlat } from "./flat.ts";
import { flatSessionSchema, isSessionType, toFlatSession } from "./flat-sessions.ts";
import type { ProjectionName } from "./names.ts";
import { toOcsf } from "./ocsf.ts";

/** What a sink that was away for a while still finds. */
const retentionDays = 7;

export interface ProjectionTopic {
  /** Without kafka.topicPrefix. */
  readonly topic: string;
  readonly retentionDays: number;
  /** Whether events of this type, as in the event, stand on it. */
  readonly has: (type: string) => boolean;
  /** The record's value. @throws of an event that cannot be projected */
  readonly render: (event: SluiceEvent) => string;
}

const all = (): boolean => true;

const topicsOf: Readonly<Record<ProjectionName, readonly ProjectionTopic[]>> = {
  ocsf: [{ topic: "ocsf", retentionDays, has: all, render: (event) => JSON.stringify(toOcsf(event)) }],
  ecs: [{ topic: "ecs", retentionDays, has: all, render: (event) => JSON.stringify(toEcs(event)) }],
  flat: [
    { topic: "flat", retentionDays, has: all, render: rows(flatSchema, toFlat) },
    {
      topic: "flat-sessions",
      retentionDays,
      has: isSessionType,
      render: rows(flatSessionSchema, toFlatSession),
    },
  ],
};

/** The topics of some projections, each once. */
export function projectionTopics(names: Iterable<ProjectionName>): ProjectionTopic[] {
  return [...new Set(names)].flatMap((name) => topicsOf[name]);
}

/** The schema is the same in each, and is written out once. */
function rows(schema: ConnectSchema, project: (event: SluiceEvent) => ConnectRow | null) {
  const head = `{"schema":${JSON.stringify(schema)},"payload":`;
  return (event: SluiceEvent): string => {
    const row = project(event);
    if (row === null) throw new Error("makes no row");
    return `${head}${JSON.stringify(row.payload)}}`;
  };
}
