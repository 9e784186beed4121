/** The recorded calls of a real frps, and what in them must never be seen again; the recorded frames of a real prox. */
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("./fixtures/frp/", import.meta.url);

export interface FrpCall {
  readonly file: string;
  readonly op: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly reqid: string;
  readonly rawBody: string;
  readonly content: Record<string, unknown>;
}

export const frpCalls: readonly FrpCall[] = readdirSync(folder)
  .filter((file) => !file.startsWith("session"))
  .map((file) => {
    const { op, request, rawBody, body } = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
    return {
      file,
      op,
      headers: request.headers,
      reqid: request.headers["X-Frp-Reqid"],
      rawBody,
      content: body.content,
    };
  });

export interface SessionCall {
  readonly op: string;
  readonly reqid: string;
  readonly rawBody: string;
}

/** One whole run of a real frps with four clients, in order of arrival. */
export const frpSession: readonly SessionCall[] = JSON.parse(
  readFileSync(new URL("session.tcp-and-others.json", folder), "utf8"),
).events;

const secretFields = ["privilege_key", "sk", "http_user", "http_pwd", "group_key", "run_id"];

/** Every secret text in a content, by the protocol's own list; `metas` and three headers count whole. */
export function secretsOf(value: unknown, within = false): string[] {
  if (typeof value === "string") return within && value !== "" ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    secretsOf(
      inner,
      within ||
        secretFields.includes(name) ||
        /^(metas|authorization|cookie|proxy-authorization)$/i.test(name),
    ),
  );
}

const proxFolder = new URL("./fixtures/prox/", import.meta.url);

export interface ProxCall {
  readonly file: string;
  readonly hook: "on_request" | "on_response" | "on_connect" | "on_disconnect";
  /** With its length. */
  readonly frame: Buffer;
  /** Its payload, decoded; bytes as Buffer. */
  readonly payload: Record<string, unknown>;
  /** What was answered, with its length; null where nothing was. */
  readonly reply: { readonly frame: Buffer; readonly payload: Record<string, unknown> } | null;
}

export const proxCalls: readonly ProxCall[] = readdirSync(proxFolder)
  .filter((file) => file.startsWith("on_"))
  .map((file) => {
    const { hook, frameHex, payload, reply } = readProx(file);
    const answered = reply && { frame: Buffer.from(reply.frameHex, "hex"), payload: reply.payload };
    return { file, hook, frame: Buffer.from(frameHex, "hex"), payload, reply: answered };
  });

interface ProxFrame {
  readonly conn: number;
  readonly hook: string;
  readonly frame: Buffer;
  readonly reply: Buffer | null;
}

/** One whole run of a real prox in order of arrival: every hook, over one or more connections. */
export const proxSession: readonly ProxFrame[] = readProx("session.all-hooks.json").frames.map(
  (one: { conn: number; hook: string; frameHex: string; replyHex: string | null }) => ({
    conn: one.conn,
    hook: one.hook,
    frame: Buffer.from(one.frameHex, "hex"),
    reply: one.replyHex === null ? null : Buffer.from(one.replyHex, "hex"),
  }),
);

interface ProxLine {
  readonly dir: "prox->plugin" | "plugin->prox";
  /** Missing at the end of the stream. */
  readonly line?: string;
}

/** What went over stdin and stdout of a plugin. */
export function proxLines(name: "start-stop" | "reload"): readonly ProxLine[] {
  return readProx(`stdio.${name}.json`).lines;
}

// biome-ignore lint/suspicious/noExplicitAny: recorded files, each of its own shape
function readProx(file: string): any {
  const text = readFileSync(new URL(file, proxFolder), "utf8");
  return JSON.parse(text, (_name, value) => (value?.type === "Buffer" ? Buffer.from(value.data) : value));
}
