/**
 * Restarts what has failed on a Kafka Connect cluster. Of each connector:
 *
 *   well ──seen failed──▶ restarted, waits ──still failed after the wait──▶ restarted, waits twice as long, …
 *     ▲                        │
 *     └── seen running after the wait
 *
 * Guarantees: never two restarts of a connector within its wait; one line for each thing done or learnt; what is paused
 * or stopped is left alone, and so is what has not failed; no answer ends it, and none is waited for without end. It keeps
 * nothing: begun anew, it sees all there is to see.
 */

/**
 * @typedef {object} Clock
 * @property {() => number} monotonic milliseconds that never go back
 * @property {(delayMs: number, task: () => void) => () => void} after runs the task once; what it returns cancels it
 *
 * @typedef {object} Part a connector, or one of its tasks, as Connect tells of it
 * @property {string} state
 * @property {number} [id] of a task
 * @property {string} [trace] of a failed one
 *
 * @typedef {Record<string, { status: { connector: Part, tasks: Part[] } }>} Overview of all connectors, by their names
 *
 * @typedef {object} Trouble
 * @property {number} restarts so far
 * @property {number} waitMs after the last one
 * @property {number} nextMs when it may be restarted again, or counts as well
 *
 * @typedef {object} Options
 * @property {readonly string[]} urls of workers of one cluster, asked in turn until one answers
 * @property {readonly string[]} [connectors] the only ones looked after; all without it
 * @property {string} [auth] user:password for the REST port
 * @property {number} everyMs between two looks
 * @property {number} firstWaitMs after the first restart of a connector
 * @property {number} longestWaitMs that a wait grows to
 * @property {number} answerWithinMs of one request
 * @property {number | null} giveUpAfterMs without an answer; null is never
 * @property {Clock} clock
 * @property {(line: string) => void} log
 */

/** What a worker says to a restart while the cluster rebalances. */
const conflict = 409;

/** Of a line: what a database says of a record can be the whole record. */
const mostCharacters = 400;

