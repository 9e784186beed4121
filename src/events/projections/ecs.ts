/** An event as ECS 9; for Elasticsearch, OpenSearch and what reads their fields. */
import type { SluiceEvent } from "../schema.ts";
import { fields } from "./ecs-fields.ts";
import { factsOf } from "./facts.ts";
import { forSinks } from "./sink-text.ts";

export interface EcsEvent {
  readonly "@timestamp": string;
  readonly ecs: { readonly version: string };
  readonly event: { readonly id: string; readonly action: string } & Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

type Tree = { [name: string]: unknown };

/** Fields that hold nothing are left out. @throws of a type that this release does not know */
export function toEcs(event: SluiceEvent): EcsEvent {
  const facts = factsOf(event);
  const tree: Tree = {};
  for (const [name, of] of Object.entries(fields)) {
    const value = of(facts);
    if (value !== null && !(Array.isArray(value) && value.length === 0)) put(tree, name, value);
  }
  return forSinks(tree) as EcsEvent;
}

function put(tree: Tree, name: string, value: unknown): void {
  const path = name.split(".");
  const last = path.pop()!;
  let at = tree;
  for (const part of path) {
    at[part] ??= {};
    at = at[part] as Tree;
  }
  at[last] = value;
}
