import { chown } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { postgresPrograms } from "./postgres-program.ts";
import { type Command, run } from "./process.ts";
import { NativeServer } from "./server.ts";

const NOBODY = 65_534;

/** A PostgreSQL of one test's own: user and database postgres, no password, on loopback alone. */
export type PostgresHost = NativeServer & {
  port: number;
  /** Runs psql in a folder; returns what it printed. */
  psql(args: readonly string[], cwd?: string): Promise<string>;
  /** Resolves when this SQL condition holds; looked at by the server, again and again. */
  until(condition: string, timeoutMs?: number): Promise<void>;
};

export async function startPostgres(): Promise<PostgresHost> {
  const programs = await postgresPrograms();
  const folder = await temporaryFolder("postgres");
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(folder.path, NOBODY, NOBODY);
  const command = (name: string, args: string[]): Command => {
    const program = join(programs, name);
    if (!isRoot) return { program, args, cwd: folder.path };
    const asNobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", program];
    return { program: "setpriv", args: [...asNobody, ...args], cwd: folder.path };
  };
  const data = join(folder.path, "data");
  await run(command("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]));
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", `unix_socket_directories=${folder.path}`, "fsync=off"];
  const server = new NativeServer({
    command: command("postgres", ["-D", data, "-p", `${port}`, ...settings.flatMap((one) => ["-c", one])]),
    ready: /database system is ready to accept connections/,
    readyWithinMs: 30_000,
    graceMs: 10_000,
    folder,
  });
  await server.start();
  const place = ["-X", "-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres", "-v", "ON_ERROR_STOP=1"];
  const psql = (args: readonly string[], cwd = folder.path): Promise<string> =>
    run({ program: join(programs, "psql"), args: [...place, ...args], cwd });
  return Object.assign(server, {
    port,
    psql,
    async until(condition: string, timeoutMs = 60_000) {
      // With a lock held over the wait, nobody could alter a table meanwhile.
      const look = `WHILE (${condition}) IS NOT TRUE LOOP COMMIT; PERFORM pg_sleep(0.02); END LOOP;`;
      await psql(["-q", "-c", `SET statement_timeout = ${timeoutMs}`, "-c", `DO $$ BEGIN ${look} END $$`]);
    },
  });
}
