/** `sluice prox`, as the command line has it. */
import type { Command } from "commander";
import { command, configOption } from "./options.ts";

export function addProxCommand(sluice: Command): void {
  command(sluice, "prox", "run as the plugin of prox, over stdin and stdout; prox starts bin/sluice-prox")
    .addOption(configOption())
    .action(async ({ config }: { config?: string }) => (await import("./prox.ts")).prox(config ?? null));
}
