/** A check of the doctor: it ends, whatever it looks at. */
import type { Clock } from "../../clock.ts";
import { textOf } from "../../errors.ts";
import { type Finding, red, type Section } from "./finding.ts";

export interface Check {
  readonly section: Section;
  readonly what: string;
  readonly run: () => Promise<readonly Finding[]>;
}

export interface Checked extends Finding {
  readonly section: Section;
}

/** All at once, and told in this order. One that throws, or takes longer than `withinMs`, is red. */
export async function runChecks(
  checks: readonly Check[],
  clock: Clock,
  withinMs: number,
): Promise<Checked[]> {
  const found = await Promise.all(
    checks.map(async (check) => {
      const findings = await limited(check, clock, withinMs);
      return findings.map((finding) => ({ section: check.section, ...finding }));
    }),
  );
  return found.flat();
}

function limited({ what, run }: Check, clock: Clock, withinMs: number): Promise<readonly Finding[]> {
  return new Promise((resolve) => {
    const cancel = clock.after(withinMs, () =>
      resolve([
        red(
          what,
          `no end after ${withinMs / 1000} s`,
          "see what hangs there: a disk or network that does not answer, or something in between",
        ),
      ]),
    );
    run()
      .catch((thrown) => [red(what, textOf(thrown), "this was not foreseen: please report it")])
      .then(resolve)
      .finally(cancel);
  });
}
