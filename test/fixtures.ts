/** The recorded calls of a real frps, and what in them must never be seen again. */
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
