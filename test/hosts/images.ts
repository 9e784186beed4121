/**
 * The images of the services. Where no registry answers, one of the same name is made of this machine's own program:
 * a tar of it with the libraries that it loads.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { engine } from "./docker.ts";
import { kafkaProgram } from "./kafka-program.ts";
import { onPath, run } from "./process.ts";
import { redisProgram } from "./redis-program.ts";

const names = { redis: "redis:7-alpine", kafka: "apache/kafka:4.3.1" };

/** Files for an image: where they lie here, and where inside if elsewhere. */
interface Contents {
  files: string[];
  moves: { from: string; to: string }[];
  changes: string[];
}

const contents = { redis: redisContents, kafka: kafkaContents };
const had = new Map<string, Promise<string>>();

/** The name of an image that the engine has: there already, pulled, or made here. */
export function imageFor(service: "redis" | "kafka"): Promise<string> {
  const found = had.get(service) ?? obtain(names[service], contents[service]);
  had.set(service, found);
  return found;
}

async function obtain(name: string, make: () => Promise<Contents>): Promise<string> {
  const { ImageName } = await import("testcontainers");
  const { image } = await engine();
  const parsed = ImageName.fromString(name);
  await image.pull(parsed).catch(() => {});
  if (await image.exists(parsed)) return name;
  await importImage(name, await make());
  if (!(await image.exists(parsed))) throw new Error(`${name} could be neither pulled nor made`);
  return name;
}

async function importImage(name: string, { files, moves, changes }: Contents): Promise<void> {
  const transforms = moves.map(({ from, to }) => `--transform=s,^${from.slice(1)},${to},`);
  const tar = spawn(
    "tar",
    ["-chf", "-", "--exclude=src.zip", "--exclude=jmods", ...transforms, "-C", "/"].concat(
      files.map((file) => file.slice(1)),
    ),
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const [repo, tag] = name.split(":");
  const { container } = await engine();
  const answer = await container.dockerode.importImage(tar.stdout, {
    repo,
    tag,
    changes: [...changes, "LABEL sluice.test=made-of-local-programs"],
  });
  answer.resume();
  await once(answer, "end");
}

async function redisContents(): Promise<Contents> {
  const { program, env } = await redisProgram();
  return {
    files: [program, ...(await librariesOf([program], env))],
    moves: [{ from: program, to: "usr/local/bin/redis-server" }],
    changes: [
      "ENV PATH=/usr/local/bin:/usr/bin:/bin",
      // Libraries that were unpacked beside it lie where no loader looks by itself, inside as here.
      ...Object.entries(env).map(([name, value]) => `ENV ${name}=${value}`),
    ],
  };
}

async function kafkaContents(): Promise<Contents> {
  const { java, jars } = await kafkaProgram();
  const home = dirname(dirname(await realpath(java)));
  const own = (await readdir(home, { recursive: true })).filter((file) => file.endsWith(".so"));
  const shell = (await onPath("sh")) ?? "/bin/sh";
  const loaded = await librariesOf(
    [join(home, "bin/java"), shell, ...own.map((file) => join(home, file))],
    {},
  );
  return {
    files: [home, jars, shell, ...loaded.filter((file) => !file.startsWith(home))],
    moves: [
      { from: jars, to: "opt/kafka/libs" },
      { from: home, to: "opt/java/openjdk" },
      { from: shell, to: "bin/sh" },
    ],
    changes: ["ENV PATH=/opt/java/openjdk/bin:/usr/bin:/bin"],
  };
}

/** Parts of the C library that jars' own native code (zstd) asks for, though nothing that lies here does. */
const STUBS = ["libpthread.so.0", "libdl.so.2", "librt.so.1"];

/** What the loader would load for these files, by the paths it knows them by. */
async function librariesOf(files: string[], env: Record<string, string>): Promise<string[]> {
  const output = await run({ program: "ldd", args: files, env });
  const loaded = output.match(/(?<=^\t(?:\S+ => )?)\/\S+(?= \()/gm) ?? [];
  const libc = loaded.find((file) => basename(file) === "libc.so.6");
  const stubs = libc ? STUBS.map((stub) => join(dirname(libc), stub)).filter(existsSync) : [];
  return [...new Set([...loaded, ...stubs])];
}
