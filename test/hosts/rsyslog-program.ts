import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Building, built } from "./cache.ts";
import { onPath, run } from "./process.ts";

/** rsyslogd, its modules for Kafka and TLS, and the libraries that a system without them lacks. */
const PACKAGES = [
  ...["rsyslog", "rsyslog-kafka", "rsyslog-gnutls"],
  ...["libestr0", "libfastjson4", "liblognorm5", "librdkafka1", "liblz4-1", "libsasl2-2"],
];
/** What the connector loads, beside what rsyslog has built in. */
const MODULES = ["imkafka.so", "omkafka.so", "mmjsonparse.so", "lmnsd_gtls.so"];

export interface RsyslogProgram {
  program: string;
  /** The folder of its modules. */
  modules: string;
  env: Record<string, string>;
}

/** Why rsyslog can't be run here; undefined if it can. */
export async function rsyslogMissing(): Promise<string | undefined> {
  if (await installed()) return undefined;
  if ((await onPath("apt-get")) && (await onPath("dpkg"))) return undefined;
  return "no rsyslogd with imkafka and gnutls is installed, and this is no Debian to unpack one from";
}

/** The installed rsyslogd, or else Debian's, unpacked into the cache without being installed. */
export async function rsyslogProgram(): Promise<RsyslogProgram> {
  return (await installed()) ?? unpacked(await built(await fromDebian()));
}

async function installed(): Promise<RsyslogProgram | undefined> {
  const places = [await onPath("rsyslogd"), "/usr/sbin/rsyslogd"];
  const program = places.find((place) => place !== undefined && existsSync(place));
  if (program === undefined) return undefined;
  const folders = [...(await librariesIn("/usr/lib")), "/usr/lib", "/usr/lib64"];
  const modules = folders.map((folder) => join(folder, "rsyslog")).find(hasModules);
  return modules === undefined ? undefined : { program, modules, env: {} };
}

async function unpacked(root: string): Promise<RsyslogProgram> {
  const libraries = await librariesIn(join(root, "usr/lib"));
  const modules = libraries.map((folder) => join(folder, "rsyslog")).find(hasModules);
  if (modules === undefined) throw new Error(`Debian's rsyslog packages bring none of ${MODULES.join(", ")}`);
  return {
    program: join(root, "usr/sbin/rsyslogd"),
    modules,
    env: { LD_LIBRARY_PATH: libraries.join(":") },
  };
}

function hasModules(folder: string): boolean {
  return MODULES.every((name) => existsSync(join(folder, name)));
}

async function librariesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.includes("-linux-")).map((name) => join(folder, name));
}

async function fromDebian(): Promise<Building> {
  const release = existsSync("/etc/os-release") ? await readFile("/etc/os-release", "utf8") : "";
  return {
    name: "rsyslog-debian",
    recipe: `${PACKAGES} ${release}`,
    async build(folder) {
      await run({ program: "apt-get", args: ["download", ...PACKAGES], cwd: folder });
      const packages = (await readdir(folder)).filter((file) => file.endsWith(".deb"));
      for (const file of packages) await run({ program: "dpkg", args: ["-x", file, "."], cwd: folder });
    },
  };
}
