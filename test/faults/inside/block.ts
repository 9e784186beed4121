/** At SIGUSR2 the main thread stands still for blockMs; other threads go on. Loaded by --import. */
import { writeFileSync, writeSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { controlVariable, pidFile, readControl } from "../tools/steering.ts";

if (isMainThread) {
  writeFileSync(pidFile(process.env[controlVariable]!), String(process.pid));
  process.on("SIGUSR2", () => {
    writeSync(2, "fault: the main thread stands still\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, readControl().blockMs);
  });
}
