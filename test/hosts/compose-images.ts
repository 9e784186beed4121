/**
 * Images under the names that compose.yaml gives them. What can't be pulled is made of Debian's packages and of the
 * programs that tests have: it takes the same configuration in the same places, but is not what people run.
 */
import { copyFile, cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canBeHad, makeDebian } from "./base-images.ts";
import { docker } from "./docker-run.ts";
import { temporaryFolder } from "./folder.ts";
import { frpPrograms } from "./frp-program.ts";
import { kafkaProgram } from "./kafka-program.ts";
import { run } from "./process.ts";

const install = (...packages: string[]): string =>
  `RUN apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")} && rm -rf /var/lib/apt/lists`;

interface Recipe {
  lines: string[];
  /** Puts files into the folder that the image is built of. */
  put?(folder: string): Promise<void>;
}

const startKafka = `#!/bin/bash
set -e
format() { java -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format --ignore-formatted -t "$CLUSTER_ID" -c "$1"; }
format /mnt/shared/config/server.properties
exec java $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' kafka.Kafka /mnt/shared/config/server.properties
`;

const recipes: Record<string, Recipe> = {
  redis: { lines: [install("redis-server")] },
  "fatedier/frps": {
    lines: ["COPY frps /usr/bin/frps", 'ENTRYPOINT ["/usr/bin/frps"]'],
    put: async (folder) => copyFile((await frpPrograms()).frps, join(folder, "frps")),
  },
  "apache/kafka": {
    lines: [
      install("openjdk-21-jre-headless"),
      "COPY libs /opt/kafka/libs",
      "COPY run /run-kafka",
      'CMD ["bash", "/run-kafka"]',
    ],
    async put(folder) {
      await cp((await kafkaProgram()).jars, join(folder, "libs"), { recursive: true });
      await writeFile(join(folder, "run"), startKafka);
    },
  },
};

/** Pulls an image, or makes one of its name; throws for one that nothing here makes. */
export async function composeImage(name: string): Promise<void> {
  if ((await canBeHad(name)) && (await startsByItself(name))) return;
  const recipe = recipes[name.split(":")[0]!];
  if (!recipe) throw new Error(`${name} could not be pulled, and nothing here makes it`);
  const folder = await temporaryFolder("image");
  await recipe.put?.(folder.path);
  const made = "LABEL sluice.test=made-of-local-programs";
  const lines = [`FROM ${await makeDebian()}`, ...recipe.lines, made];
  await writeFile(join(folder.path, "Dockerfile"), `${lines.join("\n")}\n`);
  await run({ program: "docker", args: ["build", "--network", "host", "--tag", name, folder.path] });
  await folder.remove();
}

/** One that images.ts made under the same name does not: whoever starts it says how. */
async function startsByItself(name: string): Promise<boolean> {
  const format = "{{len .Config.Entrypoint}} {{len .Config.Cmd}}";
  return (await docker("image", "inspect", "--format", format, name)) !== "0 0";
}
