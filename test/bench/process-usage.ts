/** What a process has used, from /proc; NaN where there is none. */
import { readFileSync } from "node:fs";

/** Of clock_t, in which /proc counts; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export interface CpuUsage {
  /** User and system time of all threads, microseconds. */
  readonly process: number;
  readonly main: number;
}

export function cpuOf(pid: number): CpuUsage {
  return { process: usedUs(`/proc/${pid}/stat`), main: usedUs(`/proc/${pid}/task/${pid}/stat`) };
}

/** What lies in memory, MiB. */
export function rssMiB(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

function usedUs(path: string): number {
  try {
    // The name in brackets may hold blanks; utime and stime are the 14th and 15th field.
    const fields = readFileSync(path, "utf8").split(") ")[1]!.split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}
