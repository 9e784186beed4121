/** The admin port of a bridge that runs, as commands ask it. */
import type { Settings } from "../config/settings.ts";
import { SluiceError, textOf } from "../errors.ts";

/** The bridge answers from memory; a million sessions take it a second or so. */
const answerWithinMs = 30_000;

export interface AdminCall {
  /** With its query: `/v1/sessions?limit=10`. */
  readonly path: string;
  /** Sent by POST, as JSON; without it the call is a GET. */
  readonly body?: unknown;
}

/**
 * What the bridge answers, parsed.
 *
 * @throws SluiceError config_invalid where it did not take what was asked, admin_unavailable where it did not answer
 */
export async function askAdmin(admin: Settings["admin"], { path, body }: AdminCall): Promise<unknown> {
  if (admin.port === 0) {
    throw new SluiceError(
      "config_invalid",
      "admin.port is 0, so the bridge took a free one: set SLUICE_ADMIN_PORT to the one that it printed",
    );
  }
  const headers: Record<string, string> = {
    ...(admin.token !== undefined && { authorization: `Bearer ${admin.token}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(baseOf(admin) + path, {
      headers,
      signal: AbortSignal.timeout(answerWithinMs),
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
    text = await answer.text();
  } catch (thrown) {
    throw unavailable(
      `no bridge answers at ${baseOf(admin)} (admin.host, admin.port): ${causeOf(thrown)}`,
      thrown,
    );
  }
  if (answer.status === 401) {
    throw unavailable(`the bridge at ${baseOf(admin)} wants its token (admin.token, SLUICE_ADMIN_TOKEN)`);
  }
  if (answer.status === 400) throw new SluiceError("config_invalid", problemIn(text));
  if (answer.status !== 200) {
    throw unavailable(
      `what answers at ${baseOf(admin)} (admin.host, admin.port) is no bridge: status ${answer.status}`,
    );
  }
  return JSON.parse(text);
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
    return "the bridge did not understand what was asked";
  }
}