export class Supervisor {
  /** @type {Options} */
  #options;
  /** @type {Map<string, Trouble>} */
  #troubles = new Map();
  /** Those of the connectors it was given that were not there at the last look. */
  #absent = new Set();
  /** @type {string | null} */
  #unanswered = null;
  /** When a worker last answered, or this began. */
  #answeredMs;
  /** The worker that answered last. */
  #at = 0;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#answeredMs = options.clock.monotonic();
  }

  /**
   * Looks again and again until it is told to stop.
   * @param {AbortSignal} stop
   * @returns {Promise<"stopped" | "unanswered">}
   */
  async run(stop) {
    while (!stop.aborted) {
      if (!(await this.look(stop))) return "unanswered";
      await this.#pause(stop);
    }
    return "stopped";
  }

  /**
   * One look at all connectors; false when no worker has answered for too long.
   * @param {AbortSignal} [stop]
   * @returns {Promise<boolean>}
   */
  async look(stop) {
    const { clock, log, connectors, giveUpAfterMs } = this.#options;
    let found;
    try {
      found = await this.#ask("GET", "/connectors?expand=status", stop);
      if (!isOverview(found)) throw new Error(noWorker);
    } catch (thrown) {
      if (stop?.aborted) return true;
      const silentMs = clock.monotonic() - this.#answeredMs;
      if (giveUpAfterMs !== null && silentMs >= giveUpAfterMs) {
        log(`no worker has answered for ${seconds(silentMs)}: ${textOf(thrown)}; giving up`);
        return false;
      }
      const why = textOf(thrown);
      if (why !== this.#unanswered) log(`no worker answers: ${why}`);
      this.#unanswered = why;
      return true;
    }
    if (this.#unanswered !== null) log("Connect answers again");
    this.#unanswered = null;
    this.#answeredMs = clock.monotonic();
    this.#miss(found);
    for (const [name, { status }] of Object.entries(found)) {
      if (connectors?.includes(name) ?? true) await this.#lookAt(name, status, stop);
    }
    return true;
  }

  /** @param {Overview} found */
  #miss(found) {
    for (const name of this.#troubles.keys()) if (!Object.hasOwn(found, name)) this.#troubles.delete(name);
    const { connectors = [], log } = this.#options;
    const absent = new Set(connectors.filter((name) => !Object.hasOwn(found, name)));
    for (const name of absent) if (!this.#absent.has(name)) log(`${name}: there is no such connector`);
    this.#absent = absent;
  }

  /** @param {AbortSignal} stop */
  async #pause(stop) {
    const { clock, everyMs } = this.#options;
    const { promise, resolve } = Promise.withResolvers();
    const cancel = clock.after(everyMs, () => resolve(undefined));
    const end = () => resolve(undefined);
    stop.addEventListener("abort", end);
    if (stop.aborted) end();
    await promise;
    stop.removeEventListener("abort", end);
    cancel();
  }

  /**
   * @param {string} name
   * @param {{ connector: Part, tasks: Part[] }} status
   * @param {AbortSignal | undefined} stop
   */
  async #lookAt(name, { connector, tasks }, stop) {
    const { clock, log } = this.#options;
    if (connector.state === "PAUSED" || connector.state === "STOPPED") return;
    const failed = [connector, ...tasks].filter(({ state }) => state === "FAILED");
    const trouble = this.#troubles.get(name);
    const nowMs = clock.monotonic();
    if (failed.length === 0) {
      const runs = [connector, ...tasks].every(({ state }) => state === "RUNNING");
      if (trouble === undefined || nowMs < trouble.nextMs || !runs) return;
      this.#troubles.delete(name);
      log(`${name}: runs again, ${count(trouble.restarts, "restart")}`);
      return;
    }
    if (trouble !== undefined && nowMs < trouble.nextMs) return;
    const restarts = (trouble?.restarts ?? 0) + 1;
    const { firstWaitMs, longestWaitMs } = this.#options;
    const waitMs = Math.min(longestWaitMs, trouble?.restarts ? 2 * trouble.waitMs : firstWaitMs);
    const what = failed.map(({ id }) => (id === undefined ? "connector" : `task ${id}`)).join(", ");
    const why = reasonOf(failed[0]?.trace ?? "");
    const path = `/connectors/${encodeURIComponent(name)}/restart?includeTasks=true&onlyFailed=true`;
    try {
      await this.#ask("POST", path, stop);
      log(`${name}: ${what} failed: ${why}; restart ${restarts}, the next after ${seconds(waitMs)}`);
    } catch (thrown) {
      if (stop?.aborted) return;
      log(`${name}: ${what} failed: ${why}; not restarted: ${textOf(thrown)}`);
      // A rebalance is soon over, and says nothing of the connector.
      if (thrown instanceof Refused && thrown.status === conflict) {
        const { restarts, waitMs } = trouble ?? { restarts: 0, waitMs: firstWaitMs };
        this.#troubles.set(name, { restarts, waitMs, nextMs: clock.monotonic() + firstWaitMs });
        return;
      }
    }
    this.#troubles.set(name, { restarts, waitMs, nextMs: clock.monotonic() + waitMs });
  }

  /**
   * Asks the worker that answered last, then the others. A worker that is busy with a rebalance says 409.
   * @param {string} method
   * @param {string} path
   * @param {AbortSignal | undefined} stop
   * @returns {Promise<any>}
   */
  async #ask(method, path, stop) {
    const { urls } = this.#options;
    let failure;
    for (let turn = 0; turn < urls.length; turn++) {
      const index = (this.#at + turn) % urls.length;
      try {
        const answer = await this.#askOne(`${urls[index]}${path}`, method, stop);
        this.#at = index;
        return answer;
      } catch (thrown) {
        failure = thrown;
        if (stop?.aborted) break;
      }
    }
    throw failure;
  }

  /**
   * @param {string} url
   * @param {string} method
   * @param {AbortSignal | undefined} stop
   * @returns {Promise<any>}
   */
  async #askOne(url, method, stop) {
    const { clock, auth, answerWithinMs } = this.#options;
    const ending = new AbortController();
    const late = () => ending.abort(new Error(`no answer within ${seconds(answerWithinMs)}`));
    const cancel = clock.after(answerWithinMs, late);
    const end = () => ending.abort();
    stop?.addEventListener("abort", end);
    if (stop?.aborted) end();
    const basic =
      auth === undefined ? {} : { authorization: `Basic ${Buffer.from(auth).toString("base64")}` };
    const { signal } = ending;
    try {
      const response = await fetch(url, {
        method,
        signal,
        headers: { accept: "application/json", ...basic },
      });
      const text = await response.text();
      if (!response.ok)
        throw new Refused(
          response.status,
          `${url.replace(/\?.*/, "")} answered ${response.status} ${oneLine(text)}`,
        );
      return text === "" ? null : parsed(text);
    } finally {
      cancel();
      stop?.removeEventListener("abort", end);
    }
  }
}

class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const noWorker = "what answers is no Connect worker";

/**
 * @param {string} text
 * @returns {unknown}
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(noWorker);
  }
}

/**
 * @param {any} answer
 * @returns {answer is Overview}
 */
function isOverview(answer) {
  const isOne = (/** @type {any} */ one) => one?.status?.connector && Array.isArray(one.status.tasks);
  return typeof answer === "object" && answer !== null && Object.values(answer).every(isOne);
}

/**
 * The first line of a trace, and the last cause, which is what the database said.
 * @param {string} trace
 */
function reasonOf(trace) {
  const lines = trace.split("\n").map((line) => line.trim());
  const first = lines[0] ?? "";
  const cause = lines.findLast((line) => line.startsWith("Caused by: "))?.slice("Caused by: ".length);
  if (cause === undefined) return oneLine(first) || "no reason given";
  // The cause is why people look; of a long line the end would be cut off.
  return `${oneLine(first).slice(0, mostCharacters / 2)} (${oneLine(cause)})`;
}

/** @param {unknown} thrown */
function textOf(thrown) {
  if (!(thrown instanceof Error)) return oneLine(String(thrown));
  return oneLine(
    thrown.cause instanceof Error ? `${thrown.message}: ${thrown.cause.message}` : thrown.message,
  );
}

/**
 * Records hold what strangers chose: nothing of it may steer the terminal or make lines of its own.
 * @param {string} text
 */
function oneLine(text) {
  const shown = text.replace(/[\p{C}\s]+/gu, " ").trim();
  return shown.length > mostCharacters ? `${shown.slice(0, mostCharacters)}…` : shown;
}

/** @param {number} ms */
function seconds(ms) {
  return `${Number((ms / 1_000).toFixed(1))} s`;
}

/**
 * @param {number} number
 * @param {string} noun
 */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
