/** `sluice doctor`: looks at everything that a bridge with these settings needs, and changes nothing. */
import { systemClock } from "../../clock.ts";
import { loadSettings, readSettings } from "../../config/load.ts";
import { version } from "../../version.ts";
import { type Check, runChecks } from "./check.ts";
import { dataFindings } from "./data.ts";
import { type Section, sections, worstOf } from "./finding.ts";
import { frpsBlock } from "./frps-block.ts";
import { kafkaFindings } from "./kafka.ts";
import { portFindings } from "./ports.ts";
import { redisFindings } from "./redis.ts";
import { findingsJson, findingsText } from "./report.ts";
import { settingsFindings } from "./settings.ts";

export interface DoctorOptions {
  readonly config?: string;
  readonly only?: readonly Section[];
  /** true without a name. */
  readonly frps?: string | true;
  readonly showSecrets?: boolean;
  readonly json?: boolean;
}

const withinMs = 20_000;

/** @throws SluiceError config_invalid, with --frps alone: else wrong settings are findings */
export async function doctor(options: DoctorOptions): Promise<void> {
  const { config = null, only = sections, frps, showSecrets = false } = options;
  if (frps !== undefined) {
    const { settings } = loadSettings(config, process.env);
    process.stdout.write(frpsBlock(settings, { node: frps === true ? null : frps, showSecrets }));
    return;
  }
  const read = readSettings(config, process.env, { tlsFiles: true });
  const checks = checksOf(read).filter(({ section }) => only.includes(section) || read.loaded === null);
  // The clock's timers keep no process alive, and what hangs may not either.
  const alive = setInterval(() => {}, 60_000);
  const found = await runChecks(checks, systemClock, withinMs);
  clearInterval(alive);
  const settings = read.loaded?.settings;
  const block = settings ? frpsBlock(settings, { node: null, showSecrets }) : null;
  const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const text = options.json
    ? `${findingsJson(version, found, block)}\n`
    : findingsText(found, coloured) + (block === null || options.only ? "" : `\nFor frps.toml:\n\n${block}`);
  // What hangs would keep the process from its end.
  process.stdout.write(text, () => process.exit(worstOf(found) === "red" ? 1 : 0));
}

function checksOf(read: ReturnType<typeof readSettings>): Check[] {
  const own: Check = { section: "settings", what: "settings", run: async () => settingsFindings(read) };
  if (read.loaded === null) return [own];
  const { settings } = read.loaded;
  const now = (): number => systemClock.now();
  return [
    own,
    { section: "data", what: "data.dir", run: () => dataFindings(settings, systemClock) },
    { section: "redis", what: "connection", run: () => redisFindings(settings, now) },
    { section: "kafka", what: "brokers", run: () => kafkaFindings(settings, systemClock) },
    { section: "ports", what: "ports", run: () => portFindings(settings, systemClock) },
  ];
}
