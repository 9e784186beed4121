/** The worker's half of journal.ts: everything that waits in the port is one write and one fdatasync. */
import { fdatasyncSync, openSync, writeSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

const fd = openSync((workerData as { path: string }).path, "a");

parentPort?.on("message", (first: string) => {
  let text = first;
  let batches = 1;
  for (;;) {
    const more = parentPort && (receiveMessageOnPort(parentPort) as { message: string } | undefined);
    if (!more) break;
    text += more.message;
    batches++;
  }
  writeSync(fd, text);
  fdatasyncSync(fd);
  parentPort?.postMessage(batches);
});
