/** Gives Connect each connector that lies in a folder, under the name of its file: register.mjs URL FOLDER. Ends with it. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

const [url, folder] = process.argv.slice(2);
if (url === undefined || folder === undefined) throw new Error("register.mjs URL FOLDER");
for (const file of (await readdir(folder)).filter((name) => name.endsWith(".json"))) {
  const name = basename(file, ".json");
  const body = await readFile(join(folder, file), "utf8");
  const answer = await fetch(`${url}/connectors/${name}/config`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body,
  });
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
  process.stdout.write(`${name} is with Connect\n`);
}
