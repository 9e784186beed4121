/** The store that a policy command works on. */
import { loadSettings } from "../../config/load.ts";
import type { Settings } from "../../config/settings.ts";
import type { PolicyStore, StoredRule } from "../../policy/store.ts";
import { openPolicyStore } from "../../wiring/policy-store.ts";

export interface PolicyOptions {
  readonly config?: string;
}

export function settingsOf({ config }: PolicyOptions): Settings {
  return loadSettings(config ?? null, process.env, { ports: [] }).settings;
}

/** Opens the store for one command, and closes it whatever comes of that. */
export async function withStore<Result>(
  options: PolicyOptions,
  run: (store: PolicyStore, settings: Settings) => Promise<Result>,
): Promise<Result> {
  const settings = settingsOf(options);
  const store = await openPolicyStore(settings);
  try {
    return await run(store, settings);
  } finally {
    await store.close();
  }
}

export async function storedIn(store: PolicyStore): Promise<StoredRule[]> {
  const rules: StoredRule[] = [];
  for await (const rule of store.all()) rules.push(rule);
  return rules;
}
