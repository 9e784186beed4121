/** The files of `connectors/contract`: as they should be, and as they are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asyncApi, type DocumentParts, schemaFile } from "./asyncapi.ts";
import type { JsonSchema, Kind } from "./breaking.ts";

export const documentFile = "asyncapi.json";

/** Text by name of the file. */
export function contractFiles(parts: DocumentParts): Map<string, string> {
  return new Map([
    [documentFile, json(asyncApi(parts))],
    ...parts.messages.map((message) => [schemaFile(message), json(message.schema)] as const),
  ]);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

interface AsyncApi {
  readonly channels: Readonly<Record<string, { readonly messages: Readonly<Record<string, unknown>> }>>;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly payload: { readonly $ref: string } }>>;
  };
}

/** What the document in a folder names, with the schemas that it refers to; nothing where there is none. */
export function kindsIn(folder: string): Kind[] {
  const file = join(folder, documentFile);
  if (!existsSync(file)) return [];
  const { channels, components } = JSON.parse(readFileSync(file, "utf8")) as AsyncApi;
  return Object.entries(channels).flatMap(([topic, { messages }]) =>
    Object.keys(messages).map((name) => {
      const path = components.messages[name]!.payload.$ref;
      const schema = JSON.parse(readFileSync(join(folder, path), "utf8")) as JsonSchema;
      return { name, topic, version: Number(/\.(\d+)\.json$/.exec(path)![1]), schema };
    }),
  );
}
