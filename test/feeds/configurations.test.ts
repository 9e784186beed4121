/** The configurations of connectors/, as Redpanda Connect's own linter judges them. */
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeWith } from "../hosts/describe-with.ts";
import { temporaryFolder } from "../hosts/folder.ts";
import { closeWithFile } from "../hosts/open.ts";
import { connectorFile, lint } from "../hosts/redpanda-connect.ts";

/** What each of them needs to have set: whatever it does not name a default for. */
const needed: Readonly<Record<string, readonly string[]>> = {
  "opensearch/redpanda-connect.yaml": ["KAFKA_BROKERS", "OPENSEARCH_URLS"],
  "s3/redpanda-connect.yaml": ["KAFKA_BROKERS", "S3_BUCKET"],
  "splunk-hec/redpanda-connect.yaml": ["KAFKA_BROKERS", "SPLUNK_HEC_URL", "SPLUNK_HEC_TOKEN"],
  "webhook/redpanda-connect-batches.yaml": ["KAFKA_BROKERS", "WEBHOOK_URL", "WEBHOOK_SECRET"],
  "webhook/redpanda-connect.yaml": ["KAFKA_BROKERS", "WEBHOOK_URL", "WEBHOOK_SECRET"],
};
const configs = Object.entries(needed).map(([config, names]) => ({ config, names }));

const setAll = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, "x"]));

async function lintText(text: string, names: readonly string[]): Promise<string> {
  const folder = await temporaryFolder("lint");
  closeWithFile({ [Symbol.asyncDispose]: () => folder.remove() });
  const file = join(folder.path, "config.yaml");
  await writeFile(file, text);
  return lint(file, setAll(names));
}

it("no configuration is left out", () => {
  const there = readdirSync(connectorFile(""), { recursive: true, encoding: "utf8" });
  expect(there.filter((name) => /redpanda-connect.*\.yaml$/.test(name)).sort()).toEqual(Object.keys(needed));
});

describeWith(["redpanda-connect"], "by Redpanda Connect's linter", () => {
  it.each(configs)("$config is sound with what it needs", async ({ config, names }) => {
    expect(await lint(connectorFile(config), setAll(names))).toBe("");
  });

  it.each(configs)("$config names what it needs when that is not set", async ({ config, names }) => {
    const said = await lint(connectorFile(config), {});
    for (const name of names) expect(said).toContain(name);
  });

  it.each(configs)("$config is unsound with a field or a mapping that is none", async ({ config, names }) => {
    const text = await readFile(connectorFile(config), "utf8");
    expect(await lintText(text.replace("start_offset:", "start_ofset:"), names)).toMatch(/start_ofset/);
    expect(await lintText(text.replace("parse_json()", "parse_jsn()"), names)).toMatch(/parse_jsn/);
    expect(await lintText(text.replace("compression: gzip", "compresion: gzip"), names)).toMatch(
      /compresion/,
    );
  });

  /** The linter does not look into an alias, and lists behind one are lost. */
  it.each(configs)("$config has no aliases", async ({ config }) => {
    expect(await readFile(connectorFile(config), "utf8")).not.toMatch(/^\s*[^#\n]*[:-] [&*]\w/m);
  });
});
