/** `sluice sessions`: who is connected now, as the running bridge knows it. */
import { resolve } from "node:path";
import { loadSettings } from "../config/load.ts";
import { slotFoldersIn } from "../prox/slot-folders.ts";
import type { SessionList } from "../sessions/listing.ts";
import { askAdmin } from "./admin-client.ts";
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

/** @throws SluiceError config_invalid for a filter that is none, admin_unavailable */
export async function sessions(options: SessionsOptions): Promise<void> {
  const { settings } = loadSettings(options.config ?? null, process.env);
  const { user, proxy, node, ip, limit } = options;
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ user, proxy, node, ip })) {
    if (value !== undefined) query.set(name, value);
  }
  const list = (await askAdmin(settings.admin, { path: `/v1/sessions?${query}` })) as SessionList;
  if (options.json) {
    const json = JSON.stringify(list);
    process.stdout.write(`${process.stdout.isTTY ? printableJson(json) : json}\n`);
    return;
  }
  const none = list.open + list.ending + list.unknown === 0;
  if (none && slotFoldersIn(resolve(settings.data.dir)).length > 0)
    process.stderr.write(
      "sluice: connections of prox are not listed, since prox does not tell when they end\n",
    );
  process.stdout.write(
    `${sessionTable(list, process.stdout.isTTY ? process.stdout.columns : null).join("\n")}\n`,
  );
}
