/** The settings, by themselves and together. */
import type { LoadedSettings, ReadSettings } from "../../config/load.ts";
import { securityRemarks } from "../../config/tls-files.ts";
import { type Finding, green, red, yellow } from "./finding.ts";

export function settingsFindings({ loaded, problems }: ReadSettings): Finding[] {
  const wrong = problems.map((problem) =>
    red("setting", problem, "put it right: the bridge does not start with it"),
  );
  if (loaded === null) {
    return [...wrong, red("the rest", "not looked at", "it takes settings that can be read")];
  }
  const remarks = securityRemarks(loaded.settings).map(remarkOf);
  return [...(wrong.length > 0 ? wrong : [green("settings", originsOf(loaded))]), ...remarks];
}

/** A remark ends with its remedy. */
function remarkOf(remark: string): Finding {
  const at = Math.max(remark.lastIndexOf("; "), remark.lastIndexOf(": "));
  return yellow("secrecy", remark.slice(0, at), remark.slice(at + 2));
}

function originsOf({ origins }: LoadedSettings): string {
  const counts = new Map<string, number>();
  for (const origin of origins.values()) {
    const place = origin.startsWith("SLUICE_") ? "the environment" : origin;
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  const told = [...counts].map(([place, count]) => `${count} from ${place}`);
  return told.length === 0 ? "all are defaults" : `${told.join(", ")}, else defaults; they fit together`;
}
