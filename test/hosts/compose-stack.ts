/** A copy of deploy/compose with secrets of its own, and Docker Compose's commands upon it. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { composeProgram } from "./compose-program.ts";
import { docker } from "./docker-run.ts";
import { temporaryFolder } from "./folder.ts";
import { keep } from "./keeper.ts";
import { closeWithFile } from "./open.ts";
import { run } from "./process.ts";
import { unique } from "./unique.ts";

const repository = join(import.meta.dirname, "../..");

export interface ComposeStack {
  /** Of the copy: what is deploy/compose in the checkout. */
  folder: string;
  compose(...args: string[]): Promise<string>;
  secret(name: string): Promise<string>;
  /** Starts these services and what they depend on, and resolves when all are healthy; taken down with the test file. */
  up(...services: string[]): Promise<void>;
}

/** @param env what stands in its .env */
export async function composeStack(
  env: Readonly<Record<string, string | number>> = {},
): Promise<ComposeStack> {
  const place = await temporaryFolder("compose");
  closeWithFile({ [Symbol.asyncDispose]: () => place.remove() });
  for (const part of ["deploy", "connectors"])
    await cp(join(repository, part), join(place.path, part), { recursive: true });
  const folder = join(place.path, "deploy/compose");
  await run({ program: "sh", args: [join(folder, "make-secrets.sh")] });
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder, ".env"), lines.join(""));
  const [program, ...first] = await composeProgram();
  const project = ["--project-name", unique("sluice"), "--file", join(folder, "compose.yaml")];
  const compose = (...args: string[]): Promise<string> =>
    run({ program, args: [...first, ...project, ...args], cwd: folder });
  return {
    folder,
    compose,
    secret: async (name) => (await readFile(join(folder, "secrets", name), "utf8")).trim(),
    async up(...services) {
      closeWithFile({
        [Symbol.asyncDispose]: async () => void (await compose("down", "--volumes", "--timeout", "5")),
      });
      await compose("create", ...services);
      for (const id of (await compose("ps", "--all", "--quiet")).trim().split("\n")) keep("container", id);
      await compose("up", "--detach", "--wait", ...services).catch(async (error) => {
        throw new Error(await compose("logs", "--tail", "20"), { cause: error });
      });
    },
  };
}

/** The exit code of a service's container that has ended. */
export async function exitCodeOf({ compose }: ComposeStack, service: string): Promise<number> {
  const id = (await compose("ps", "--all", "--quiet", service)).trim();
  return Number(await docker("inspect", "--format", "{{.State.ExitCode}}", id));
}
