/** A journal in a folder of its own, with a clock and a disk that the test holds in its hands. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import type { Stream } from "../../src/events/streams.ts";
import { FileJournal, type OpenedJournal } from "../../src/journal/file-journal.ts";
import type { Kept, Loss, Stamp } from "../../src/journal/journal.ts";
import type { FileJournalOptions } from "../../src/journal/options.ts";
import { openReader, type ReadItem } from "../../src/journal/reader.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import { FakeClock } from "../fake-clock.ts";

export const instance = "i_0123456789abcdef";
export const KiB = 1024;

export function makeDir(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-journal-"));
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Keeps log lines and lets a test wait for one. */
class TestLog {
  readonly lines: string[] = [];
  #waiting: { text: string; resolve: () => void }[] = [];

  readonly info = (fields: object, text: string): void => this.#add(fields, text);
  readonly warn = (fields: object, text: string): void => this.#add(fields, text);
  readonly error = (fields: object, text: string): void => this.#add(fields, text);

  /** Resolves when a later line contains `text`. */
  next(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ text, resolve });
    });
  }

  #add(fields: object, text: string): void {
    const line = `${text} ${JSON.stringify(fields)}`;
    this.lines.push(line);
    const due = this.#waiting.filter((waiter) => line.includes(waiter.text));
    this.#waiting = this.#waiting.filter((waiter) => !due.includes(waiter));
    for (const { resolve } of due) resolve();
  }
}

export interface TestJournal extends OpenedJournal {
  readonly dir: string;
  readonly clock: FakeClock;
  readonly log: TestLog;
  /** Losses that were announced and whose announcement is durable, in order. */
  readonly announced: Loss[];
  /** Resolves when the next announcement is durable. */
  nextAnnounced(): Promise<Loss>;
  append(stream?: Stream, key?: string, text?: string): Promise<Kept>;
}

let epochs = 0;

export async function openJournal(
  dir: string,
  options: Partial<FileJournalOptions> = {},
): Promise<TestJournal> {
  const clock = new FakeClock();
  const log = new TestLog();
  const announced: Loss[] = [];
  const waiting: ((loss: Loss) => void)[] = [];
  const opened: OpenedJournal = await FileJournal.open({
    dir,
    instance,
    epoch: `epoch-${++epochs}`,
    sync: "fsync",
    segmentBytes: 64 * KiB,
    maxBytes: 1024 * KiB,
    keepMs: 3_600_000,
    forwarding: true,
    topicOf: (stream) => `sluice.${stream}`,
    clock,
    log,
    async announce(loss) {
      const kept = await opened.journal.append("bridge", instance, rendering(JSON.stringify(loss)));
      if (!kept.ok) return kept;
      announced.push(loss);
      for (const resolve of waiting.splice(0)) resolve(loss);
      return kept;
    },
    ...options,
  });
  onTestFinished(() => void opened.journal.close(0));
  return {
    ...opened,
    dir,
    clock,
    log,
    announced,
    nextAnnounced: () => new Promise((resolve) => waiting.push(resolve)),
    append: (stream = "logins", key = "alice", text = "hello") =>
      opened.journal.append(stream, key, rendering(text)),
  };
}

/** An event that carries its numbers, as real ones do. */
export function rendering(text: string): (stamp: Stamp) => string {
  return ({ sequence, journalseq }) => JSON.stringify({ sequence, journalseq, text });
}

export async function readAll(
  dir: string,
  from: number | "oldest" = "oldest",
  upTo = Infinity,
): Promise<ReadItem[]> {
  const reader = await openReader({ dir, from });
  const items: ReadItem[] = [];
  for (
    let more = await reader.next(64 * KiB, upTo);
    more.length > 0;
    more = await reader.next(64 * KiB, upTo)
  ) {
    items.push(...more);
  }
  await reader.close();
  return items;
}

export function recordsOf(items: readonly ReadItem[]): JournalRecord[] {
  return items.flatMap((item) => ("record" in item ? [item.record] : []));
}

export function lossesOf(items: readonly ReadItem[]): Loss[] {
  return items.flatMap((item) => ("damaged" in item ? [item.damaged.loss] : []));
}

export function numbersOf(items: readonly ReadItem[]): number[] {
  return recordsOf(items).map(({ journalseq }) => journalseq);
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

export function segmentsIn(dir: string): string[] {
  const folder = path.join(dir, "journal");
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".log"));
  return names.sort().map((name) => path.join(folder, name));
}

/** What a process that was killed now would leave: the files as they are, in another folder. */
export function copyOfDir(dir: string): string {
  const copy = makeDir();
  fs.cpSync(dir, copy, { recursive: true });
  return copy;
}
