/** The forwarder alone beside kafkajs alone, which sends the same bytes in the same batches to the same Kafka. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FileJournal } from "../../../src/journal/file-journal.ts";
import { temporaryFolder } from "../../hosts/folder.ts";
import { type Alone, alone, silent } from "../alone/alone.ts";
import type { ForwarderFound, ForwarderWork } from "../alone/forwarder.ts";
import type { KafkajsWork } from "../alone/kafkajs.ts";
import { madeDrafts } from "../alone/made-events.ts";
import { least, runPart, say, type Tell, type Work } from "../part.ts";
import { eachVersion, kafka } from "../stage.ts";
import { median, ratios, rounded, shownSpread, spreadOf } from "../statistics.ts";
import { roundsOf } from "../turns.ts";

const epoch = "019b76da-a800-7000-8000-000000000000";
const atOnce = 1_000;

async function forwarder(work: Work, tell: Tell): Promise<void> {
  await using host = await kafka();
  const folder = await temporaryFolder("bench-forwarder");
  try {
    const records = work.lengths.forwardedRecords;
    const dataDir = join(folder.path, "data");
    say(`  writing a journal of ${records.toLocaleString("en-US")} records`);
    await mkdir(dataDir);
    const last = await fill(dataDir, records);
    const batches = join(folder.path, "batches");
    const { brokers } = host;
    const trees = new Map(
      eachVersion("forwarder", work.versions).map(([name], at) => [name, work.versions[at]!.tree]),
    );
    let run = 0;
    let shape = "";
    const measure = async (name: string, round: number): Promise<Alone> => {
      const tree = trees.get(name);
      const marksDir = join(folder.path, `marks-${run++}`);
      await mkdir(marksDir);
      const records = round === 0 && tree === work.versions[0].tree ? { batchesTo: batches } : {};
      const asked = tree && { tree, dataDir, marksDir, brokers, topicPrefix: "bench.", last, ...records };
      const found = asked
        ? await alone<ForwarderFound>("forwarder.ts", asked satisfies ForwarderWork)
        : await alone("kafkajs.ts", { brokers, batchesFrom: batches } satisfies KafkajsWork);
      if (round === 0 && "bytes" in found) {
        const { batches: count, bytes } = found as ForwarderFound;
        shape = `${rounded(bytes / last)} bytes a record, ${rounded(last / count)} records a batch`;
      }
      say(
        `  round ${round}  ${name.padEnd(20)} ${rounded(found.perSecond)}/s  CPU ${rounded(found.cpuUs)} µs`,
      );
      return found;
    };
    const rounds = await roundsOf([...trees.keys(), "kafkajs"], measure, work.rounds);
    const rates = (name: string): number[] => rounds.get(name)!.map(({ perSecond }) => perSecond);
    const cpu = (name: string): number => median(rounds.get(name)!.map(({ cpuUs }) => cpuUs));
    for (const [name, version] of eachVersion("forwarder", work.versions)) {
      tell({
        kind: "measured",
        version,
        what: "forwarder alone, records of 1 KB, to kafkajs alone",
        how: `A journal of ${last.toLocaleString("en-US")} events (${shape}) to a real Kafka, from the first send to the last confirmation; kafkajs sends the same batches from memory. In turns, gzip, acks −1.`,
        unit: "×",
        spread: spreadOf(ratios(rates(name), rates("kafkajs"))),
        required: least(0.9),
        cpuUs: [cpu(name), cpu("kafkajs")],
      });
    }
    const rows = [...rounds.keys()].map((name) => [
      name,
      rounded(median(rates(name))),
      shownSpread(spreadOf(ratios(rates(name), rates("kafkajs")))),
      rounded(cpu(name)),
    ]);
    tell({
      kind: "table",
      title: `From journal to Kafka (${shape})`,
      columns: ["", "records/s", "× kafkajs", "CPU µs"],
      rows,
    });
  } finally {
    await folder.remove();
  }
}

/** @returns the last journalseq */
async function fill(dir: string, records: number): Promise<number> {
  const { journal } = await FileJournal.open({
    dir,
    instance: "i_bench",
    epoch,
    sync: "write",
    segmentBytes: 64 * 2 ** 20,
    maxBytes: 2 ** 40,
    keepMs: 86_400_000,
    forwarding: true,
    topicOf: (stream) => `bench.${stream}`,
    announce: async () => ({ ok: true }),
    log: silent,
  });
  const draft = madeDrafts(epoch);
  for (let n = 0; n < records; n += atOnce) {
    const appending = Array.from({ length: Math.min(atOnce, records - n) }, (_, i) => {
      const { stream, key, render } = draft(n + i);
      return journal.append(stream, key, render);
    });
    await Promise.all(appending);
  }
  await journal.close(10_000);
  return records;
}

await runPart(forwarder);
