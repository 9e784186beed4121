/** Appends as fast as it can until it is killed, telling each number on stdout once it is acknowledged. */
import fs from "node:fs";
import { FileJournal } from "../../src/journal/file-journal.ts";
import { lockDataDir } from "../../src/journal/lock.ts";

const [dir, epoch] = process.argv.slice(2) as [string, string];
const quiet = { info() {}, warn() {}, error() {} };
lockDataDir(dir);
const { journal } = await FileJournal.open({
  dir,
  instance: "i_0123456789abcdef",
  epoch,
  sync: "fsync",
  segmentBytes: 256 * 1024,
  maxBytes: 256 * 1024 * 1024,
  keepMs: 3_600_000,
  forwarding: true,
  topicOf: (stream) => stream,
  announce: async () => ({ ok: true }),
  log: quiet,
});

async function appendForever(): Promise<never> {
  for (;;) {
    let number = 0;
    const kept = await journal.append("logins", "alice", ({ journalseq, sequence }) => {
      number = journalseq;
      return JSON.stringify({ journalseq, sequence, epoch, text: "x".repeat(journalseq % 900) });
    });
    if (kept.ok) fs.writeSync(1, `${number}\n`);
  }
}

await Promise.all(Array.from({ length: 30 }, appendForever));
