#!/usr/bin/env node
/** Restarts failed connectors and tasks of Kafka Connect: the command line of supervisor.mjs, which lies beside it. */
import { parseArgs } from "node:util";
import { Supervisor } from "./supervisor.mjs";

const help = `Restarts failed connectors and tasks of Kafka Connect.

  node supervise.mjs [options] [connector...]     without names all of the cluster

  --url URL            a worker's REST port, http://127.0.0.1:8083 by default; again for each further worker of the
                       cluster, one of which must answer
  --every SECONDS      between two looks, 5
  --first-wait SECONDS after the first restart of a connector, 5; each further one doubles it
  --longest-wait SECONDS                                     300
  --give-up-after SECONDS                                    end with code 3 when no worker has answered for so long

CONNECT_AUTH=user:password in the environment, where the REST port asks for it. Each thing done is a line on standard
output. Ends by SIGTERM or SIGINT with code 0. Code 2: it was called wrongly.
`;

const options = /** @type {const} */ ({
  url: { type: "string", multiple: true },
  every: { type: "string" },
  "first-wait": { type: "string" },
  "longest-wait": { type: "string" },
  "give-up-after": { type: "string" },
  help: { type: "boolean" },
});

/**
 * @param {string} problem
 * @returns {never}
 */
function refuse(problem) {
  process.stderr.write(`${problem}; --help tells what there is\n`);
  process.exit(2);
}

function given() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (thrown) {
    return refuse(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** @param {string} text */
function workerOf(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    return refuse(`--url ${text.replace(/^.*@/, "…@")}: http://host:port would be right`);
  if (url.username || url.password) return refuse("--url has a password in it: CONNECT_AUTH is its place");
  return text.replace(/\/+$/, "");
}

const { values, positionals } = given();
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}

/**
 * @param {"every" | "first-wait" | "longest-wait" | "give-up-after"} name
 * @param {number} otherwise seconds
 */
function ms(name, otherwise) {
  const text = values[name];
  const number = text === undefined ? otherwise : Number(text);
  // Beyond some weeks Node's timers fire at once.
  if (text === "" || !(number > 0 && number <= 2_000_000))
    refuse(`--${name} ${text}: seconds above 0 would be right`);
  return number * 1_000;
}

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => stop.abort());

const supervisor = new Supervisor({
  urls: (values.url ?? ["http://127.0.0.1:8083"]).map(workerOf),
  ...(positionals.length > 0 ? { connectors: positionals } : {}),
  ...(process.env.CONNECT_AUTH ? { auth: process.env.CONNECT_AUTH } : {}),
  everyMs: ms("every", 5),
  firstWaitMs: ms("first-wait", 5),
  longestWaitMs: ms("longest-wait", 300),
  answerWithinMs: 30_000,
  giveUpAfterMs: values["give-up-after"] === undefined ? null : ms("give-up-after", 0),
  clock: {
    monotonic: () => performance.now(),
    after(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  },
  log: (line) => process.stdout.write(`${new Date().toISOString()} ${line}\n`),
});
process.exitCode = (await supervisor.run(stop.signal)) === "unanswered" ? 3 : 0;
