/**
 * A program with servers, and its end.
 *
 *   working ──its work is done, or has failed──────────────▶ closing ──all is closed──▶ exit
 *      └──Ctrl-C, SIGTERM, or the terminal is gone: told──────┘ └──Ctrl-C again──▶ exit at once
 *
 * Guarantee: no process and no temporary folder is left, also when it is told while it starts something. What closing
 * does not reach in an exit at once, the keeper of the tests' hosts ends.
 */
import { closeAll } from "../../test/hosts/open.ts";

/** npm passes Ctrl-C on, which the terminal has sent to every process already. */
const sameSignalMs = 250;

export interface Program {
  /** Aborted when somebody wants it to end. */
  readonly told: AbortSignal;
  /** Has something done at the end, before what was registered earlier. */
  atEnd(close: () => Promise<unknown>): void;
  /** For people, on stderr. */
  say(text: string): void;
}

/**
 * A program of package.json's from its arguments to its exit.
 * @param optionsOf gives a text to print instead of running; throws an Error that says what is wrong
 */
export async function runScript<Options extends object>(
  name: string,
  optionsOf: (args: readonly string[]) => Options | string,
  work: (options: Options, program: Program) => Promise<number>,
): Promise<void> {
  let options: Options | string;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (thrown) {
    process.stderr.write(`${(thrown as Error).message}\n(npm run ${name} -- --help shows what there is)\n`);
    process.exitCode = 2;
    return;
  }
  if (typeof options === "string") process.stdout.write(options);
  else {
    const asked = options;
    await runUntilTold((program) => work(asked, program));
  }
}

/** @param work gives the exit code; without one of its own, a program that is told to end has 130 */
export async function runUntilTold(work: (program: Program) => Promise<number>): Promise<never> {
  const ending = new AbortController();
  const closings: (() => Promise<unknown>)[] = [];
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const told = new Promise<number>((resolve) => {
    let firstMs: number | null = null;
    const hear = (): void => {
      if (firstMs !== null && performance.now() - firstMs > sameSignalMs) process.exit(130);
      if (firstMs !== null) return;
      firstMs = performance.now();
      say("\nstopping; Ctrl-C again ends it at once");
      ending.abort();
      resolve(130);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, hear);
  });
  const program: Program = { told: ending.signal, atEnd: (close) => void closings.push(close), say };
  const worked = work(program).catch((thrown) => {
    if (ending.signal.aborted) return 130;
    say(`\n${(thrown as Error).message}`);
    return 1;
  });
  // What waits for the end itself has a moment to say how it ended.
  const code = await Promise.race([worked, told.then((otherwise) => soon(worked, otherwise))]);
  for (const close of closings.reverse()) await close().catch((thrown) => say(String(thrown)));
  await closeAll();
  process.exit(code);
}

function soon(worked: Promise<number>, otherwise: number): Promise<number> {
  return Promise.race([worked, new Promise<number>((resolve) => setImmediate(resolve, otherwise))]);
}
