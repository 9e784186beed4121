/** What it was measured on: no names, no paths. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";

export function machine(): string {
  const parts = [
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"})`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${type()} ${release().split("-")[0]}${isVirtual() ? ", a virtual machine" : ""}`,
    `journal on ${fileSystem()}`,
    `Node ${process.versions.node}, V8 ${process.versions.v8.split("-")[0]}`,
  ];
  return parts.join("; ");
}

/** How busy it is with whatever else runs: with more than a tenth of a core taken, figures tell little. */
export function otherLoad(): string {
  return `load of the last minute when it began: ${loadavg()[0]!.toFixed(1)}`;
}

function fileSystem(): string {
  try {
    return execFileSync("df", ["--output=fstype", tmpdir()], { encoding: "utf8" }).split("\n")[1]!.trim();
  } catch {
    return "an unknown file system";
  }
}

function isVirtual(): boolean {
  try {
    return / hypervisor /.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}
