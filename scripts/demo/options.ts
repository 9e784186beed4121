/** What is asked of `npm run demo`. */
import { parseArgs } from "node:util";

export interface DemoOptions {
  readonly seconds: number;
}

const usage = `Shows Sluice at work: real frps, frpc, Redis and Kafka, users who connect, and a rule that is flipped.

  npm run demo -- [options]

  --seconds <n>  how long users come (default 50); all of it takes some seconds more
  --help

Exit code 0: \`sluice verify\` found every event on Kafka; 1: it did not, or something did not start; 2: wrong options.
`;

/** A text to print instead of running. @throws Error saying what is wrong */
export function demoOptionsOf(args: readonly string[]): DemoOptions | string {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: "string", default: "50" }, help: { type: "boolean" } },
  });
  if (values.help) return usage;
  const seconds = Number(values.seconds);
  if (!(seconds >= 1)) throw new Error(`--seconds must be a number from 1 on, not ${values.seconds}`);
  return { seconds };
}
