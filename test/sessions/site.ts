/** A bridge's sessions with a real journal and real snapshots, in a folder that outlives them. */
import { onTestFinished } from "vitest";
import type { Draft } from "../../src/events/draft.ts";
import { redactor } from "../../src/events/redact.ts";
import { eventIdOf, opDraft } from "../../src/events/render.ts";
import { type Files, nodeFiles } from "../../src/journal/files.ts";
import type { Kept } from "../../src/journal/journal.ts";
import type { FileJournalOptions } from "../../src/journal/options.ts";
import type { Op } from "../../src/op.ts";
import { recoverSessions } from "../../src/sessions/recovery.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { Snapshots, type SnapshotsParts } from "../../src/sessions/snapshots.ts";
import { FakeClock } from "../fake-clock.ts";
import { copyOfDir, instance, makeDir, openJournal, type TestJournal } from "../journal/harness.ts";
import { newUserConn } from "./ops.ts";
import { allowed } from "./world.ts";

const origin = { instance, epoch: "019b76da-a800-7000-8000-000000000000" };
const redact = redactor("mask");
let calls = 0;

interface SiteOptions {
  readonly clock?: FakeClock;
  readonly journal?: Partial<FileJournalOptions>;
  /** Of the snapshots. */
  readonly files?: Files;
  /** What users and addresses are told by; their names without it. */
  readonly naming?: string | undefined;
}

export class Site {
  readonly dir: string;
  readonly clock: FakeClock;
  readonly opened: TestJournal;
  readonly sessions: Sessions;
  /** Where the snapshot was that it began with. */
  readonly through: number;
  readonly snapshots: Snapshots;
  /** Of what the sessions derived. */
  readonly derived: Draft[] = [];
  readonly #naming: string | undefined;

  private constructor(opened: TestJournal, clock: FakeClock, files: Files, recovered: Recovered) {
    this.dir = opened.dir;
    this.opened = opened;
    this.clock = clock;
    this.sessions = recovered.sessions;
    this.through = recovered.through;
    this.derived = recovered.derived;
    this.#naming = recovered.naming;
    this.snapshots = new Snapshots({
      ...snapshotParts(opened, clock, files),
      sessions: this.sessions,
      through: this.through,
    });
    this.sessions.endRecovery();
  }

  static async open(
    dir: string,
    { clock = new FakeClock(), journal, files = nodeFiles, naming }: SiteOptions = {},
  ) {
    const opened = await openJournal(dir, { ...journal, clock });
    const derived: Draft[] = [];
    const { sessions, through } = await recoverSessions({
      maxOpen: 1_000_000,
      maxAgeMs: 86_400_000,
      endGraceMs: 60_000,
      announcedTypes: () => [],
      origin: { ...origin, naming },
      clock,
      publish: (draft) => {
        derived.push(draft);
        return opened.journal.append(draft.stream, draft.key, draft.render);
      },
      observer: {
        opened: () => {},
        ended: () => {},
        unpaired: () => {},
        confirmed: () => {},
        endsAnnounced: () => {},
      },
      dataDir: dir,
      upTo: opened.journal.stats().durableJournalseq,
      log: opened.log,
    });
    onTestFinished(() => sessions.stop());
    return new Site(opened, clock, files, { sessions, through, derived, naming });
  }

  /** What a process that was killed now would find, with the clock where it was. */
  async killed(change: (dir: string) => void = () => {}, naming = this.#naming): Promise<Site> {
    const dir = copyOfDir(this.dir);
    change(dir);
    const clock = new FakeClock(this.clock.now());
    return Site.open(dir, { clock, naming });
  }

  ask(op: Op): Promise<Kept> {
    const asked = { ...op, reqid: (++calls).toString(16).padStart(16, "0"), atMs: this.clock.now() };
    const context = this.sessions.begin(asked, eventIdOf(asked));
    const draft = opDraft(asked, allowed, { ...origin, naming: this.#naming }, redact, context);
    const kept = this.opened.journal.append(draft.stream, draft.key, draft.render);
    this.sessions.record(asked, allowed, draft.id, context, this.clock.monotonic());
    return kept;
  }

  get openIds(): string[] {
    return this.sessions.open.all().map(({ id }) => id);
  }
}

interface Recovered {
  readonly sessions: Sessions;
  readonly through: number;
  readonly derived: Draft[];
  readonly naming: string | undefined;
}

function snapshotParts(
  { journal, dir, log }: TestJournal,
  clock: FakeClock,
  files: Files,
): Omit<SnapshotsParts, "sessions" | "through"> {
  return {
    instance,
    dataDir: dir,
    files,
    clock,
    log,
    given: () => journal.stats().lastJournalseq,
    durable: () => journal.stats().durableJournalseq,
    onCovered: (through) => journal.covered(through),
  };
}

/** A site with three open sessions, of which a snapshot knows two. */
export async function withSnapshot(): Promise<Site> {
  const site = await Site.open(makeDir());
  await site.ask(newUserConn({ from: "203.0.113.9:1" }));
  await site.ask(newUserConn({ from: "203.0.113.9:2" }));
  await site.snapshots.write();
  await site.ask(newUserConn({ from: "203.0.113.9:3" }));
  return site;
}
