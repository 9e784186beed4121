/** deploy/kubernetes: its overlays as kustomize renders them, judged by the API server's own code and by Sluice's. */
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import type { Settings } from "../../src/config/settings.ts";
import { call } from "../cli/sluice.ts";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { type OwnRoot, startInOwnRoot } from "../hosts/own-root.ts";
import { freePort } from "../hosts/ports.ts";
import {
  environmentOf,
  filesOf,
  judged,
  laidOut,
  type Manifest,
  type Overlay,
  objectOf,
  rendered,
  renderedWith,
  secrets,
} from "./manifests.ts";
import { partsEndWithinMs } from "./stopping.ts";

vi.setConfig({ testTimeout: 60_000 });

const overlays: readonly Overlay[] = ["embedded", "production"];

describeWith(["kubernetes"], "an overlay", () => {
  describe.each(overlays)("%s", (overlay) => {
    let objects: readonly Manifest[];
    let complaints: readonly string[];
    let settings: Settings;

    beforeAll(async () => {
      ({ objects, complaints } = await judged(await rendered(overlay)));
      settings = await settingsOf(objects);
    });

    const set = () => objectOf(objects, "StatefulSet").spec;
    const pod = () => set().template.spec;
    const container = () => pod().containers[0];
    const labels = () => set().template.metadata.labels;

    it("is taken by the API server, in a namespace that enforces the restricted standard", () => {
      expect(complaints).toEqual([]);
      const kinds = ["ConfigMap", "Namespace", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Service"];
      expect(objects.map(({ kind }) => kind)).toEqual(expect.arrayContaining(kinds));
    });

    it("gives the bridge settings that it takes, with every secret from a file", () => {
      expect(settings.http.auth).toBe(secrets["http-auth"]);
      expect(settings.admin.token).toBe(secrets["admin-token"]);
      expect(settings.redis.url).toBe(overlay === "production" ? secrets["redis-url"] : undefined);
      expect(settings.kafka.brokers.length > 0).toBe(overlay === "production");
      const written = JSON.stringify(objects.filter(({ kind }) => kind !== "Secret"));
      for (const secret of Object.values(secrets)) expect(written).not.toContain(secret);
    });

    it("names the ports that the bridge listens on, and asks the two paths that need no token", () => {
      const { ports, startupProbe, livenessProbe, readinessProbe } = container();
      const named = Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort]));
      expect(named).toEqual({ plugin: settings.http.port, admin: settings.admin.port });
      expect([settings.http.host, settings.admin.host]).toEqual(["0.0.0.0", "0.0.0.0"]);
      expect([startupProbe, livenessProbe].map(({ httpGet }) => httpGet)).toEqual(
        Array(2).fill(expect.objectContaining({ path: "/healthz", port: "admin" })),
      );
      expect(readinessProbe.httpGet).toMatchObject({ path: "/readyz", port: "admin" });
      const asked = objects.filter(({ kind }) => kind === "Service").flatMap(({ spec }) => spec.ports);
      for (const { targetPort } of asked) expect(Object.keys(named)).toContain(targetPort);
    });

    it("keeps the journal on a claim of the pod's own, with room for journal.maxBytes", () => {
      const claims = set().volumeClaimTemplates;
      const places = claims.map(({ metadata }) => placeOf(container().volumeMounts, metadata.name));
      expect(places).toEqual([settings.data.dir]);
      const { storage } = claims[0]!.spec.resources.requests;
      expect(Number.parseInt(storage, 10) * 1024 ** 3).toBeGreaterThan(1.25 * settings.journal.maxBytes);
      expect(storage).toMatch(/^\d+Gi$/);
    });

    it("can write to the claim and to /tmp alone", () => {
      const writable = container().volumeMounts.filter(({ readOnly }) => readOnly !== true);
      expect(writable.map(({ mountPath }) => mountPath).sort()).toEqual(["/tmp", settings.data.dir]);
    });

    it("leaves the bridge the time that it may take to stop, and is told of the stop before it begins to close", () => {
      const { delayMs, drainMs } = settings.stop;
      expect([delayMs, drainMs]).toEqual([10_000, 95_000]);
      expect(pod().terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(
        delayMs + drainMs + partsEndWithinMs,
      );
      const { periodSeconds, failureThreshold, timeoutSeconds } = container().readinessProbe;
      expect((periodSeconds * failureThreshold + timeoutSeconds) * 1000).toBeLessThan(delayMs);
    });

    it("selects its pods in the services, the budget and the network policy, and its callers by other labels", () => {
      const services = objects.filter(({ kind }) => kind === "Service");
      const budget = objectOf(objects, "PodDisruptionBudget").spec;
      const policy = objectOf(objects, "NetworkPolicy").spec;
      const selectors = [
        ...services.map(({ spec }) => spec.selector),
        budget.selector.matchLabels,
        policy.podSelector.matchLabels,
        set().selector.matchLabels,
      ];
      expect(selectors).toHaveLength(5);
      for (const selector of selectors) {
        expect(selector).not.toEqual({});
        expect(labels()).toMatchObject(selector);
      }
      const callers = policy.ingress.map(({ from, ports }) => [
        ports.map(({ port }) => port),
        from.map(({ podSelector }) => podSelector?.matchLabels["app.kubernetes.io/name"]),
      ]);
      expect(callers).toEqual([
        [["plugin"], ["frps"]],
        [["admin"], ["prometheus"]],
      ]);
      for (const { from } of policy.ingress)
        for (const { namespaceSelector } of from) expect(namespaceSelector).toBeDefined();
      expect(services.map(({ metadata }) => metadata.name)).toContain(set().serviceName);
    });

    it("lets the bridge call what its settings name, and nothing else", () => {
      const { egress = [] } = objectOf(objects, "NetworkPolicy").spec;
      const redis = settings.redis.url === undefined ? [] : [Number(new URL(settings.redis.url).port)];
      const kafka = settings.kafka.brokers.map((broker) => Number(broker.split(":").at(-1)));
      const names = overlay === "production" ? [53] : [];
      const called = egress.flatMap(({ ports }) => ports.map(({ port }) => port));
      expect(new Set(called)).toEqual(new Set([...names, ...redis, ...kafka]));
      for (const { to } of egress) expect(to).not.toEqual([]);
    });

    it("keeps each frps with one bridge", () => {
      const { sessionAffinity } = objectOf(objects, "Service", "sluice").spec;
      expect(sessionAffinity).toBe("ClientIP");
    });

    it("has everything in its namespace, and no account that is not there", () => {
      const namespace = objectOf(objects, "Namespace").metadata.name;
      const others = objects.filter(({ kind }) => kind !== "Namespace");
      expect(new Set(others.map(({ metadata }) => metadata.namespace))).toEqual(new Set([namespace]));
      expect(pod().serviceAccountName).toBe(objectOf(objects, "ServiceAccount").metadata.name);
    });
  });

  it("production has two bridges, and metrics that are read with the token from the Secret", async () => {
    const { objects } = await judged(await rendered("production"));
    expect(objectOf(objects, "StatefulSet").spec.replicas).toBe(2);
    const monitor = objectOf(objects, "PodMonitor").spec;
    const { labels } = objectOf(objects, "StatefulSet").spec.template.metadata;
    expect(labels).toMatchObject(monitor.selector.matchLabels);
    const [{ port, path, authorization }] = monitor.podMetricsEndpoints as [
      (typeof monitor.podMetricsEndpoints)[0],
    ];
    expect([port, path]).toEqual(["admin", "/metrics"]);
    const { name, key } = authorization.credentials;
    expect(Object.keys(objectOf(objects, "Secret", name).data ?? {})).toContain(key);
  });

  it("embedded is one bridge, whose policy keeps its name, so that a change reaches it while it runs", async () => {
    const { objects } = await judged(await rendered("embedded"));
    expect(objectOf(objects, "StatefulSet").spec.replicas).toBe(1);
    expect(objectOf(objects, "ConfigMap", "sluice-policy").data).toHaveProperty(["policy.json"]);
    const { policy } = await settingsOf(objects);
    expect(filesOf(objects)).toHaveProperty([policy.file]);
  });

  it("is not rendered while a secret is missing, which is then named", async () => {
    await expect(renderedWith("production", { "http-auth": "frps:x" })).rejects.toThrow(
      /secrets\/admin-token/,
    );
  });
});

