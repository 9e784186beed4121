/** A program with a process that it does not get closed. */
import { runUntilTold } from "../../scripts/stack/until-told.ts";
import { Log } from "../hosts/log.ts";
import { Supervised } from "../hosts/process.ts";

const never = new Promise<never>(() => {});

await runUntilTold(async ({ atEnd, say }) => {
  new Supervised({ program: process.execPath, args: ["-e", "setInterval(() => {}, 1e6)"] }, new Log());
  atEnd(() => never);
  say("ready");
  return never;
});
