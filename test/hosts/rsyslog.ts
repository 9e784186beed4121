import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./folder.ts";
import { run } from "./process.ts";
import { type RsyslogProgram, rsyslogProgram } from "./rsyslog-program.ts";
import { NativeServer } from "./server.ts";

export const connectorConf = fileURLToPath(new URL("../../connectors/syslog/rsyslog.conf", import.meta.url));

/** A rsyslogd of one test's own, beside whatever the machine has; what it says itself is its log. */
export type RsyslogHost = NativeServer & {
  /** Where it keeps its queue. */
  readonly spool: string;
};

/** Not started yet. `conf` is run as it is, with what it asks of the environment; SPOOL is given by this. */
export async function makeRsyslog(conf: string, env: Record<string, string>): Promise<RsyslogHost> {
  const found = await rsyslogProgram();
  const folder = await temporaryFolder("rsyslog");
  const spool = join(folder.path, "spool");
  await mkdir(spool);
  // In the foreground it writes nothing but errors; the rest is in its file.
  const followed = ': > "$0"; tail --pid=$$ -s 0.1 -n +1 -f "$0" & exec "$@"';
  const rsyslogd = [found.program, "-n", "-i", join(folder.path, "pid"), "-M", found.modules, "-f", conf];
  const server = new NativeServer({
    command: {
      program: "sh",
      args: ["-c", followed, join(spool, "rsyslog.log"), ...rsyslogd],
      cwd: folder.path,
      env: { ...found.env, ...env, SPOOL: spool },
    },
    ready: /\[origin software="rsyslogd".*\] start/,
    readyWithinMs: 30_000,
    graceMs: 30_000,
    folder,
  });
  return Object.assign(server, { spool });
}

/** What rsyslog's own check says of a configuration; empty when it has nothing against it. */
export async function problemsIn(conf: string, env: Record<string, string>): Promise<string> {
  const { program, modules, env: libraries }: RsyslogProgram = await rsyslogProgram();
  const folder = await temporaryFolder("rsyslog-check");
  try {
    const args = ["-c", '"$@" 2>&1 || echo "exit code $?"', "sh", program, "-N1", "-M", modules, "-f", conf];
    const output = await run({ program: "sh", args, env: { ...libraries, ...env, SPOOL: folder.path } });
    return output
      .split("\n")
      .filter((line) => line !== "" && !/config validation run/.test(line))
      .join("\n");
  } finally {
    await folder.remove();
  }
}
