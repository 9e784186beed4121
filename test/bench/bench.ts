/**
 * All that is measured, in one run: each part is a program that measures its variants in turns and tells what it finds;
 * the report is written anew behind each.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { keep } from "../hosts/keeper.ts";
import { checkedOut } from "./compare.ts";
import { machine, otherLoad } from "./machine.ts";
import { help, type Options, optionsOf } from "./options.ts";
import { say, type Told, type Version, type Work } from "./part.ts";
import { parts } from "./parts.ts";
import { report, withKept } from "./results.ts";

const repository = join(import.meta.dirname, "..", "..");
const here: Version = { name: "sluice", tree: repository };

class Bench {
  readonly #options: Options;
  readonly #versions: readonly [Version, ...Version[]];
  readonly #began = otherLoad();
  readonly #found = new Map<string, Told[]>();
  readonly #failed = new Map<string, string>();
  readonly #out: string | undefined;
  #running: AbortController | null = null;
  interrupted = false;

  constructor(options: Options, versions: readonly [Version, ...Version[]]) {
    this.#options = options;
    this.#versions = versions;
    const whole = !options.quick && options.parts.length === Object.keys(parts).length && !options.compare;
    this.#out = options.out ?? (whole ? join(import.meta.dirname, "RESULTS.md") : undefined);
  }

  async run(): Promise<void> {
    for (const [at, name] of this.#options.parts.entries()) {
      if (this.interrupted) break;
      say(`${name} (${at + 1} of ${this.#options.parts.length}): ${parts[name]!.what}`);
      const found: Told[] = [];
      this.#found.set(name, found);
      const why = await (parts[name]!.script ? this.#script(name, found) : this.#program(name, found));
      if (why) {
        say(`bench: ${name}: ${why}`);
        this.#failed.set(name, this.interrupted ? "interrupted" : why);
      }
      if (this.#out) await this.#write(this.#out);
    }
    process.stdout.write(this.report());
    if (this.#failed.size > 0) process.exitCode = 1;
  }

  async #write(path: string): Promise<void> {
    const before = existsSync(path) ? await readFile(path, "utf8") : "";
    await writeFile(path, withKept(this.report(), before));
  }

  interrupt(): void {
    this.interrupted = true;
    this.#running?.abort();
  }

  report(): string {
    const { seconds, rounds, mix, lengths, parts: asked, profileTo, compare } = this.#options;
    const count = (n: number): string => n.toLocaleString("en-US");
    const said = [
      `${rounds} rounds of ${seconds} s, behind one that is not counted; calls of an frps, \`--mix ${mix}\`; ${this.#began}`,
      `lengths: ${count(lengths.manyRules)} rules, ${count(lengths.startRules)} at a start, ${count(lengths.catchUpEvents)} events to catch up, ${count(lengths.outageSeconds)} s of outage, ${count(lengths.forwardedRecords)} records forwarded, ${count(lengths.sessions)} sessions`,
      ...(compare ? [`in turns with ${this.#versions[1]!.name}`] : []),
      ...(profileTo ? ["under a profiler: slower than without"] : []),
    ];
    const missing = asked.filter((name) => !this.#found.has(name));
    return report({ machine: machine(), said, found: this.#found, failed: this.#failed, missing });
  }

  async #program(name: string, found: Told[]): Promise<string | null> {
    const { seconds, warmUpSeconds, rounds, mix, load, lengths, profileTo, verify } = this.#options;
    const work: Work = {
      ...{ seconds, warmUpSeconds, rounds, mix, lengths, verify, versions: this.#versions },
      ...(load && { load }),
      ...(profileTo && { profileTo: resolve(profileTo) }),
    };
    const program = join(import.meta.dirname, parts[name]!.program);
    return this.#child([program, JSON.stringify(work)], async (output) => {
      for await (const line of createInterface({ input: output })) found.push(JSON.parse(line) as Told);
    });
  }

  /** Of a version that does not have it yet, nothing. */
  async #script(name: string, found: Told[]): Promise<string | null> {
    const { program, script, what } = parts[name]!;
    const args = script!(this.#options.lengths, this.#options.quick);
    for (const { name: version, tree } of this.#versions) {
      const path = join(tree, "test", "bench", program);
      if (!existsSync(path)) continue;
      const title = [
        `\`${program} ${args.join(" ")}\``,
        ...(this.#versions.length > 1 ? [version] : []),
      ].join(", ");
      let whole = "";
      const why = await this.#child([path, ...args], async (output) => {
        whole = await text(output);
      });
      if (whole !== "") found.push({ kind: "text", title, text: whole });
      // It ends with 1 where it misses a target of its own, and says so.
      if (why && (this.interrupted || whole === "")) return `${what}: ${why}`;
    }
    return null;
  }

  /** @returns why it failed */
  async #child(
    args: readonly string[],
    read: (output: NodeJS.ReadableStream & AsyncIterable<Buffer>) => Promise<void>,
  ) {
    this.#running = new AbortController();
    const child = spawn(process.execPath, ["--disable-warning=TimeoutNegativeWarning", ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      signal: this.#running.signal,
      killSignal: "SIGINT",
    });
    const release = keep("process", child.pid!);
    child.on("error", () => {});
    const ended = once(child, "exit").catch(() => [null, "SIGINT"]);
    await read(child.stdout as NodeJS.ReadableStream & AsyncIterable<Buffer>);
    const [code, signal] = await ended;
    release();
    if (code === 0) return null;
    return signal ? `ended by ${signal}` : "failed; what it said stands above its end";
  }
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(`${help}\n`);
    return;
  }
  const other = options.compare ? await checkedOut(options.compare, repository) : null;
  try {
    const bench = new Bench(options, other ? [here, other] : [here]);
    process.on("SIGINT", () => bench.interrupt());
    process.on("SIGTERM", () => bench.interrupt());
    await bench.run();
  } finally {
    await other?.remove();
  }
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : thrown}\n`);
  process.exitCode = 1;
}