describeWith(["kubernetes"], "a broken manifest is refused:", () => {
  it.each([
    [
      "a field that the API does not know",
      "readOnlyRootFilesystem:",
      "readOnlyRootFileSystem:",
      /unknown field/,
    ],
    ["a value of a wrong type", "replicas: 2", 'replicas: "two"', /cannot unmarshal string/],
    [
      "a value that is none of those allowed",
      "OnRootMismatch",
      "Sometimes",
      /fsGroupChangePolicy.*Unsupported/,
    ],
    ["a kind that is none", "kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", /no kind/],
    ["a quantity that is none", "memory: 2Gi", "memory: 2 gigabytes", /quantities must match/],
    [
      "a volume that nobody has",
      "- mountPath: /etc/sluice\n          name: config",
      "- mountPath: /etc/sluice\n          name: nothing",
      /volumeMounts\[\d\].name: Not found/,
    ],
    [
      "a selector that is not the pods'",
      "selector:\n    matchLabels:\n      app.kubernetes.io/name: sluice\n  serviceName",
      "selector:\n    matchLabels:\n      app.kubernetes.io/name: sluices\n  serviceName",
      /`selector` does not match template/,
    ],
    [
      "a pod that may become root",
      "runAsNonRoot: true",
      "runAsNonRoot: false",
      /not restricted:.*runAsNonRoot/,
    ],
    [
      "a container with rights",
      "drop:\n            - ALL",
      "drop:\n            - NET_RAW",
      /not restricted:.*ALL/,
    ],
    ["an unknown field of the operator's", "podMetricsEndpoints:", "podMetricEndpoints:", /unknown field/],
  ])("%s", async (_, from, to, complaint) => {
    const yaml = await rendered("production");
    expect(yaml).toContain(from);
    const { complaints } = await judged(yaml.replace(from, to));
    expect(complaints.join("\n")).toMatch(complaint);
  });
});

