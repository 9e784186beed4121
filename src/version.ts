import { readFileSync } from "node:fs";

/** From package.json, which lies above src as well as above dist. */
export const version: string = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
).version;
