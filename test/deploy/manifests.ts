/** The overlays of deploy/kubernetes as kustomize renders them and the API server judges and completes them. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryFolder } from "../hosts/folder.ts";
import { kubernetesPrograms } from "../hosts/kubernetes-program.ts";
import { run } from "../hosts/process.ts";

const FOLDER = join(import.meta.dirname, "../../deploy/kubernetes");

export type Labels = Readonly<Record<string, string>>;

interface Peer {
  readonly namespaceSelector?: { readonly matchLabels: Labels };
  readonly podSelector?: { readonly matchLabels: Labels };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}

/** What the tests read of any object. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas?: number;
    readonly selector: Labels & { readonly matchLabels: Labels };
    readonly podSelector: { readonly matchLabels: Labels };
    readonly serviceName: string;
    readonly sessionAffinity?: string;
    readonly ports: readonly { readonly name: string; readonly targetPort: string }[];
    readonly ingress: readonly {
      readonly from: readonly Peer[];
      readonly ports: readonly { port: string }[];
    }[];
    readonly egress?: readonly {
      readonly to: readonly Peer[];
      readonly ports: readonly { port: number }[];
    }[];
    readonly podMetricsEndpoints: readonly {
      readonly port: string;
      readonly path: string;
      readonly authorization: { readonly credentials: { readonly name: string; readonly key: string } };
    }[];
    readonly template: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
        readonly containers: readonly [Container];
        readonly volumes: readonly {
          readonly name: string;
          readonly configMap?: { readonly name: string };
          readonly secret?: { readonly secretName: string };
          readonly emptyDir?: object;
        }[];
      };
    };
    readonly volumeClaimTemplates: readonly {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
    }[];
  };
}

export type Overlay = "embedded" | "production";

/** What an operator puts into the Secret, by its key. */
export const secrets: Readonly<Record<string, string>> = {
  "http-auth": "frps:secret-of-frps",
  "admin-token": "token-of-admins",
  "redis-url": "redis://sluice:secret@redis.redis.svc:6379",
};

const whole = new Map<Overlay, Promise<string>>();

/** The overlay with all secrets; rendered once. */
export function rendered(overlay: Overlay): Promise<string> {
  const known = whole.get(overlay) ?? renderedWith(overlay, secrets);
  whole.set(overlay, known);
  return known;
}

/** @param given what the operator has put into the folder `secrets`, by file */
export async function renderedWith(
  overlay: Overlay,
  given: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = await temporaryFolder("kubernetes");
  const top = join(folder.path, "kubernetes");
  await cp(FOLDER, top, { recursive: true, filter: (path) => !path.endsWith("/secrets") });
  const place = join(top, "overlays", overlay);
  await laidOut(given, join(place, "secrets"));
  const { kustomize } = await kubernetesPrograms();
  return run({ program: kustomize, args: ["build", place] }).finally(() => folder.remove());
}

export interface Verdict {
  readonly complaints: readonly string[];
  /** With the server's defaults. */
  readonly objects: readonly Manifest[];
}

export async function judged(yaml: string): Promise<Verdict> {
  const folder = await temporaryFolder("manifests");
  const file = join(folder.path, "all.yaml");
  await writeFile(file, yaml);
  const { judge } = await kubernetesPrograms();
  const verdict = await run({ program: "sh", args: ["-c", '"$0" <"$1"', judge, file] });
  await folder.remove();
  return JSON.parse(verdict) as Verdict;
}

/** The only object of its kind, or the one of a name that may have a hash behind it. */
export function objectOf(objects: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter(
    (one) => one.kind === kind && (name === undefined || one.metadata.name === name),
  );
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind}, name ${name ?? "any"}`);
  return found[0]!;
}

/**
 * What the pod finds in its file system, by path.
 * @throws Error for a ConfigMap or Secret that is not there
 */
export function filesOf(objects: readonly Manifest[]): Record<string, string> {
  const { containers, volumes } = objectOf(objects, "StatefulSet").spec.template.spec;
  const files: Record<string, string> = {};
  for (const { name, mountPath } of containers[0].volumeMounts) {
    const volume = volumes.find((one) => one.name === name);
    const { configMap, secret } = volume ?? {};
    if (configMap)
      for (const [key, text] of Object.entries(objectOf(objects, "ConfigMap", configMap.name).data ?? {}))
        files[`${mountPath}/${key}`] = text;
    if (secret)
      for (const [key, text] of Object.entries(objectOf(objects, "Secret", secret.secretName).data ?? {}))
        files[`${mountPath}/${key}`] = Buffer.from(text, "base64").toString();
  }
  return files;
}

export function environmentOf({ env }: Container): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

/** Writes files under another root. */
export async function laidOut(files: Readonly<Record<string, string>>, root: string): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
