/** `sluice policy watch`: changes as they come into force, read as a bridge reads them; no bridge need run. */
import { systemClock } from "../../clock.ts";
import type { SluiceError } from "../../errors.ts";
import type { PolicyLog, PolicyNote } from "../../policy/policy.ts";
import { parseRule } from "../../policy/rule.ts";
import { shownValue } from "../../policy/shown-value.ts";
import { openWatch } from "../../wiring/policy.ts";
import { printable } from "../screen-text.ts";
import { countOf, notice, print, printJson, valueText } from "./printing.ts";
import { type PolicyOptions, settingsOf } from "./with-store.ts";

export interface WatchOptions extends PolicyOptions {
  readonly json?: boolean;
}

/** A timer of this length is none that matters; it only keeps the process alive. */
const longestTimerMs = 2_147_483_647;

/** Until SIGINT or SIGTERM. @throws SluiceError redis_denied, unless rules had been read before; policy_unreadable */
export async function watch(options: WatchOptions): Promise<void> {
  const settings = settingsOf(options);
  const { promise: told, resolve, reject } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve());
  let loaded = false;
  let waiting = false;
  const show = (note: PolicyNote): void => {
    // What cannot be read from the beginning is for `sluice policy check`.
    if (!loaded) return;
    const time = new Date().toISOString();
    if (options.json) printJson({ time, ...noteFields(note) });
    else print([printable(`${time}  ${noteText(note)}`)]);
  };
  const onAway = (reason: SluiceError): void => {
    if (loaded) return;
    if (reason.code === "redis_denied") reject(reason);
    else if (!waiting) notice(`not reached yet: ${reason.message}; waiting, until Ctrl-C`);
    waiting = true;
  };
  const log: PolicyLog = {
    // Whatever is told first once there are rules says that there are.
    info: () => {
      if (loaded || !replica.available) return;
      loaded = true;
      const { unreadable, size, revision } = replica.rules;
      const problems = unreadable.size === 0 ? "" : `, ${unreadable.size} unreadable`;
      notice(`watching ${countOf(size, "rule")}${problems}, revision ${revision}, until Ctrl-C`);
    },
    warn: (fields, text) => trouble(fields, text),
    error: (fields, text) => trouble(fields, text),
  };
  const trouble = (fields: object, text: string): void => {
    if (loaded && !isOfTheBridge(fields)) notice("problem" in fields ? `${text}: ${fields.problem}` : text);
  };
  const { replica, source } = await openWatch(settings, systemClock, log, show, onAway);
  // The timers of the source keep no process alive.
  const alive = setInterval(() => {}, longestTimerMs);
  try {
    await Promise.race([told, source.start().then(() => told)]);
  } finally {
    clearInterval(alive);
    await source.close();
    await replica.close();
  }
}

/** Troubles of one rule are shown as changes, and what a stale policy means only a bridge can say. */
function isOfTheBridge(fields: object): boolean {
  return "key" in fields || "rulesKept" in fields || "maxStaleMs" in fields;
}

function noteFields(note: PolicyNote): object {
  const { kind, revision } = note;
  if (kind === "emptied") return { kind, rulesKept: note.rulesKept, revision };
  const { key } = note;
  if (kind === "rejected") return { kind, key, problem: note.problem, revision };
  const [before, after] = [note.before, note.after].map((value) => value && shownValue(key, value));
  return { kind, key, before, after, cause: note.cause, by: byOf(note), revision };
}

function noteText(note: PolicyNote): string {
  if (note.kind === "emptied")
    return `every rule vanished at once: ${countOf(note.rulesKept, "old one")} stay in force, see \`sluice policy accept-empty\``;
  const revision = `revision ${note.revision.to}`;
  if (note.kind === "rejected")
    return `${note.key || "the policy"} cannot be read: ${note.problem} (${revision})`;
  const [before, after] = [note.before, note.after].map((value) =>
    value === null ? "(none)" : valueText(note.key, value),
  );
  const by = byOf(note);
  return `${note.key}  ${before} → ${after}  (${note.cause}${by === null ? "" : ` by ${by}`}, ${revision})`;
}

/** Who a new rule says that it is by. Of one that went nobody says who took it. */
function byOf({ key, after }: Extract<PolicyNote, { kind: "changed" }>): string | null {
  const rule = after === null ? null : parseRule(key, after);
  return rule?.readable ? rule.terms.by : null;
}
