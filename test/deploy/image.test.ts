/** The image, built by deploy/image/Dockerfile as it stands, and run with as few rights as can be. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { call } from "../cli/sluice.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { docker, namedVolume, type RunningContainer, runContainer } from "../hosts/docker-run.ts";
import { sluiceImage } from "../hosts/sluice-image.ts";
import { unique } from "../hosts/unique.ts";

const BUILD_TIMEOUT_MS = 15 * 60_000;
/** Half of it is Node. */
const MOST_BYTES = 260 * 1024 ** 2;

/** Judged sooner than the image says, which is all that differs from it. */
const fewRights = [
  "--health-interval",
  "500ms",
  "--read-only",
  "--cap-drop",
  "ALL",
  "--security-opt",
  "no-new-privileges",
];
const secrets = ["--env", "SLUICE_HTTP_AUTH=frps:s3cret", "--env", "SLUICE_ADMIN_TOKEN=t0ken"];
const published = ["--publish", "127.0.0.1::9000", "--publish", "127.0.0.1::9001"];
const password = { authorization: `Basic ${Buffer.from("frps:s3cret").toString("base64")}` };

const repository = join(import.meta.dirname, "../..");
const { version, license } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));

describeWith(["engine"], "the image", () => {
  let image: string;
  const started = (args: string[] = [], ...command: string[]): Promise<RunningContainer> =>
    runContainer([...fewRights, ...args], image, ...command);

  beforeAll(async () => {
    image = await sluiceImage();
  }, BUILD_TIMEOUT_MS);

  it("is small, and has nothing of what builds and tests it", async () => {
    const bytes = Number(await docker("image", "inspect", "--format", "{{.Size}}", image));
    expect(bytes).toBeLessThan(MOST_BYTES);
    const listed = await docker(
      "run",
      "--rm",
      "--entrypoint",
      "ls",
      image,
      "/opt/sluice",
      "/opt/sluice/node_modules",
    );
    const names = listed.split(/\s+/);
    expect(names).toEqual(expect.arrayContaining(["bin", "dist", "package.json", "LICENSE", "kafkajs"]));
    for (const name of ["src", "test", "typescript", "vitest", "npm", "@types"])
      expect(names).not.toContain(name);
    expect(names.filter((name) => name.startsWith("node-"))).toHaveLength(1);
    const nodes = await docker(
      "run",
      "--rm",
      "--entrypoint",
      "find",
      image,
      ...["/opt", "/usr", "/home", "/srv", "-name", "node", "-type", "f"],
    );
    expect(nodes.split("\n")).toHaveLength(1);
  });

  it("says what it is in labels", async () => {
    const labels = JSON.parse(await docker("image", "inspect", "--format", "{{json .Config.Labels}}", image));
    expect(labels).toMatchObject({
      "org.opencontainers.image.title": "Sluice",
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.licenses": license,
    });
  });

  it("has both programs on its PATH", async () => {
    expect(await docker("run", "--rm", ...fewRights, image, "--version")).toBe(version);
    const both = ["sh", "-c", "command -v sluice; command -v sluice-prox; sluice-prox --help < /dev/null"];
    const said = await docker("run", "--rm", ...fewRights, "--entrypoint", both[0]!, image, ...both.slice(1));
    expect(said).toContain("/usr/local/bin/sluice\n/usr/local/bin/sluice-prox\nUsage: sluice prox");
  });

  it("told nothing refuses to start, and names the settings that it needs", async () => {
    const container = await started();
    expect(await container.ended()).toBe(2);
    const log = await container.log();
    expect(log).toContain("set http.auth (SLUICE_HTTP_AUTH) to user:password");
    expect(log).toContain("set admin.token (SLUICE_ADMIN_TOKEN)");
  });

  it("answers on a root that is read-only, as a user who is nobody, and keeps what it answered over a restart", async () => {
    const volume = ["--volume", `${await namedVolume(unique("sluice-image"))}:/var/lib/sluice`];
    const container = await started([...secrets, ...published, ...volume]);
    expect(await container.health()).toBe("healthy");
    const [user] = (await container.exec("stat", "-c", "%u:%g", "/proc/1")).split("\n");
    expect(user).toBe("10001:10001");
    expect(await container.exec("readlink", "/proc/1/exe")).toMatch(/\/bin\/node$/);
    const url = `http://127.0.0.1:${await container.port(9000)}/handler`;
    expect(await call(url, "Login", { user: "alice" }, password)).toEqual({ reject: false, unchange: true });
    const admin = `http://127.0.0.1:${await container.port(9001)}`;
    expect((await fetch(`${admin}/metrics`)).status).toBe(401);
    expect((await fetch(`${admin}/metrics`, { headers: { authorization: "Bearer t0ken" } })).status).toBe(
      200,
    );
    expect(await container.exec("sluice", "sessions")).toContain("0 open");
    const instance = await container.exec("cat", "/var/lib/sluice/instance");
    await container.stop();
    expect(await container.ended()).toBe(0);
    expect(await container.log()).toMatch(/"reason":"SIGTERM","msg":"stopped"\}\s*$/);
    expect(await docker("diff", container.id)).toBe("");

    const next = await started([...secrets, ...volume]);
    expect(await next.health()).toBe("healthy");
    expect(await next.exec("cat", "/var/lib/sluice/instance")).toBe(instance);
    expect(await next.exec("sluice", "tail")).toMatch(/login\.allowed +frps +alice/);
  });

  it("runs as whichever user owns its folder", async () => {
    const owned = ["--user", "4711:4712", "--tmpfs", "/var/lib/sluice:uid=4711,gid=4712,mode=0700"];
    const container = await started([...secrets, ...owned]);
    expect(await container.health()).toBe("healthy");
    expect(await container.exec("stat", "-c", "%u:%g", "/var/lib/sluice/instance")).toBe("4711:4712");
  });

  it("that is told to stop ends as soon as what is open has ended, well within its drain time", async () => {
    const container = await started([...secrets, ...published, "--env", "SLUICE_STOP_DRAIN_MS=600000"]);
    expect(await container.health()).toBe("healthy");
    const url = `http://127.0.0.1:${await container.port(9000)}/handler`;
    await call(url, "Login", { user: "alice" }, { ...password, connection: "close" });
    await docker("kill", "--signal", "TERM", container.id);
    expect(await container.ended()).toBe(0);
  });
});
