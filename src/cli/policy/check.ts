/** `sluice policy check`: everything in the policy that most likely was not meant. */
import type { PolicyReport } from "../../admin/policy-report.ts";
import type { Settings } from "../../config/settings.ts";
import { SluiceError } from "../../errors.ts";
import type { Finding, Severity } from "../../policy/check/finding.ts";
import { checkPolicy } from "../../policy/check.ts";
import { shownKey } from "../../policy/rule-key.ts";
import { askAdmin } from "../admin-client.ts";
import { printable } from "../screen-text.ts";
import { countOf, keyText, notice, print, printJson } from "./printing.ts";
import { type PolicyOptions, storedIn, withStore } from "./with-store.ts";

export interface CheckOptions extends PolicyOptions {
  readonly json?: boolean;
  /** Warnings count as errors. */
  readonly strict?: boolean;
}

const headings: Readonly<Record<Severity, string>> = { error: "ERRORS", warning: "WARNINGS", info: "NOTES" };

export function check(options: CheckOptions): Promise<void> {
  return withStore(options, async (store, settings) => {
    const rules = await storedIn(store);
    const bridge = await runningBridge(settings);
    const seen = "report" in bridge ? bridge.report.nodes : null;
    const findings = checkPolicy({ rules, settings: settings.policy, seen, nowMs: Date.now() });
    const count = (severity: Severity): number =>
      findings.filter((finding) => finding.severity === severity).length;
    const [errors, warnings, infos] = [count("error"), count("warning"), count("info")];
    const notChecked =
      "report" in bridge
        ? null
        : `whether limits.connections can be enforced was not checked: ${bridge.problem}`;
    const kept = "report" in bridge ? bridge.report.kept : null;
    if (options.json) {
      const shown = findings.map((finding) => ({ ...finding, key: shownKey(finding.key) }));
      printJson({ rules: rules.length, errors, warnings, infos, findings: shown, notChecked, kept });
    } else {
      for (const severity of ["error", "warning", "info"] as const) print(section(findings, severity));
      const sum = `${countOf(errors, "error")}, ${countOf(warnings, "warning")}, ${countOf(infos, "note")}`;
      print([printable(`${countOf(rules.length, "rule")} in ${store.description}: ${sum}`)]);
      if (notChecked !== null && rules.some(({ value }) => value.includes("connections"))) notice(notChecked);
      if (kept !== null && kept > 0)
        notice(
          `the bridge keeps ${countOf(kept, "rule")} in force that are not there any more: see \`sluice policy accept-empty\``,
        );
    }
    if (errors > 0 || (options.strict && warnings > 0)) process.exitCode = 1;
  });
}

function section(findings: readonly Finding[], severity: Severity): string[] {
  const of = findings.filter((finding) => finding.severity === severity);
  if (of.length === 0) return [];
  return [
    headings[severity],
    ...of.flatMap(({ key, what, remedy }) => [
      `  ${keyText(key) || '""'} ${printable(what)}`,
      `    ${printable(remedy)}`,
    ]),
    "",
  ];
}

async function runningBridge({ admin }: Settings): Promise<{ report: PolicyReport } | { problem: string }> {
  try {
    return { report: (await askAdmin(admin, { path: "/v1/policy" })) as PolicyReport };
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    return { problem: thrown.message };
  }
}
