/** deploy/compose, as Docker Compose reads it, and as much of it run as there are images for. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { json } from "node:stream/consumers";
import { parse } from "smol-toml";
import { beforeAll, expect, it } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import type { Settings } from "../../src/config/settings.ts";
import { startBackend } from "../hosts/backend.ts";
import { composeImage } from "../hosts/compose-images.ts";
import { type ComposeStack, composeStack, exitCodeOf } from "../hosts/compose-stack.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { startFrpc } from "../hosts/frp.ts";
import { tcpUser } from "../hosts/frp-user.ts";
import { freePort } from "../hosts/ports.ts";
import { run } from "../hosts/process.ts";
import { sluiceImage } from "../hosts/sluice-image.ts";

const BUILD_TIMEOUT_MS = 20 * 60_000;
const RUN_TIMEOUT_MS = 4 * 60_000;

interface Service {
  image: string;
  command?: string[] | null;
  environment?: Record<string, string>;
  secrets?: { source: string; target?: string }[];
  volumes?: { type: string; source: string; target: string }[];
  ports?: { host_ip?: string; published: string; target: number }[];
  networks: Record<string, unknown>;
  stop_grace_period?: string;
}

interface Model {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  secrets: Record<string, { file: string }>;
}

describeWith(["compose"], "compose.yaml", () => {
  let stack: ComposeStack;
  let model: Model;
  const read = (file: string): Promise<string> => readFile(join(stack.folder, file), "utf8");

  beforeAll(async () => {
    stack = await composeStack();
    model = JSON.parse(await stack.compose("--profile", "*", "config", "--format", "json"));
  });

  /** As the program in the container would load them: the secrets' files lie elsewhere here. */
  function settingsOf({ environment = {}, secrets = [] }: Service): Settings {
    const env = Object.entries(environment).map(([name, value]) => {
      const source = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
      if (source !== undefined) expect(secrets.map((secret) => secret.source)).toContain(source);
      return [name, source === undefined ? value : model.secrets[source]!.file];
    });
    const ports = "SLUICE_HTTP_AUTH_FILE" in environment ? {} : { ports: [] };
    return loadSettings(null, Object.fromEntries(env), ports).settings;
  }

  const folderOfConnectors = (): string =>
    model.services.connectors!.volumes!.find(({ target }) => target === "/connectors")!.source;

  async function connectors(): Promise<{ name: string; config: unknown }[]> {
    const folder = folderOfConnectors();
    const files = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
    return Promise.all(
      files.map(async (file) => ({
        name: basename(file, ".json"),
        config: JSON.parse(await readFile(join(folder, file), "utf8")),
      })),
    );
  }

  it("mounts only what is there", () => {
    const mounted = Object.values(model.services).flatMap(({ volumes = [] }) =>
      volumes.filter(({ type }) => type === "bind").map(({ source }) => source),
    );
    const files = [...mounted, ...Object.values(model.secrets).map(({ file }) => file)];
    expect(files.length).toBeGreaterThan(15);
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });

  it("sets only what Sluice knows, and gives it time to stop", () => {
    const settings = settingsOf(model.services.sluice!);
    expect(settings.http.auth).toMatch(/^frps:[0-9a-f]{48}$/);
    expect(settings.stop).toEqual({ delayMs: 10_000, drainMs: 95_000 });
    expect(model.services.sluice!.stop_grace_period).toBe("2m0s");
    const users = ["sluice", "policy", "bans"].map((name) => settingsOf(model.services[name]!).redis.url);
    expect(users).toEqual(
      ["bridge", "writer", "bans"].map((name) =>
        expect.stringMatching(`^redis://sluice-${name}:[0-9a-f]{48}@`),
      ),
    );
  });

  it("has every port where its users look for it", async () => {
    const { http, redis, kafka, admin } = settingsOf(model.services.sluice!);
    const frps = parse(await read("frps.toml")) as unknown as {
      bindPort: number;
      allowPorts: { start: number; end: number }[];
      httpPlugins: { addr: string; path: string }[];
    };
    const [plugin] = frps.httpPlugins;
    expect(plugin).toMatchObject({ path: http.path });
    expect(plugin!.addr).toMatch(new RegExp(`^frps:.*@sluice:${http.port}$`));
    const inside = model.services.frps!.ports!.map(({ target }) => target);
    const [users] = frps.allowPorts;
    const range = Array.from({ length: users!.end - users!.start + 1 }, (_, n) => users!.start + n);
    expect(inside).toEqual([frps.bindPort, ...range]);
    expect(redis.url).toMatch(/@redis:6379$/);
    expect(await read("kafka/server.properties")).toContain(
      `advertised.listeners=PLAINTEXT://${kafka.brokers[0]}`,
    );
    expect(await read("prometheus.yml")).toContain(`"sluice:${admin.port}"`);
    expect(await read("grafana/datasource.yaml")).toContain("http://prometheus:9090");
    expect(model.services.prometheus!.ports).toMatchObject([{ target: 9090 }]);
  });

  it("gives each program the secrets and variables that its configuration names", async () => {
    const files: Record<string, string[]> = { prometheus: ["prometheus.yml"], frps: ["frps.toml"] };
    for (const [name, service] of Object.entries(model.services)) {
      const texts = await Promise.all((files[name] ?? []).map(read));
      const told = [JSON.stringify([service.command, service.environment]), ...texts].join("\n");
      const named = [...told.matchAll(/\/run\/secrets\/([\w.-]+)/g)].map(([, secret]) => secret);
      const given = (service.secrets ?? []).map(({ source }) => source);
      expect([...new Set(named)].sort(), name).toEqual(given.sort());
    }
    const variables = ({ environment }: Service): string[] => Object.keys(environment ?? {});
    const ofFrps = [...(await read("frps.toml")).matchAll(/\.Envs\.(\w+)/g)].map(([, variable]) => variable);
    expect(ofFrps).toHaveLength(2);
    expect(variables(model.services.frps!)).toEqual(expect.arrayContaining(ofFrps));
    const connect = model.services.connect!;
    const allowed = new RegExp(
      `^${connect.environment!.CONNECT_CONFIG_PROVIDERS_ENV_PARAM_ALLOWLIST_PATTERN}$`,
    );
    for (const connector of await connectors()) {
      const ofConnector = [...JSON.stringify(connector.config).matchAll(/\$\{env:(\w+)\}/g)].map(
        ([, variable]) => variable!,
      );
      expect(ofConnector).toHaveLength(3);
      expect(variables(connect)).toEqual(expect.arrayContaining(ofConnector));
      for (const variable of ofConnector) expect(variable).toMatch(allowed);
    }
  });

  it("gives Connect each connector under the name of its file", async () => {
    const asked: { path: string | undefined; config: unknown }[] = [];
    const server = createServer((request, response) => {
      void json(request).then((config) => {
        asked.push({ path: `${request.method} ${request.url}`, config });
        response.writeHead(201).end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = [join(stack.folder, "register.mjs"), url, folderOfConnectors()];
    await run({ program: process.execPath, args });
    server.close();
    expect(asked.toSorted((a, b) => a.path!.localeCompare(b.path!))).toEqual(
      (await connectors()).map(({ name, config }) => ({ path: `PUT /connectors/${name}/config`, config })),
    );
  });

  it("scrapes under the name that the alerts look for", async () => {
    const jobs = (text: string): string[] => text.match(/job_name: .*/g) ?? [];
    expect(jobs(await read("prometheus.yml"))).toEqual(jobs(await read("../prometheus/prometheus.yml")));
  });

  it("lets in from without only frps's clients and users, and this machine's operators", () => {
    const published = Object.entries(model.services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name).sort()).toEqual(["frps", "grafana", "prometheus"]);
    for (const [name, { ports = [] }] of published)
      if (name !== "frps") expect(ports.map(({ host_ip }) => host_ip)).toEqual(["127.0.0.1"]);
    expect(model.networks.inside).toMatchObject({ internal: true });
    for (const [name, { networks, ports }] of Object.entries(model.services))
      if (ports === undefined) expect(Object.keys(networks), name).toEqual(["inside"]);
  });

  it("names a version of every image", () => {
    for (const { image } of Object.values(model.services)) expect(image).toMatch(/:v?\d[\w.-]*$/);
  });
});

describeWith(["engine", "compose", "frp", "kafka"], "the stack of compose.yaml", () => {
  let stack: ComposeStack;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    stack = await composeStack({ FRPS_BIND: "127.0.0.1", FRPS_PORT: port });
    await sluiceImage();
    const { services } = JSON.parse(await stack.compose("config", "--format", "json")) as Model;
    for (const name of ["redis", "kafka", "frps"]) await composeImage(services[name]!.image);
  }, BUILD_TIMEOUT_MS);

  it(
    "lets a user in until a rule in Redis says otherwise, has it all on Kafka, and stops in order",
    async () => {
      await stack.up("frps", "kafka");
      const frps = { bindPort: port, token: await stack.secret("frp-token") };
      const { echoPort } = await startBackend();
      const proxies = [{ name: "ssh", type: "tcp", localPort: echoPort, remotePort: 6001 }];
      const frpc = await startFrpc({ frps, user: "alice", proxies, until: "all" });
      const visitor = await tcpUser(6001);
      expect(await visitor.served).toBe(true);
      await visitor.close();
      await frpc.close();

      await stack.compose("run", "--rm", "policy", "set", "user:alice", "deny moved away");
      const refused = await startFrpc({ frps, user: "alice", until: "nothing" });
      await refused.log.saw(/moved away/);
      await refused.close();
      expect(await stack.compose("exec", "-T", "sluice", "sluice", "tail")).toMatch(
        /login\.refused.*refused by user:alice: moved away/,
      );

      await stack.compose("stop", "frps", "sluice");
      expect(await exitCodeOf(stack, "sluice")).toBe(0);
      const verified = await stack.compose("run", "--rm", "--no-deps", "sluice", "verify");
      for (const topic of ["logins", "proxies", "user-sessions", "policy-changes"])
        expect(verified).toMatch(new RegExp(`sluice\\.${topic} .*\\d`));
      expect(verified).not.toContain("NOT WHOLE");
    },
    RUN_TIMEOUT_MS,
  );
});
