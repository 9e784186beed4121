/** `sluice sessions`: who is connected now, as the running bridge knows it. */
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { SluiceError, textOf } from "../errors.ts";
import type { SessionList } from "../sessions/listing.ts";
import { printableJson } from "./screen-text.ts";
import { sessionTable } from "./session-table.ts";

export interface SessionsOptions {
  readonly config?: string;
  readonly user?: string;
  readonly proxy?: string;
  readonly node?: string;
  readonly ip?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** The bridge answers from memory; a million sessions take it a second or so. */
const answerWithinMs = 30_000;

/** @throws SluiceError config_invalid for a filter that is none, admin_unavailable */
export async function sessions(options: SessionsOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const { user, proxy, node, ip, limit } = options;
  if (settings.admin.port === 0) {
    throw new SluiceError(
      "config_invalid",
      "admin.port is 0, so the bridge took a free one: set SLUICE_ADMIN_PORT to the one that it printed",
    );
  }
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ user, proxy, node, ip })) {
    if (value !== undefined) query.set(name, value);
  }
  const list = await asked(settings.admin, query);
  if (options.json) {
    const json = JSON.stringify(list);
    process.stdout.write(`${process.stdout.isTTY ? printableJson(json) : json}\n`);
    return;
  }
  process.stdout.write(
    `${sessionTable(list, process.stdout.isTTY ? process.stdout.columns : null).join("\n")}\n`,
  );
}

async function asked(admin: Settings["admin"], query: URLSearchParams): Promise<SessionList> {
  const url = `${baseOf(admin)}/v1/sessions?${query}`;
  const headers: Record<string, string> =
    admin.token === undefined ? {} : { authorization: `Bearer ${admin.token}` };
  let answer: Response;
  let body: string;
  try {
    answer = await fetch(url, { headers, signal: AbortSignal.timeout(answerWithinMs) });
    body = await answer.text();
  } catch (thrown) {
    throw unavailable(
      `no bridge answers at ${baseOf(admin)} (admin.host, admin.port): ${causeOf(thrown)}`,
      thrown,
    );
  }
  if (answer.status === 401) {
    throw unavailable(`the bridge at ${baseOf(admin)} wants its token (admin.token, SLUICE_ADMIN_TOKEN)`);
  }
  if (answer.status === 400) throw new SluiceError("config_invalid", problemIn(body));
  if (answer.status !== 200) {
    throw unavailable(
      `what answers at ${baseOf(admin)} (admin.host, admin.port) is no bridge: status ${answer.status}`,
    );
  }
  return JSON.parse(body) as SessionList;
}

/** Who listens on all addresses is asked on this machine's own. */
function baseOf({ host, port }: Settings["admin"]): string {
  const own = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${own.includes(":") ? `[${own}]` : own}:${port}`;
}

function unavailable(text: string, cause?: unknown): SluiceError {
  return new SluiceError("admin_unavailable", text, { retryable: true, cause });
}

/** fetch says "fetch failed" and hides why. */
function causeOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && cause.message !== "" ? cause.message : textOf(thrown);
}

function problemIn(body: string): string {
  try {
    return String((JSON.parse(body) as { error?: unknown }).error);
  } catch {
    return "the bridge did not understand the filters";
  }
}
