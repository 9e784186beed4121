import { join } from "node:path";
import { type Building, built, isBuilt } from "./cache.ts";
import { goModule } from "./frp-program.ts";
import { onPath } from "./process.ts";

const MODULE = join(import.meta.dirname, "kubernetes-module");
const KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5";

/** The paths of the two programs. */
export interface KubernetesPrograms {
  kustomize: string;
  /** Judges objects with the API server's own code; see its main.go. */
  judge: string;
}

/** Why manifests can't be rendered and judged here; undefined if they can. */
export async function kubernetesMissing(): Promise<string | undefined> {
  if (isBuilt(await fromModuleProxy()) || (await onPath("go"))) return undefined;
  return "no go on PATH to build kustomize and the API server's validation with";
}

export async function kubernetesPrograms(): Promise<KubernetesPrograms> {
  const folder = await built(await fromModuleProxy());
  return { kustomize: join(folder, "bin/kustomize"), judge: join(folder, "bin/judge-manifests") };
}

function fromModuleProxy(): Promise<Building> {
  return goModule("kubernetes", MODULE, [".", KUSTOMIZE]);
}
