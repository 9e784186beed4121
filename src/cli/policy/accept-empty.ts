/** `sluice policy accept-empty`: tells the running bridge that the rules are meant to be gone. */
import { askAdmin } from "../admin-client.ts";
import { countOf, print } from "./printing.ts";
import { type PolicyOptions, settingsOf } from "./with-store.ts";

/** @throws SluiceError admin_unavailable */
export async function acceptEmpty(options: PolicyOptions): Promise<void> {
  const { admin } = settingsOf(options);
  const { ended } = (await askAdmin(admin, { path: "/v1/policy/accept-empty", body: {} })) as {
    ended: number;
  };
  print([
    ended === 0 ? "The bridge kept no rules; nothing changed." : `${countOf(ended, "kept rule")} ended.`,
  ]);
}