describeWith(["kubernetes", "own-root"], "the pod of the embedded overlay", () => {
  it("answers and is ready with its user, its files and a root that it cannot write to, and ends when told", async () => {
    await using host = await runningPod();
    const { env, url, adminUrl, runAsUser, probes } = host;
    const auth = { authorization: `Basic ${btoa(secrets["http-auth"]!)}` };
    expect(await call(url, "Login", { user: "alice" }, auth)).toEqual({ reject: false, unchange: true });
    expect(await call(url, "Login", { user: "mallory" }, auth)).toMatchObject({ reject: true });
    for (const path of probes) expect((await fetch(adminUrl + path)).status).toBe(200);

    expect(env).not.toHaveProperty("HOME");
    const status = await host.inside("cat", "/proc/1/status");
    expect(status).toMatch(new RegExp(`^Uid:\\s${runAsUser}\\b`, "m"));
    expect(status).toMatch(/^CapBnd:\s0{16}$/m);
    await expect(host.inside("touch", "/opt/anything")).rejects.toThrow(/Read-only file system/);

    const from = host.log.lines.length;
    await host.inside("kill", "-TERM", "1");
    await host.log.saw(/"msg":"stopped"/, { from });
  });

  it("says which setting to change when it may not write to its claim", async () => {
    await using host = await runningPod({ ownerOfClaim: 0, ready: /data_dir_unusable/ });
    expect(host.log.tail()).toMatch(/data\.dir \(SLUICE_DATA_DIR\) names \/var\/lib\/sluice,/);
  });
});

interface PodTrial {
  readonly ownerOfClaim?: number;
  readonly ready?: RegExp;
}

/** The pod's process, with all that the kubelet gives to it, on free ports and with no wait at its end. */
async function runningPod({ ownerOfClaim, ready = /sluice \S+ answers/ }: PodTrial = {}) {
  const { objects } = await judged(await rendered("embedded"));
  const { securityContext, containers } = objectOf(objects, "StatefulSet").spec.template.spec;
  const { runAsUser, runAsGroup } = securityContext;
  const [container] = containers;
  const [port, adminPort] = [await freePort(), await freePort()];
  const env = {
    ...environmentOf(container),
    SLUICE_HTTP_PORT: String(port),
    SLUICE_ADMIN_PORT: String(adminPort),
    SLUICE_STOP_DELAY_MS: "0",
    SLUICE_STOP_DRAIN_MS: "0",
    PATH: "/opt/node",
  };
  const claim = (await settingsOf(objects)).data.dir;
  const writable = container.volumeMounts.filter(({ readOnly }) => readOnly !== true);
  const steps = [
    ...writable.map(({ mountPath }) => `mkdir -p ${mountPath}; mount -t tmpfs -o mode=755 none ${mountPath}`),
    `chown ${ownerOfClaim ?? runAsUser} ${claim} && mount -o remount,ro /`,
    'exec "$@"',
  ];
  const user = [`--reuid=${runAsUser}`, `--regid=${runAsGroup}`, "--clear-groups"];
  const rights = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];
  const program = ["/opt/checkout/bin/sluice.js", ...container.args];
  const host: OwnRoot = await startInOwnRoot({
    files: filesOf(objects),
    ready,
    command: [
      ...["sh", "-euc", steps.join("\n"), "sh", "setpriv", ...user, ...rights, "env", "-i"],
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...program,
    ],
  });
  const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
  return Object.assign(host, {
    env,
    runAsUser,
    probes: probes.map(({ httpGet }) => httpGet.path),
    url: `http://127.0.0.1:${port}/handler`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
  });
}

/** What the program makes of the pod's files and environment. */
async function settingsOf(objects: readonly Manifest[]): Promise<Settings> {
  const folder = await temporaryFolder("pod");
  await laidOut(filesOf(objects), folder.path);
  const { SLUICE_CONFIG, ...env } = environmentOf(
    objectOf(objects, "StatefulSet").spec.template.spec.containers[0],
  );
  const moved = Object.entries(env).map(([name, value]) => [
    name,
    name.endsWith("_FILE") ? join(folder.path, value) : value,
  ]);
  const { settings } = loadSettings(join(folder.path, SLUICE_CONFIG!), Object.fromEntries(moved));
  await folder.remove();
  return settings;
}

function placeOf(
  mounts: readonly { readonly name: string; readonly mountPath: string }[],
  name: string,
): string | undefined {
  return mounts.find((one) => one.name === name)?.mountPath;
}
