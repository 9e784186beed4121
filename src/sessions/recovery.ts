/**
 * The sessions as they were when the bridge last ran: the snapshot, and the journal from there on.
 *
 * Guarantee: whatever had been answered is known again. What cannot be read costs sessions their end, never the
 * bridge its start, and is logged.
 */
import type { Clock } from "../clock.ts";
import { textOf } from "../errors.ts";
import { openReader, type ReadItem } from "../journal/reader.ts";
import { retell, toldBy } from "./journaled.ts";
import { Sessions, type SessionsOptions } from "./sessions.ts";
import { readSnapshot, snapshotPath } from "./snapshot-file.ts";
import { SnapshotLoading } from "./snapshot-loading.ts";

const pieceBytes = 1024 * 1024;

export interface RecoveryLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

interface RecoveryOptions extends SessionsOptions {
  readonly dataDir: string;
  /** The last journalseq that the epochs before have left. */
  readonly upTo: number;
  readonly log: RecoveryLog;
}

export interface RecoveredSessions {
  /** What was is known; endRecovery() derives what is missing, once something can be published. */
  readonly sessions: Sessions;
  /** The snapshot covers the journal up to here; 0 without one. */
  readonly through: number;
}

export async function recoverSessions(options: RecoveryOptions): Promise<RecoveredSessions> {
  const { clock, log } = options;
  const startedMs = clock.monotonic();
  const { sessions, through } = await fromSnapshot(options);
  const records = await readJournal(sessions, through, options);
  if (sessions.open.size + records > 0) {
    const ms = Math.round(clock.monotonic() - startedMs);
    log.info({ open: sessions.open.size, records, ms }, "sessions: taken up again");
  }
  return { sessions, through };
}

async function fromSnapshot(options: RecoveryOptions): Promise<RecoveredSessions> {
  const { dataDir, origin, upTo, clock, log } = options;
  const sessions = new Sessions(options);
  sessions.beginRecovery();
  const loading = new SnapshotLoading(sessions, clock);
  try {
    const header = await readSnapshot(dataDir, (line) => loading.take(line));
    if (header === null) return { sessions, through: 0 };
    if (header.instance !== origin.instance) throw new Error(`it is of instance ${header.instance}`);
    if (header.through > upTo) throw new Error("it is newer than the journal");
    sessions.roster.naming = header.naming ?? "";
    return { sessions, through: header.through };
  } catch (thrown) {
    const file = snapshotPath(dataDir);
    log.error(
      { file, problem: textOf(thrown) },
      "sessions: the snapshot cannot be used; reading the journal instead",
    );
    const anew = new Sessions(options);
    anew.beginRecovery();
    return { sessions: anew, through: 0 };
  }
}

/** Returns how many records told something. */
async function readJournal(sessions: Sessions, through: number, options: RecoveryOptions): Promise<number> {
  const { dataDir, upTo, clock, log } = options;
  if (through >= upTo) return 0;
  const reader = await openReader({ dir: dataDir, from: through === 0 ? "oldest" : through + 1 });
  let records = 0;
  const take = (item: ReadItem): void => {
    if ("damaged" in item) {
      log.warn({ loss: item.damaged.loss }, "sessions: records are missing; what they told is not known");
      return;
    }
    const { stream, key, event } = item.record;
    if (!toldBy.has(stream) || isKnown(sessions, stream, key, event, clock)) return;
    try {
      if (retell(sessions, event, clock)) records++;
    } catch (thrown) {
      const { journalseq } = item.record;
      log.error({ journalseq, problem: textOf(thrown) }, "sessions: a record cannot be understood");
    }
  };
  try {
    for (;;) {
      const items = await reader.next(pieceBytes, upTo);
      if (items.length === 0) return records;
      for (const item of items) take(item);
    }
  } finally {
    await reader.close();
  }
}

/** Most heartbeats and work connections are of clients that need no confirming: those need not be parsed. */
function isKnown({ roster }: Sessions, stream: string, key: string, event: string, clock: Clock): boolean {
  if (stream !== "heartbeats" && stream !== "work-conns") return false;
  for (const { name, clients, logins } of roster.nodes.values()) {
    const client = clients.get(key);
    if (!client?.confirmed || logins.awaits(key, Number.NEGATIVE_INFINITY)) continue;
    // A client may log in at another frps with the run id that it has.
    const attributes = event.slice(0, event.indexOf(',"data":'));
    if (!attributes.includes(`"source":"/frp/${name}"`)) continue;
    // By another naming it is somebody else.
    const naming = /"pseudonyms":"([^"]*)"/.exec(attributes)?.[1] ?? "";
    if (naming !== roster.naming) continue;
    client.seenMs = clock.monotonic();
    return true;
  }
  return false;
}
